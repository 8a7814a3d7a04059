"""Progress of a proof on the console: bars in a terminal, a line for each stage elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from liverank.cli.terminal.progress import stage_progress


@contextmanager
def stage_lines(console: Console) -> Iterator[Callable[[str, float], None]]:
    """Give a function of the stage and its completed share."""
    if console.is_terminal:
        with stage_progress(console) as on_progress:
            yield on_progress
        return
    began: dict[str, float] = {}

    def on_stage(words: str, share: float) -> None:
        start_s = began.setdefault(words, time.monotonic())
        if share >= 1.0 and start_s >= 0:
            console.print(f"  {words}: {time.monotonic() - start_s:.1f} s", soft_wrap=True)
            began[words] = -1.0  # printed once

    yield on_stage
