"""What ``liverank automl`` does: read, search, judge on the test table, write the bundle."""

import argparse
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from msgspec.structs import replace
from rich.console import Console
from rich.markup import escape

from liverank.automl.data.read_table import read_table
from liverank.automl.ensemble.combine import us_per_row
from liverank.automl.pack import file_sha256, pack_result
from liverank.automl.report.reports import TableReport
from liverank.automl.report.test_table import check_test, score_test
from liverank.automl.result import Result
from liverank.automl.table import fit, warm_up
from liverank.automl.trials.trial_result import TrialResult
from liverank.bundle.files import PackedBundle, write_bundle
from liverank.bundle.manifest import MANIFEST
from liverank.cli.commands.automl import command_line
from liverank.cli.commands.automl.live_leaderboard import Row, live_leaderboard
from liverank.cli.project.clock import now_ms
from liverank.cli.terminal.interrupts import StoppableClock, stopped_by_interrupt
from liverank.errors import BundleError, TrainingError

_LARGER_IS_BETTER = ("auc", "auc_pr", "precision_at_", "recall_at_", "accuracy", "r2")
_BATCH = 55
_WRITING_S = 0.3
_TESTING_S = 3e-5
"""Seconds a row that judging on the test table is given of the budget."""
_LEAST_SHARE = 0.5


def search_table(
    arguments: argparse.Namespace, console: Console, *, started: float
) -> dict[str, Any]:
    """Do it; ``started`` is a ``time.monotonic`` from which the budget counts."""
    out = _place(arguments)
    warm_up()  # the first run ever compiles kernels, which would eat a short budget
    table = read_table(arguments.train)
    test = None if arguments.test is None else read_table(arguments.test)
    absent = [] if test is None else check_test(test, table, arguments.target, arguments.task)
    sha256 = file_sha256(arguments.train)
    clock = StoppableClock(leap_s=max(1e4, 10 * arguments.budget))
    result, us_per_trial = _search(arguments, console, table, test, started, clock)
    figures, test_rows = None, None
    if test is not None:
        figures, test_rows = score_test(test, result.predictor, result.report)
    unread = [name for name in absent if name in _read(result)]
    report = replace(
        result.report,
        asked=replace(
            result.report.asked,
            budget_s=arguments.budget,
            command=command_line(arguments),
        ),
        data=replace(
            result.report.data,
            name=arguments.train.name,
            sha256=sha256,
            size_mb=round(arguments.train.stat().st_size / 1e6, 6),
        ),
        seconds=round(time.monotonic() - started, 2),
        leaderboard=tuple(
            replace(
                entry,
                seconds=clock.really(entry.seconds),
                us_per_row=entry.us_per_row or us_per_trial.get((entry.family, entry.name)),
            )
            for entry in result.report.leaderboard
        ),
        stopped=(
            "by an interrupt, long before its budget was used; the best so far was kept"
            if clock.stopped
            else result.report.stopped
        ),
        test=figures,
        test_rows=test_rows,
        warnings=(
            *result.report.warnings,
            *(f"the test table lacks column `{name}`: it is read as unknown" for name in unread),
        ),
    )
    packed = pack_result(result.predictor, report, result.plan, result.golden, created_ms=now_ms())
    _write(out, packed)
    size_mb = sum(len(content) for content in packed.files.values()) / 1e6
    _tell(report, out, console)
    return {
        "task": report.asked.task,
        "rows": report.data.rows,
        "columns": report.data.columns,
        "budget_s": arguments.budget,
        "seconds": round(time.monotonic() - started, 2),
        "objective": report.asked.objective,
        "validation": report.held_out,
        "test": report.test,
        "served": {
            "kind": report.served.kind,
            "us_per_row_55": report.served.us_per_row_55,
            "size_mb": round(size_mb, 4),
        },
        "families": list(report.families),
        "warnings": list(report.warnings),
        "bundle": str(out),
    }


def _search(
    arguments: argparse.Namespace,
    console: Console,
    table: pl.DataFrame,
    test: pl.DataFrame | None,
    started: float,
    clock: StoppableClock,
) -> tuple[Result, dict[tuple[str, str], float]]:
    """The result, and what a row took each model that was tried (microseconds).

    Ctrl-C ends it with the best so far. Raises TrainingError where there is none yet.
    """
    objective = arguments.objective or "loss"
    sign = -1.0 if objective.startswith(_LARGER_IS_BETTER) else 1.0
    after_s = _WRITING_S + (0 if test is None else test.height * _TESTING_S)
    left_s = arguments.budget - (time.monotonic() - started) - after_s
    budget_s = max(left_s, _LEAST_SHARE * arguments.budget)
    us_per_trial: dict[tuple[str, str], float] = {}
    with (
        live_leaderboard(console, objective, budget_s) as show,
        stopped_by_interrupt(clock, console),
    ):

        def on_trial(tried: TrialResult, left_s: float) -> None:
            margins = tried.fits[-1].margins
            rows = np.zeros((_BATCH, len(tried.fits[-1].gains)), np.float32)
            us = us_per_row(margins, rows, time.monotonic)
            trial = tried.trial
            us_per_trial[trial.family, trial.name] = us
            row = Row(trial.family, trial.name, sign * tried.loss, tried.loss, tried.seconds, us)
            show(row, left_s)

        try:
            result = fit(
                table,
                target=arguments.target,
                time=arguments.time,
                group=arguments.group,
                weight=arguments.weight,
                split=arguments.split_column,
                types=dict(arguments.type),
                task=arguments.task,
                objective=arguments.objective,
                budget_s=budget_s,
                serving_us=arguments.serving_budget,
                gap_ms=arguments.gap * 1000,
                seed=arguments.seed,
                on_trial=on_trial,
                clock=clock,
            )
        except TrainingError as error:
            if not clock.stopped:
                raise
            raise TrainingError(f"stopped before there was a model to keep: {error}") from None
    return result, us_per_trial


def _place(arguments: argparse.Namespace) -> Path:
    """Where the bundle goes. Raises BundleError, before any work, where it may not or cannot."""
    name = re.sub(r"\W+", "_", arguments.target).strip("_") or "model"
    out: Path = arguments.out or Path(f"{name}.bundle")
    if out.exists() and not arguments.force:
        raise BundleError(f"{out}: exists already; choose another --out, or give --force")
    if out.exists() and not (out / MANIFEST).is_file():
        raise BundleError(f"{out}: is no bundle, so --force does not replace it; choose another")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        Path(tempfile.mkdtemp(prefix=".draft-", dir=out.parent)).rmdir()
    except OSError as error:
        raise BundleError(
            f"{out}: cannot be written: {error.strerror}; choose another --out"
        ) from None
    return out


def _write(out: Path, packed: PackedBundle) -> None:
    """Write the bundle, in place of the one that may be there.

    Raises BundleError where it cannot be written, and says where it is instead.
    """
    before = out.with_name(f".{out.name}.before")
    try:
        if out.exists():
            out.rename(before)
        write_bundle(out, packed)
    except (BundleError, OSError) as error:
        if before.exists():
            before.rename(out)
        instead = Path(tempfile.mkdtemp(prefix="liverank-")) / "bundle"
        write_bundle(instead, packed)
        raise BundleError(f"{error}; the bundle is in {instead}: move it from there") from None
    shutil.rmtree(before, ignore_errors=True)


def _read(result: Result) -> set[str]:
    encoder = result.predictor.encoder
    return set() if encoder is None else {form.name for form in encoder.inputs}


def _tell(report: TableReport, out: Path, console: Console) -> None:
    asked, served = report.asked, report.served
    console.print(
        f"[bold]{escape(asked.target)}[/bold]: {asked.task}, {report.data.rows:,} rows, "
        f"{len(report.leaderboard)} models tried in {report.seconds:.0f} s"
    )
    console.print(f"Rows are divided {escape(report.split.reason)}.")
    for title, figures in (("rows held out", report.held_out), ("test table", report.test)):
        if figures is not None:
            told = ", ".join(
                f"{name} {'unknown' if value is None else f'{value:.5g}'}"
                for name, value in figures.items()
            )
            console.print(f"On the {title}: {told}")
    console.print(escape(f"Served: {served.kind}, {served.us_per_row_55:.1f} us/row; {served.why}"))
    for warning in report.warnings:
        console.print(f"[yellow]Warning:[/yellow] {escape(warning)}")
    for note in report.notes:
        console.print(f"Note: {escape(note)}")
    console.print(f"Bundle: {escape(str(out))}; open {escape(str(out / 'report.html'))}")
