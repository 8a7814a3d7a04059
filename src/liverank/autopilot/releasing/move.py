"""A move of a release: what is logged, and what happens to the bundle in service.

Invariant: a move says everything that is needed to carry it out, and its reason in one sentence.
"""

from typing import Literal, TypeAlias

import msgspec

from liverank.events.actions import AutopilotAction
from liverank.events.autopilot_steps import step_of
from liverank.events.event import AutopilotStep
from liverank.experiments.release import Trial

Effect: TypeAlias = Literal["none", "promote", "roll_back", "withdraw"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The detail of ``released``, ``returned`` and ``withdrawn``: what served, and what serves."""

    before: str | None
    """Version in service before; None for popularity."""
    after: str | None
    by_hand: bool = False
    """Whether somebody else did it, so that it is no release and not on probation."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """The next step of a release."""

    action: AutopilotAction
    version: str
    """The bundle that it is about: the challenger, or the bundle that leaves service."""
    reason: str
    detail: Trial | Change | None = None
    effect: Effect = "none"

    def step(self, at_ms: int) -> AutopilotStep:
        """The event to log.

        >>> Move(action="dropped", version="b1", reason="it failed").step(5).model
        'b1'
        """
        return step_of(
            self.action, at_ms=at_ms, reason=self.reason, model=self.version, detail=self.detail
        )
