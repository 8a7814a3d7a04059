"""Assigns units to variants of the experiments that run at a time.

Invariant: the same unit gets the same variant for the same config, changes of experiments and time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from liverank.config_experiments import Experiment
from liverank.events.event import ExperimentChange, Fields
from liverank.experiments.assignment.assign import Assignment, assignment_of
from liverank.experiments.assignment.buckets import Draws, draws_of, ends_of
from liverank.experiments.assignment.held_out import HELD_OUT, is_held_out
from liverank.experiments.assignment.timeline import Step, Timeline, timeline_of
from liverank.features.state.state import State
from liverank.serving.experiments.targets import Target

_MAX_UNITS = 200_000
"""Maximum number of units of an experiment whose assignments are cached."""


@dataclass(slots=True)
class AssignableExperiment:
    """An experiment, with everything that its assignments depend on."""

    name: str
    settings: Experiment
    timeline: Timeline
    target: Target
    ends: dict[str, int]
    _cache: dict[int, dict[str, Assignment]] = field(default_factory=dict)
    """Assignments of units in the target, by step and by unit."""

    def draws(self, unit: str) -> Draws:
        """The random draws of a unit."""
        return draws_of(self.name, self.settings, unit)

    def unit_of(self, user: str, fields: Fields) -> str | None:
        """The unit of a request, or None if the request does not name one."""
        name = self.settings.unit_field
        if name is None:
            return user
        unit = fields.get(name)
        return unit if isinstance(unit, str) and unit else None

    def assign(self, unit: str | None, user: str, step: Step) -> Assignment:
        """The assignment of a unit at a step of the timeline."""
        if unit is None:
            return Assignment(self.name, "no_unit")
        known = self._cache.setdefault(id(step), {})
        assignment = known.get(unit)
        if assignment is None:
            if len(known) >= _MAX_UNITS:
                known.clear()
            assignment = known[unit] = self._drawn(unit, step)
        if assignment.why in ("forced", "not_running") or self.target.holds(user):
            return assignment
        return Assignment(self.name, "not_in_target")

    def _drawn(self, unit: str, step: Step) -> Assignment:
        """The assignment of a unit at a step if it is in the target."""
        forced = self.settings.forced.get(unit)
        if forced is not None and step.is_running:
            return Assignment(self.name, "forced", forced)
        return assignment_of(
            self.name,
            self.settings,
            step,
            self.draws(unit),
            ends=self.ends,
            is_in_target=True,
        )


class Assigner:
    """Assigns by the experiments of a config, and their changes in the log."""

    def __init__(
        self,
        experiments: dict[str, Experiment],
        changes: Sequence[ExperimentChange],
        state: State,
        *,
        holdout: float = 0.0,
    ) -> None:
        """``holdout`` is the share of the people in the holdout of autopilot."""
        self.holdout = holdout
        self.experiments = {
            name: AssignableExperiment(
                name,
                experiment,
                timeline_of(name, experiment, changes),
                Target(name, experiment, state),
                ends_of(experiment.shares),
            )
            for name, experiment in experiments.items()
        }
        self._by_surface: dict[str, list[AssignableExperiment]] = {}
        for one in self.experiments.values():
            self._by_surface.setdefault(one.settings.surface, []).append(one)

    def assign(self, user: str, surface: str, fields: Fields, *, at_ms: float) -> Assignment | None:
        """The assignment of a request: to a running experiment, or else to a shipped variant.

        No experiment applies to people in the holdout of autopilot.
        """
        if self.holdout and is_held_out(user, self.holdout):
            return HELD_OUT
        shipped = None
        for experiment in self._by_surface.get(surface, ()):
            step = experiment.timeline.at(at_ms)
            if not step.is_running and step.shipped is None:
                continue
            assignment = experiment.assign(experiment.unit_of(user, fields), user, step)
            if assignment.why == "shipped":
                shipped = assignment
            elif assignment.variant is not None:
                return assignment
        return shipped
