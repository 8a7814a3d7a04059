"""The leaderboard of a search while it runs: models, time left, and how good the best is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

_SHOWN = 10


@dataclass(frozen=True)
class Row:
    """A model that was tried; ``us_per_row`` is None where it was not timed."""

    family: str
    name: str
    figure: float
    loss: float
    seconds: float
    us_per_row: float | None


@contextmanager
def live_leaderboard(
    console: Console, objective: str, budget_s: float
) -> Iterator[Callable[[Row, float], None]]:
    """Gives a function of (a model that was tried, seconds left to search).

    A terminal shows the best models so far and a bar; anything else gets a line a model.
    """
    rows: list[Row] = []
    progress = Progress(
        TextColumn("search"),
        BarColumn(),
        TextColumn("{task.fields[left_s]:.0f} s left"),
        console=console,
    )
    task = progress.add_task("search", total=budget_s, left_s=budget_s)

    def tell_line(row: Row, left_s: float) -> None:
        console.print(escape(f"{_line(row, objective)}, {left_s:.0f} s left"))

    if not console.is_terminal:
        yield tell_line
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        live.update(progress)

        def tell(row: Row, left_s: float) -> None:
            rows.append(row)
            progress.update(task, completed=budget_s - left_s, left_s=left_s)
            live.update(Group(draw(rows, objective), progress))

        yield tell


def draw(rows: list[Row], objective: str) -> Table:
    """The best models, the best first."""
    table = Table(title=f"{len(rows)} models tried", title_justify="left", box=None)
    table.add_column("model")
    for name in (objective, "seconds", "us/row"):
        table.add_column(name, justify="right")
    for row in sorted(rows, key=lambda row: row.loss)[:_SHOWN]:
        us = "" if row.us_per_row is None else f"{row.us_per_row:.1f}"
        name = escape(f"{row.family} {row.name}")
        table.add_row(name, f"{row.figure:.5g}", f"{row.seconds:.1f}", us)
    return table


def _line(row: Row, objective: str) -> str:
    us = "" if row.us_per_row is None else f", {row.us_per_row:.1f} us/row"
    return f"{row.family} {row.name}: {objective} {row.figure:.5g}, {row.seconds:.1f} s{us}"
