"""Counterfactuals: the true values if everybody had one policy from the start of the test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverank.proof.phases import Effort, Phases
from liverank.proof.results import MODEL, TruePolicy
from liverank.proof.truth.counted import DAY_MS, Counted
from liverank.proof.watched import Watched
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy
from liverank.simulator.server.drive import drive
from liverank.simulator.server.served_policy import ServedPolicy

Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Span:
    """A time span of a world, in simulated Unix ms."""

    start_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        """The length of the span."""
        return self.end_ms - self.start_ms


def lived(
    life: Life, policy: Watched, span: Span, effort: Effort, on_share: Callable[[float], None]
) -> None:
    """Run a life with a policy over the span, and record the cost."""
    drive(
        life,
        policy,
        until_ms=span.end_ms,
        on_step=lambda at_ms, _: on_share((at_ms - span.start_ms) / span.length_ms),
    )
    effort.simulated_days = span.length_ms / DAY_MS
    effort.visits, effort.events = policy.visits, policy.events


@dataclass(frozen=True)
class Counterfactual:
    """All people on one policy, from the same time on and with the same random numbers."""

    name: str
    where: Literal["server", "in process"]
    life: Life
    """A fork of the life, which the run advances."""
    policy: Policy

    def lived_through(
        self, span: Span, phases: Phases, groups: Mapping[str, Bools] | None = None
    ) -> TruePolicy:
        """Run the span, and count the activity of all people and of each group."""
        people = self.life.world.people.ids
        counted = Counted(people, start_ms=span.start_ms, end_ms=span.end_ms)
        watched = Watched(self.policy, counted=counted)
        words = f"the truth: everybody on {self.name}"
        with phases.phase(f"truth:{self.name}", words) as effort:
            lived(self.life, watched, span, effort, lambda share: phases.progress(words, share))
            if self.name == MODEL and isinstance(self.policy, ServedPolicy):
                effort.fallbacks = self.policy.fallbacks
        return TruePolicy(
            policy=self.name,
            where=self.where,
            values=counted.values(),
            people=int(counted.came.sum()),
            by_variant={name: counted.values(among) for name, among in (groups or {}).items()},
        )
