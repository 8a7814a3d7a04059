"""``liverank bundles diff``: how two bundles differ."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liverank.autopilot.frames import LogFrames
from liverank.autopilot.registry.diff import BundleDiff, FieldDiff, diff_bundles
from liverank.autopilot.registry.rank_diff import RankDiff
from liverank.bundle import store
from liverank.cli.project.paths import add_config_argument, data_path, log_path
from liverank.cli.terminal.progress import stage_progress
from liverank.config import load_config
from liverank.errors import BundleError
from liverank.events.log import Log
from liverank.quantities import counted

HELP = "compare two bundles: what they come from, figures, features, and ranks on the same lists"

_LISTS = 200
_NAMED = {"current": store.current, "previous": store.previous}
_MOST_CHARACTERS = 40


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("a", metavar="A", help="a version, `current` or `previous`")
    parser.add_argument(
        "b", metavar="B", nargs="?", default="current", help="the same; `current` when left out"
    )
    parser.add_argument(
        "--lists",
        type=int,
        metavar="N",
        default=_LISTS,
        help=f"newest rankings of the log to rank by both; {_LISTS}",
    )
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Compare, and show a table for each kind of difference."""
    config = load_config(arguments.config)
    root = data_path(arguments.config, config)
    a, b = (store.load(root, _version(root, named)) for named in (arguments.a, arguments.b))
    if log_path(arguments.config, config).is_dir():
        with (
            Log.open(log_path(arguments.config, config)) as log,
            stage_progress(console) as on_progress,
        ):
            found = diff_bundles(
                a, b, LogFrames(log), config, lists=arguments.lists, on_progress=on_progress
            )
    else:
        found = diff_bundles(a, b, None, config, lists=arguments.lists)
    _show(found, console)
    return {"ok": True, **msgspec.to_builtins(found)}


def _version(root: Path, named: str) -> str:
    """The version that a word names. Raises BundleError."""
    if named not in _NAMED:
        return named
    version = _NAMED[named](root)
    if version is None:
        raise BundleError(
            f"{root}: there is no {named} bundle; name versions that `liverank bundles` lists"
        )
    return version


def _show(found: BundleDiff, console: Console) -> None:
    if found.a == found.b:
        console.print(f"{found.a} and {found.b} are the same bundle")
    for title, rows in (
        ("What they come from", found.lineage),
        ("Figures, each on its own holdout rows", found.figures),
        ("Importance that moved most", found.moved),
    ):
        if rows:
            console.print(_table(title, found, rows))
    for version, names in ((found.a, found.only_a), (found.b, found.only_b)):
        if names:
            console.print(f"Only {version} reads: {', '.join(names)}", markup=False)
    if found.ranks is None:
        console.print("The log holds no list of two items, so ranks were not compared")
    else:
        _show_ranks(found.ranks, console)


def _show_ranks(ranks: RankDiff, console: Console) -> None:
    console.print(
        f"On {counted(ranks.lists, 'list')}: {ranks.same_first:.1%} have the same first item, "
        f"{ranks.overlap:.1%} of the first ten are the same, Kendall's tau is {ranks.tau:.3f}"
    )
    if not ranks.most_different:
        return
    table = Table(title="Lists that differ most", box=None, padding=(0, 1, 0, 0))
    for heading in ("ranking", "user", "items", "tau", "first by A", "first by B"):
        table.add_column(heading, overflow="fold")
    for one in ranks.most_different:
        cells = (
            one.ranking,
            one.user,
            str(one.items),
            f"{one.tau:+.2f}",
            *map(", ".join, (one.a, one.b)),
        )
        table.add_row(*map(escape, cells))
    console.print(table)


def _table(title: str, found: BundleDiff, rows: tuple[FieldDiff, ...]) -> Table:
    table = Table(title=title, box=None, padding=(0, 1, 0, 0))
    for heading in ("", f"A {found.a}", f"B {found.b}"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(
            escape(row.name), *(escape(_text(row.name, value)) for value in (row.a, row.b))
        )
    return table


def _text(name: str, value: str | int | float | None) -> str:
    """A value in a cell; a long text is cut."""
    if value is None:
        return ""
    if name.endswith("_ms") and isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if value < 10**9 else str(value)
    text = str(value)
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"
