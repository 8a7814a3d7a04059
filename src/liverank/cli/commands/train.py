"""``liverank train``: train a model on the log, and store it as a bundle to serve."""

import argparse
import time
from collections import Counter
from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from liverank.automl.report.comparison import Comparison
from liverank.automl.report.reports import RankingReport
from liverank.autopilot.gate import MODEL
from liverank.autopilot.promotion import Promotion, PromotionPolicy
from liverank.autopilot.retraining import train_and_promote
from liverank.autopilot.training import TrainingRun
from liverank.cli.project.clock import now_ms
from liverank.cli.project.event_input import add_history_arguments, open_history
from liverank.cli.project.paths import data_path
from liverank.cli.terminal.progress import stage_progress
from liverank.config import Config, load_config
from liverank.events.schema.schema import Schema
from liverank.quantities import counted

HELP = "train a model on the log and put it into service as a bundle"

_TOP_FEATURES = 10
_SHOWN_POSITIONS = 8


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
    """Replay the log into rows, search for a model, and store it if it beats popularity."""
    started = time.monotonic()
    config = load_config(arguments.config)
    with (
        open_history(arguments, config, console) as frames,
        stage_progress(console) as on_progress,
    ):
        result = train_and_promote(
            frames,
            config,
            data_path(arguments.config, config),
            PromotionPolicy(force=arguments.force, promote=not arguments.no_promote),
            clock=now_ms,
            on_progress=on_progress,
        )
    trained, promotion, schema = result.run, result.promotion, result.gathered.schema
    unused = [word.message for word in result.gathered.unused]
    for warning in unused:
        console.print(f"Warning: {warning}", markup=False, soft_wrap=True)
    _show_training(trained, config, schema, console)
    _show_promotion(promotion, trained, console)
    return {
        **({} if promotion.refusal is None else {"ok": False, "error": promotion.refusal}),
        "bundle": promotion.version,
        "promoted": promotion.promoted,
        "forced": promotion.forced,
        "features": list(trained.spec.names),
        "unused_words": unused,
        "guessed_fields": _guessed_fields(config, schema),
        "report": msgspec.to_builtins(trained.report),
        "seconds": round(time.monotonic() - started, 3),
    }


def _guessed_fields(config: Config, schema: Schema) -> dict[str, list[str]]:
    """Fields whose type was inferred from the data."""
    return {
        entity: sorted(set(fields) - set(getattr(config, entity).fields))
        for entity, fields in (
            ("items", schema.items),
            ("users", schema.users),
            ("requests", schema.requests),
        )
    }


def _show_training(trained: TrainingRun, config: Config, schema: Schema, console: Console) -> None:
    report = trained.report
    console.print(
        f"Learned from {report.data.rows:,} rows with {report.data.positives:,} successes; "
        f"{counted(len(report.leaderboard), 'model')} tried"
    )
    reasons = Counter(reason.split(" ")[0] for reason in report.dropped_features.values())
    counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    console.print(f"Features left out: {counts or 'none'}")
    if report.position is not None:
        effects = report.position.log_odds[:_SHOWN_POSITIONS]
        shown = ", ".join(f"{value:+.2f}" for value in effects)
        method = report.position.method.replace("_", " ")
        console.print(f"Effect of positions in log-odds, by {method}: {shown}", soft_wrap=True)
    for entity, names in _guessed_fields(config, schema).items():
        if names:
            console.print(f"Types inferred from the data ({entity}): {', '.join(names)}")
    _show_scores(next(iter(trained.heads)), report, console)
    for name, head in report.heads.items():
        _show_scores(name, head, console)
    for name, share in list(report.importance.items())[:_TOP_FEATURES]:
        console.print(f"  {share:6.1%}  {name}")
    if report.against is not None and report.against.methods:
        console.print(_table(report.against))
        console.print(f"{report.against.reason[0].upper()}{report.against.reason[1:]}.")
    for warning in report.warnings:
        console.print(f"Warning: {warning}.", markup=False, soft_wrap=True)
    for note in report.notes:
        console.print(f"Note: {note}.")


def _show_promotion(promotion: Promotion, trained: TrainingRun, console: Console) -> None:
    if promotion.version is None:
        return
    console.print(
        f"Bundle [bold]{promotion.version}[/bold]: reads {len(trained.spec.names)} features"
        + (", written because of --force" if promotion.forced else "")
    )
    if not promotion.promoted:
        console.print(
            f"It is not served yet: `liverank promote {promotion.version}` puts it into service"
        )


def _show_scores(name: str, report: RankingReport, console: Console) -> None:
    loss, base = report.held_out.get("log_loss"), report.baseline.get("log_loss")
    if loss is None:
        return
    console.print(
        f"{name}, on the holdout rows: log-loss {loss:.4f}"
        + (f" (constant baseline: {base:.4f})" if base is not None else "")
    )


def _table(against: Comparison) -> Table:
    """A row for the model and for each heuristic."""
    table = Table(
        title="The lists of the holdout rows, ranked by each method",
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
