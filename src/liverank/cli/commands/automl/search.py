"""The work of ``liverank automl``: read the files, search, show progress, write the bundle."""

import argparse
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from rich.console import Console
from rich.markup import escape

from liverank.automl.budget import StopToken
from liverank.automl.data.horizon import read_horizon
from liverank.automl.data.read_table import read_file
from liverank.automl.options import SearchOptions
from liverank.automl.pack import file_sha256, pack_result
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.report.reports import TableReport
from liverank.automl.result import Result
from liverank.automl.table import TableSource, search_table, warm_up
from liverank.automl.trials.plan import Plan, decode_plan
from liverank.bundle.files import PackedBundle, write_bundle
from liverank.bundle.manifest import MANIFEST
from liverank.cli.commands.automl import command_line
from liverank.cli.commands.automl.live_leaderboard import live_leaderboard
from liverank.cli.project.clock import now_ms
from liverank.cli.terminal.interrupts import stopped_by_interrupt
from liverank.errors import BundleError, TrainingError
from liverank.quantities import counted
from liverank.tables.table_file import TableFile

_WRITING_S = 0.3
"""Seconds of the budget reserved for writing the bundle."""


def search_and_write(
    arguments: argparse.Namespace, console: Console, *, started_s: float
) -> dict[str, Any]:
    """Search, write the bundle, and return what ``--json`` prints.

    ``started_s`` is the start of the budget, by ``time.monotonic``.
    """
    out = _output_folder(arguments)
    plan = None if arguments.plan is None else _read_plan(arguments.plan)
    warm_up()  # the first run ever compiles kernels, which would eat a short budget
    file = TableFile(arguments.train)
    table = read_file(file)
    test, notes, warnings = None, file.notes, file.warnings
    if arguments.test is not None:
        later = TableFile(arguments.test)
        test = read_file(later)
        notes += tuple(f"the test table: {note}" for note in later.notes)
        warnings += tuple(f"the test table: {warning}" for warning in later.warnings)
    source = TableSource(
        name=file.path.name,
        sha256=file_sha256(file.path),
        size_mb=round(file.path.stat().st_size / 1e6, 6),
        command=command_line(arguments),
        notes=notes,
        warnings=warnings,
    )
    result = _search(arguments, console, table, test, plan, started_s, source)
    report = result.report
    packed = pack_result(result.predictor, report, result.plan, result.golden, created_ms=now_ms())
    _write(out, packed)
    size_mb = sum(len(content) for content in packed.files.values()) / 1e6
    _show(report, out, console)
    return {
        "task": report.asked.task,
        "rows": report.data.rows,
        "columns": report.data.columns,
        "budget_s": arguments.budget,
        "seconds": round(time.monotonic() - started_s, 2),
        "objective": report.asked.objective,
        "positive": report.asked.positive,
        "split": {
            "kind": report.split.kind,
            "rows": {block.name: block.rows for block in report.split.blocks},
            "left_out": report.split.left_out,
        },
        "validation": report.held_out,
        "claim": None if report.claim is None else msgspec.to_builtins(report.claim),
        "test": report.test,
        "test_rows": report.test_rows,
        "test_unseen": msgspec.to_builtins(report.test_unseen),
        "served": {
            "kind": report.served.kind,
            "us_per_row_55": report.served.us_per_row_55,
            "size_mb": round(size_mb, 4),
        },
        "families": list(report.families),
        "warnings": list(report.warnings),
        "notes": list(report.notes),
        "bundle": str(out),
    }


def _search(
    arguments: argparse.Namespace,
    console: Console,
    table: pl.DataFrame,
    test: pl.DataFrame | None,
    plan: Plan | None,
    started_s: float,
    source: TableSource,
) -> Result:
    """Run the search and show its trials; Ctrl-C ends it with the best result so far."""
    stop = StopToken()
    roles = TableRoles(
        target=arguments.target,
        time=arguments.time,
        time_format=arguments.time_format,
        group=arguments.group,
        weight=arguments.weight,
        split=arguments.split_column,
        types=dict(arguments.type),
        task=arguments.task,
        positive=arguments.positive,
        chronological=arguments.chronological,
    )
    with (
        live_leaderboard(console, arguments.objective or "loss", arguments.budget) as on_trial,
        stopped_by_interrupt(stop, console),
    ):
        options = SearchOptions(
            budget_s=arguments.budget,
            serving_us=arguments.serving_budget,
            gap_ms=arguments.gap * 1000,
            horizon=None if arguments.horizon is None else read_horizon(arguments.horizon),
            seed=_seed(arguments.seed, plan),
            plan=plan,
            on_trial=on_trial,
            stop=stop,
            started_s=started_s,
            after_s=_WRITING_S,
        )
        return search_table(
            table, roles, options, objective=arguments.objective, source=source, test=test
        )


def _seed(asked: int | None, plan: Plan | None) -> int:
    """The requested seed, which must equal the plan's. Raises TrainingError."""
    if plan is None:
        return asked or 0
    if asked not in (None, plan.seed):
        raise TrainingError(
            f"--seed {asked}: the plan was made with seed {plan.seed}; leave --seed out"
        )
    return plan.seed


def _read_plan(file: Path) -> Plan:
    """The plan of an earlier search, e.g. from its bundle. Raises TrainingError."""
    try:
        plan = decode_plan(file.read_bytes())
    except OSError as error:
        raise TrainingError(f"{file}: cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise TrainingError(
            f"{file}: is not a plan of this version: {error}; give the plan.json of a bundle "
            "that it wrote, or search again"
        ) from None
    if not plan.is_recorded:
        raise TrainingError(f"{file}: is of a search that did not come to its end; search again")
    return plan


def _output_folder(arguments: argparse.Namespace) -> Path:
    """The bundle's folder. Raises BundleError, before any work, if it is not writable."""
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
    """Write the bundle; replaces an existing one.

    Raises BundleError if it cannot be written; its message names the folder with the bundle.
    """
    previous = out.with_name(f".{out.name}.before")
    try:
        if out.exists():
            out.rename(previous)
        write_bundle(out, packed)
    except (BundleError, OSError) as error:
        if previous.exists():
            previous.rename(out)
        instead = Path(tempfile.mkdtemp(prefix="liverank-")) / "bundle"
        write_bundle(instead, packed)
        raise BundleError(f"{error}; the bundle is in {instead}: move it from there") from None
    shutil.rmtree(previous, ignore_errors=True)


def _show(report: TableReport, out: Path, console: Console) -> None:
    asked, served = report.asked, report.served
    console.print(
        f"[bold]{escape(asked.target)}[/bold]: {asked.task}, {report.data.rows:,} rows, "
        f"{counted(len(report.leaderboard), 'model')} tried in {report.seconds:.0f} s"
    )
    if asked.positive is not None:
        console.print(
            escape(
                f'The positive class is "{asked.positive}": AUC-PR, precision, recall and '
                f'`probability` are of it; --positive "{asked.classes[0]}" takes the other'
            )
        )
    console.print(f"Rows are divided {escape(report.split.reason)}.")
    test = "test table"
    if report.test_unseen is not None:
        test += f" ({report.test_rows:,} of {report.test_unseen.of:,} rows)"
    for title, figures in (("rows held out", report.held_out), (test, report.test)):
        if figures is not None:
            shown = ", ".join(
                f"{name} {'unknown' if value is None else f'{value:.5g}'}"
                for name, value in figures.items()
            )
            console.print(f"On the {title}: {shown}")
    if report.claim is not None:
        claim = report.claim
        console.print(
            f"Expect on later rows: {claim.figure} {claim.value:.4g}, {claim.low:.4g} to "
            f"{claim.high:.4g} in 19 of 20 cases (by {claim.blocks} blocks of the past)"
        )
    console.print(escape(f"Served: {served.kind}, {served.us_per_row_55:.1f} us/row; {served.why}"))
    for warning in report.warnings:
        console.print(f"[yellow]Warning:[/yellow] {escape(warning)}")
    for note in report.notes:
        console.print(f"Note: {escape(note)}")
    console.print(f"Bundle: {escape(str(out))}; open {escape(str(out / 'report.html'))}")
