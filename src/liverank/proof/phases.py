"""The stages of a proof: progress and duration of each."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from liverank.proof.results import Phase

OnStage = Callable[[str, float], None]
"""Callback that gets a description of the stage and its finished share, from 0 to 1."""


@dataclass
class Effort:
    """Counts of a stage; the code that runs the stage fills them in."""

    simulated_days: float = 0.0
    visits: int = 0
    events: int = 0
    fallbacks: int = 0


class Phases:
    """Collects the phases, in their order."""

    def __init__(self, on_stage: OnStage | None) -> None:
        self._on_stage = on_stage
        self.done: list[Phase] = []

    @contextmanager
    def phase(self, name: str, words: str) -> Iterator[Effort]:
        """Record one stage, which lasts as long as the ``with`` block."""
        self.progress(words, 0.0)
        began_s, effort = time.perf_counter(), Effort()
        yield effort
        self.progress(words, 1.0)
        self.done.append(
            Phase(
                name=name,
                words=words,
                seconds=round(time.perf_counter() - began_s, 3),
                simulated_days=effort.simulated_days,
                visits=effort.visits,
                events=effort.events,
                fallbacks=effort.fallbacks,
            )
        )

    def progress(self, words: str, share: float) -> None:
        """Report the progress of a stage."""
        if self._on_stage is not None:
            self._on_stage(words, share)
