"""The challenger that is on trial in a deployment, as the events of autopilot in the log say.

Rank servers follow it: in ``shadow`` it scores requests and serves nothing, in ``canary`` it
serves a share of the people. Invariant: the same events give the same release.
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from liverank.config_experiments import BUCKETS
from liverank.errors import EventError
from liverank.events.autopilot_steps import detail_of
from liverank.events.event import AutopilotStep
from liverank.experiments.assignment.buckets import bucket_of

Stage: TypeAlias = Literal["shadow", "canary"]
_STARTS: dict[str, Stage] = {"shadow_started": "shadow", "canary_started": "canary"}
_ENDS = ("released", "dropped", "paused")
CHANGES_RELEASE = frozenset((*_STARTS, *_ENDS, "resumed"))
"""The actions that start a stage of a trial, end the trial, or allow another one."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The detail of ``shadow_started`` and ``canary_started``."""

    champion: str | None
    """The version in service when the trial began; None for popularity."""
    share: float = 0.0
    """Share of the people whom the challenger serves."""


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A challenger on trial."""

    version: str
    stage: Stage
    since_ms: int
    """When this stage began, Unix ms."""
    champion: str | None
    share: float = 0.0

    def serves(self, user: str) -> bool:
        """Whether the challenger ranks for this person, by an own draw for each challenger.

        >>> Release(version="v", stage="shadow", since_ms=0, champion=None).serves("u1")
        False
        """
        if self.stage != "canary":
            return False
        return bucket_of(f"release:{self.version}", user) < self.share * BUCKETS


def release_of(steps: Iterable[AutopilotStep]) -> Release | None:
    """The challenger that is on trial after these steps, which are in seq order; or None.

    A stage that was logged while autopilot was paused was decided before, and does not begin.

    >>> from liverank.events.autopilot_steps import step_of
    >>> trial = Trial(champion="a", share=0.1)
    >>> begun = step_of("canary_started", at_ms=5, reason="", model="b", detail=trial)
    >>> release_of([begun]).stage, release_of([begun, step_of("paused", at_ms=6, reason="")])
    ('canary', None)
    """
    release: Release | None = None
    is_paused = False
    for step in steps:
        if step.action in ("paused", "resumed"):
            is_paused = step.action == "paused"
        stage = None if is_paused else _STARTS.get(step.action)
        if stage is not None and step.model is not None:
            try:
                trial = detail_of(step, Trial)
            except EventError:
                continue  # of another version of liverank: nothing is tried
            release = Release(
                version=step.model,
                stage=stage,
                since_ms=step.at_ms,
                champion=trial.champion,
                share=trial.share,
            )
        elif step.action in _ENDS:
            release = None
    return release
