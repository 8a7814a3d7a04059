"""``liverank train``: from the log to a bundle that the server can serve."""

import argparse
import time
from collections import Counter
from typing import Any

import msgspec
from rich.console import Console

from liverank.autopilot.gather import lists_to_train, look_at
from liverank.autopilot.training import Trained, train_on
from liverank.bundle import store
from liverank.bundle.bundle import pack_bundle
from liverank.cli.clock import now_ms
from liverank.cli.history import add_history_arguments, open_history
from liverank.cli.paths import data_path
from liverank.cli.progress import stage_progress
from liverank.config import load_config
from liverank.features.spec import derive_spec

HELP = "train a model on the log and put it into service as a bundle"

_TOP_FEATURES = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_history_arguments(parser)
    parser.add_argument(
        "--no-promote", action="store_true", help="keep the bundle, but do not serve it yet"
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Replay the log into rows, find a model, store it as a bundle."""
    started = time.monotonic()
    config = load_config(arguments.config)
    with (
        open_history(arguments, config, console) as frames,
        stage_progress(console) as on_progress,
    ):
        schema = look_at(frames, config)
        spec = derive_spec(schema, config)
        lists = lists_to_train(frames, spec.layout, config)
        trained = train_on(lists, frames, spec, config, on_progress=on_progress)
    root = data_path(arguments.config, config)
    packed = pack_bundle(
        spec=trained.spec,
        model=trained.model,
        report=trained.report,
        golden=trained.golden,
        label=config.label.interaction,
        created_ms=now_ms(),
    )
    version = store.add(root, packed)
    if not arguments.no_promote:
        store.promote(root, version)
    guessed = {
        entity: sorted(set(fields) - set(getattr(config, entity).fields))
        for entity, fields in (
            ("items", schema.items),
            ("users", schema.users),
            ("requests", schema.requests),
        )
    }
    _tell(trained, version, guessed, console)
    return {
        "bundle": version,
        "promoted": not arguments.no_promote,
        "features": list(trained.spec.names),
        "guessed_fields": guessed,
        "report": msgspec.to_builtins(trained.report),
        "seconds": round(time.monotonic() - started, 3),
    }


def _tell(trained: Trained, version: str, guessed: dict[str, list[str]], console: Console) -> None:
    report = trained.report
    console.print(
        f"Bundle [bold]{version}[/bold]: learned from {report.rows:,} rows with "
        f"{report.positives:,} successes, reads {len(trained.spec.names)} features"
    )
    reasons = Counter(reason.split(" ")[0] for reason in report.dropped_features.values())
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    console.print(f"Features left out: {told or 'none'}")
    for entity, names in guessed.items():
        if names:
            console.print(f"Typed by looking at the data ({entity}): {', '.join(names)}")
    if report.scores is not None and report.scores.log_loss is not None:
        base = report.scores.base_rate_log_loss
        console.print(
            f"On the newest rows: log-loss {report.scores.log_loss:.4f}"
            + (f" (share of successes alone: {base:.4f})" if base is not None else "")
        )
    for name, share in list(report.importance.items())[:_TOP_FEATURES]:
        console.print(f"  {share:6.1%}  {name}")
    for note in report.notes:
        console.print(f"Note: {note}.")
