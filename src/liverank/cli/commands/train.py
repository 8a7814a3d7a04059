"""``liverank train``: from the log to a bundle that the server can serve."""

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from liverank.automl.report.comparison import Comparison
from liverank.automl.report.reports import RankingReport
from liverank.autopilot.gather import gather
from liverank.autopilot.judging import MODEL
from liverank.autopilot.training import TrainingRun, train_on
from liverank.bundle import store
from liverank.bundle.bundle import pack_bundle
from liverank.cli.project.clock import now_ms
from liverank.cli.project.event_input import add_history_arguments, open_history
from liverank.cli.project.paths import data_path
from liverank.cli.terminal.progress import stage_progress
from liverank.config import Config, load_config
from liverank.events.schema.schema import Schema

HELP = "train a model on the log and put it into service as a bundle"

_TOP_FEATURES = 10
_TOLD_PLACES = 8
_ADVICE = (
    "; what was served goes on. Train again when there is more to learn from, or give --force to "
    "write it anyway"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_history_arguments(parser)
    parser.add_argument(
        "--no-promote", action="store_true", help="keep the bundle, but do not serve it yet"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="write the bundle even if it does not rank better than popularity",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Replay the log into rows, find a model, store it as a bundle if it beats popularity."""
    started = time.monotonic()
    config = load_config(arguments.config)
    with (
        open_history(arguments, config, console) as frames,
        stage_progress(console) as on_progress,
    ):
        on_progress("reading the log", 0.0)
        found = gather(frames, config)
        trained = train_on(found.lists, frames, found.spec, config, on_progress=on_progress)
    schema = found.schema
    unused = [word.said for word in found.unused]
    for said in unused:
        console.print(f"Warning: {said}", markup=False, soft_wrap=True)
    _tell(trained, config, schema, console)
    against = trained.report.against
    assert against is not None
    version = None
    if against.beats or arguments.force:
        version = _keep(trained, data_path(arguments.config, config), arguments.no_promote)
        console.print(
            f"Bundle [bold]{version}[/bold]: reads {len(trained.spec.names)} features"
            + ("" if against.beats else ", written because of --force")
        )
        if arguments.no_promote:
            console.print(f"It is not served yet: `liverank promote {version}` does that")
    return {
        **({} if version else _refusal(against)),
        "bundle": version,
        "promoted": version is not None and not arguments.no_promote,
        "forced": version is not None and not against.beats,
        "features": list(trained.spec.names),
        "unused_words": unused,
        "guessed_fields": _guessed_fields(config, schema),
        "report": msgspec.to_builtins(trained.report),
        "seconds": round(time.monotonic() - started, 3),
    }


def _refusal(against: Comparison) -> dict[str, Any]:
    return {"ok": False, "error": f"no bundle was written: {against.reason}{_ADVICE}"}


def _keep(trained: TrainingRun, root: Path, no_promote: bool) -> str:
    packed = pack_bundle(
        spec=trained.spec,
        heads=trained.heads,
        report=trained.report,
        golden=trained.golden,
        page=trained.page,
        created_ms=now_ms(),
    )
    version = store.add(root, packed)
    if not no_promote:
        store.promote(root, version)
    return version


def _guessed_fields(config: Config, schema: Schema) -> dict[str, list[str]]:
    """Fields that were typed by looking at the data."""
    return {
        entity: sorted(set(fields) - set(getattr(config, entity).fields))
        for entity, fields in (
            ("items", schema.items),
            ("users", schema.users),
            ("requests", schema.requests),
        )
    }


def _tell(trained: TrainingRun, config: Config, schema: Schema, console: Console) -> None:
    report = trained.report
    console.print(
        f"Learned from {report.data.rows:,} rows with {report.data.positives:,} successes; "
        f"{len(report.leaderboard)} models tried"
    )
    reasons = Counter(reason.split(" ")[0] for reason in report.dropped_features.values())
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    console.print(f"Features left out: {told or 'none'}")
    if report.position is not None:
        places = ", ".join(f"{value:+.2f}" for value in report.position.log_odds[:_TOLD_PLACES])
        how = report.position.method.replace("_", " ")
        console.print(f"What places do, in log-odds, by {how}: {places}", soft_wrap=True)
    for entity, names in _guessed_fields(config, schema).items():
        if names:
            console.print(f"Typed by looking at the data ({entity}): {', '.join(names)}")
    _tell_scores(next(iter(trained.heads)), report, console)
    for name, head in report.heads.items():
        _tell_scores(name, head, console)
    for name, share in list(report.importance.items())[:_TOP_FEATURES]:
        console.print(f"  {share:6.1%}  {name}")
    if report.against is not None and report.against.methods:
        console.print(_table(report.against))
        console.print(f"{report.against.reason[0].upper()}{report.against.reason[1:]}.")
    for warning in report.warnings:
        console.print(f"Warning: {warning}.", markup=False, soft_wrap=True)
    for note in report.notes:
        console.print(f"Note: {note}.")


def _tell_scores(name: str, report: RankingReport, console: Console) -> None:
    loss, base = report.held_out.get("log_loss"), report.baseline.get("log_loss")
    if loss is None:
        return
    console.print(
        f"{name}, on the newest rows: log-loss {loss:.4f}"
        + (f" (share of successes alone: {base:.4f})" if base is not None else "")
    )


def _table(against: Comparison) -> Table:
    """A row for the model and for each heuristic."""
    table = Table(
        title="The newest lists, which chose nothing, ranked by each method",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("method")
    for metric in ("list_auc", "ndcg@10"):
        table.add_column(metric, justify="right")
    for name, figures in against.methods.items():
        style = "bold green" if name == MODEL else "bold" if name == against.best_heuristic else ""
        cells = (figures[metric] for metric in ("list_auc", "ndcg@10"))
        table.add_row(name, *("" if v is None else f"{v:.4f}" for v in cells), style=style)
    return table
