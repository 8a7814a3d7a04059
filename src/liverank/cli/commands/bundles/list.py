"""``liverank bundles list``: list the stored models, and the one that is served."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from liverank.automl.report.formats import upgraded
from liverank.bundle import store
from liverank.bundle.store import StoredBundle
from liverank.cli.project.paths import add_config_argument, data_path
from liverank.config import load_config
from liverank.errors import BundleError

HELP = "list the bundles, and show which one serves"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """List the bundles, whole or broken."""
    root = data_path(arguments.config, load_config(arguments.config))
    kept = store.kept(root)
    problem, withdrawn = _pointer_problem(root), None
    if problem is None:
        withdrawn = store.withdrawn(root)
    if kept:
        console.print(_table(kept))
    else:
        console.print("There are no bundles yet; `liverank train` makes one")
    if withdrawn is not None:
        console.print(
            f"No bundle is in service: {store.previous(root)} was withdrawn ({withdrawn}); "
            "`liverank rollback` puts it back",
            markup=False,
            soft_wrap=True,
        )
    for text in [problem, *(one.problem for one in kept)]:
        if text is not None:
            console.print(text, soft_wrap=True)
    return {
        "ok": problem is None,
        "bundles": [_as_json(one) for one in kept],
        "withdrawn": withdrawn,
        **({} if problem is None else {"error": problem}),
    }


def _pointer_problem(root: Path) -> str | None:
    try:
        store.current(root)
    except BundleError as error:
        return str(error)
    return None


def _table(kept: tuple[StoredBundle, ...]) -> Table:
    """A table of 77 columns at most, for a narrow terminal; the JSON object has more."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading in ("version", "serves", "trained (UTC)"):
        table.add_column(heading, no_wrap=True)
    for heading in ("rows", *_FIGURES.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in kept:
        row = _as_json(one)
        figures = [row[name] for name in _FIGURES]
        table.add_row(
            one.version,
            "broken" if one.problem else one.service or "",
            "" if row["trained"] is None else row["trained"][:16].replace("T", " "),
            "" if row["rows"] is None else f"{row['rows']:,}",
            *("" if figure is None else f"{figure:.4f}" for figure in figures),
        )
    return table


_FIGURES = {"log_loss": "log-loss", "auc": "AUC", "ndcg@10": "nDCG@10"}


def _as_json(one: StoredBundle) -> dict[str, Any]:
    """The JSON object of a bundle; None for values missing from its report."""
    manifest, report = one.manifest, upgraded(one.report)
    held_out = report.get("held_out") or {}
    against = report.get("against") or {}
    methods = against.get("methods") or {}
    trained = None if manifest is None else datetime.fromtimestamp(manifest.created_ms / 1000, UTC)
    return {
        "version": one.version,
        "serves": one.service,
        "trained": None if trained is None else trained.isoformat(timespec="seconds"),
        "label": None if manifest is None else manifest.label,
        "rows": (report.get("data") or {}).get("rows"),
        "features": None if manifest is None else len(manifest.features),
        "log_loss": held_out.get("log_loss"),
        "base_rate_log_loss": (report.get("baseline") or {}).get("log_loss"),
        "auc": held_out.get("auc"),
        "ndcg@10": (methods.get("model") or {}).get("ndcg@10"),
        "heuristic_ndcg@10": (methods.get(against.get("best_heuristic")) or {}).get("ndcg@10"),
        "problem": one.problem,
    }
