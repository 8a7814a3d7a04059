"""Shows the leaderboard of a running search: models, time left, and the best score."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from liverank.automl.trials.trial_result import TrialResult
from liverank.quantities import counted

_SHOWN = 10


@contextmanager
def live_leaderboard(
    console: Console, objective: str, budget_s: float
) -> Iterator[Callable[[TrialResult, float], None]]:
    """Yields a function to call after each trial, with its result and the remaining seconds.

    A terminal shows the best models so far and a bar; any other output gets a line for each model.
    """
    results: list[TrialResult] = []
    progress = Progress(
        TextColumn("search"),
        BarColumn(),
        TextColumn("{task.fields[left_s]:.0f} s left"),
        console=console,
    )
    task = progress.add_task("search", total=budget_s, left_s=budget_s)

    def print_line(result: TrialResult, left_s: float) -> None:
        console.print(escape(f"{_line(result, objective)}, {left_s:.0f} s left"))

    if not console.is_terminal:
        yield print_line
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        live.update(progress)

        def redraw(result: TrialResult, left_s: float) -> None:
            results.append(result)
            progress.update(task, completed=budget_s - left_s, left_s=left_s)
            live.update(Group(draw(results, objective), progress))

        yield redraw


def draw(results: list[TrialResult], objective: str) -> Table:
    """The leaderboard of the best models, best first."""
    table = Table(title=f"{counted(len(results), 'model')} tried", title_justify="left", box=None)
    table.add_column("model")
    for name in (objective, "seconds", "us/row"):
        table.add_column(name, justify="right")
    for each in sorted(results, key=lambda result: result.loss)[:_SHOWN]:
        us = "" if each.us_per_row is None else f"{each.us_per_row:.1f}"
        name = escape(each.trial.title)
        table.add_row(name, f"{each.figure:.5g}", f"{each.seconds:.1f}", us)
    return table


def _line(result: TrialResult, objective: str) -> str:
    us = "" if result.us_per_row is None else f", {result.us_per_row:.1f} us/row"
    return f"{result.trial.title}: {objective} {result.figure:.5g}, {result.seconds:.1f} s{us}"
