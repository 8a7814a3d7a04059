"""Arms: map each success to the variants whose popularity it counts for.

An arm is a variant of an experiment that runs or was shipped, or the holdout of autopilot.
Invariant: a success of a user counts only for the user's own arm of an experiment, or for all arms
of it if the user is in none; in the holdout, for the holdout alone.
"""

from collections.abc import Mapping, Sequence
from functools import partial

from liverank.config_experiments import AUTOPILOT, HOLDOUT, Experiment
from liverank.events.event import ExperimentChange, Fields
from liverank.experiments.assignment.assign import assignment_of
from liverank.experiments.assignment.buckets import draws_of, ends_of
from liverank.experiments.assignment.held_out import is_held_out
from liverank.experiments.assignment.timeline import Step, Timeline, timeline_of
from liverank.features.hashing import hash_id

_MAX_USERS = 200_000


def arm_of(experiment: str, variant: str) -> int:
    """The id of an arm: a hash of its experiment and variant."""
    return hash_id(f"{experiment}:{variant}")


_HELD_OUT_ARM = arm_of(AUTOPILOT, HOLDOUT)


class Arms:
    """The arms that successes count for, given the changes of experiments up to ``at_ms``.

    Targets are ignored: a success of a user outside the target counts for the arm of their draw.
    """

    def __init__(
        self,
        experiments: Mapping[str, Experiment],
        changes: Sequence[ExperimentChange],
        *,
        at_ms: float,
        holdout: float = 0.0,
    ) -> None:
        """``holdout`` is the share of the people in the holdout of autopilot."""
        self._holdout = holdout
        self._timelines: dict[str, Timeline] = {
            name: timeline_of(name, experiment, changes) for name, experiment in experiments.items()
        }
        self.steps = self._steps_at(at_ms)
        self._open = [
            (name, experiment, self.steps[name])
            for name, experiment in experiments.items()
            if self.steps[name].is_running or self.steps[name].shipped is not None
        ]
        self._ends = {name: ends_of(experiment.shares) for name, experiment, _ in self._open}
        self._by_user: dict[str, tuple[int, ...]] = {}
        self._has_fields = any(one.unit_field is not None for _, one, _ in self._open)

    @property
    def has_fields(self) -> bool:
        """Whether the arm of an interaction depends on its fields."""
        return self._has_fields

    def hold_at(self, at_ms: float) -> bool:
        """Whether the arms are still valid: no experiment started or ended by the config since."""
        return self._steps_at(at_ms) == self.steps

    def fed_by(self, user: str, fields: Fields) -> tuple[int, ...]:
        """The arms for which a user's success counts; ``fields`` are the interaction's fields."""
        if not self._open and not self._holdout:
            return ()
        if self._has_fields:
            return self._fed_by(user, fields)
        found = self._by_user.get(user)
        if found is None:
            if len(self._by_user) >= _MAX_USERS:
                self._by_user.clear()
            found = self._by_user[user] = self._fed_by(user, fields)
        return found

    def _fed_by(self, user: str, fields: Fields) -> tuple[int, ...]:
        if is_held_out(user, self._holdout):
            return (_HELD_OUT_ARM,)
        arms: list[int] = []
        for name, experiment, step in self._open:
            field = experiment.unit_field
            unit = user if field is None else fields.get(field)
            if isinstance(unit, str):
                arms += map(partial(arm_of, name), self._variants_of(name, experiment, step, unit))
        return tuple(arms)

    def _variants_of(
        self, name: str, experiment: Experiment, step: Step, unit: str
    ) -> Sequence[str]:
        """The variants that a unit's successes count for."""
        if step.is_running and unit in experiment.forced:
            return (experiment.forced[unit],)
        given = assignment_of(
            name,
            experiment,
            step,
            draws_of(name, experiment, unit),
            ends=self._ends[name],
            is_in_target=True,
        )
        return tuple(experiment.variants) if given.variant is None else (given.variant,)

    def _steps_at(self, at_ms: float) -> dict[str, Step]:
        return {name: timeline.at(at_ms) for name, timeline in self._timelines.items()}
