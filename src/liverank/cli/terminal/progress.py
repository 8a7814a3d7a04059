"""Progress bars of long work on the console."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


@contextmanager
def stage_progress(console: Console) -> Iterator[Callable[[str, float], None]]:
    """Show a bar for each stage; yields a function of (stage, finished share from 0 to 1)."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=not console.is_terminal) as progress:
        stages: dict[str, TaskID] = {}

        def on_progress(stage: str, share: float) -> None:
            if stage not in stages:
                stages[stage] = progress.add_task(stage, total=1.0)
            progress.update(stages[stage], completed=share)

        yield on_progress
