"""The assignment of a unit at a time: whether it takes part, with which variant, and why.

Invariant: a unit changes its variant only if the salt or the shares change, never when the ramp is
raised.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from liverank.config_experiments import BUCKETS, HOLDOUT, Experiment
from liverank.experiments.assignment.buckets import Draws, variant_at
from liverank.experiments.assignment.timeline import Step

Why: TypeAlias = Literal[
    "assigned",
    "forced",
    "holdout",
    "shipped",
    "not_running",
    "no_unit",
    "not_in_target",
    "not_in_buckets",
    "not_in_ramp",
]
"""Reason of an assignment; units with one of the last five get no variant."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """The assignment of a unit in an experiment.

    >>> Assignment("tab", "forced", "model").label
    'tab:model!'
    """

    experiment: str
    why: Why
    variant: str | None = None
    """The variant that ranks, or None if the experiment does not apply."""
    label: str | None = field(init=False)
    """The ``variant`` of a ranking in the log and in the response."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self._label())

    def _label(self) -> str | None:
        if self.variant is None:
            return None
        if self.why == "holdout":
            return f"{self.experiment}:{HOLDOUT}"
        return f"{self.experiment}:{self.variant}{'!' if self.why == 'forced' else ''}"


def assignment_of(
    name: str,
    experiment: Experiment,
    step: Step,
    draws: Draws,
    *,
    ends: dict[str, int],
    is_in_target: bool,
) -> Assignment:
    """The assignment of a unit that is not forced; ``ends`` are from ``ends_of``."""
    if not step.is_running and step.shipped is None:
        return Assignment(name, "not_running")
    if not is_in_target:
        return Assignment(name, "not_in_target")
    is_in_buckets = experiment.buckets[0] <= draws.layer < experiment.buckets[1]
    is_in_ramp = 100 * draws.ramp < step.ramp * BUCKETS
    is_held_out = draws.holdout < experiment.holdout * BUCKETS
    if is_in_buckets and is_in_ramp and is_held_out:
        return Assignment(name, "holdout", experiment.control_name)
    if step.shipped is not None and not step.is_running:
        return Assignment(name, "shipped", step.shipped)
    if not is_in_buckets:
        return Assignment(name, "not_in_buckets")
    if not is_in_ramp:
        return Assignment(name, "not_in_ramp")
    return Assignment(name, "assigned", variant_at(ends, draws.variant))
