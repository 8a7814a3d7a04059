"""Everybody on one policy, from the moment at which the test began: what then truly happened."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from liverank.proof.phases import Effort, Phases
from liverank.proof.results import TruePolicy
from liverank.proof.truth.counted import Counted
from liverank.proof.watched import Watched
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy
from liverank.simulator.server.drive import drive

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Span:
    """The weeks of the test, in simulated Unix ms."""

    start_ms: int
    end_ms: int


def lived(
    life: Life,
    policy: Watched,
    span: Span,
    effort: Effort,
    on_share: Callable[[float], None],
) -> None:
    """Let a life go on with a policy over the span, and note the effort."""
    length_ms = span.end_ms - span.start_ms
    drive(
        life,
        policy,
        span.end_ms,
        on_progress=lambda at_ms: on_share((at_ms - span.start_ms) / length_ms),
    )
    effort.simulated_days = length_ms / DAY_MS
    effort.visits, effort.events = policy.visits, policy.events


def true_policy(
    name: str,
    where: Literal["server", "in process"],
    life: Life,
    policy: Policy,
    span: Span,
    phases: Phases,
) -> TruePolicy:
    """What is true when everybody's lists are of one policy; ``life`` is used up."""
    counted = Counted(life.world.people.ids, start_ms=span.start_ms, end_ms=span.end_ms)
    words = f"the truth: everybody on {name}"
    with phases.phase(f"truth:{name}", words) as effort:
        lived(
            life,
            Watched(policy, counted=counted),
            span,
            effort,
            lambda share: phases.progress(words, share),
        )
    return TruePolicy(
        policy=name, where=where, values=counted.values(), people=int(counted.came.sum())
    )
