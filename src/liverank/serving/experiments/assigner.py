"""Who takes part in which experiment at present, as a worker knows it.

Invariant: for the same events of experiments, config and time the same unit gets the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from liverank.config_experiments import Experiment
from liverank.events.event import ExperimentChange, Fields
from liverank.experiments.assignment.assign import Assignment, assignment_of
from liverank.experiments.assignment.buckets import Draws, draws_of, ends_of
from liverank.experiments.assignment.timeline import Step, Timeline, timeline_of
from liverank.features.state.state import State
from liverank.serving.experiments.targets import Target

_MOST_UNITS = 200_000
"""Units of an experiment whose assignments are remembered."""


@dataclass(slots=True)
class Placed:
    """An experiment of the config, with all that its assignments depend on."""

    name: str
    experiment: Experiment
    timeline: Timeline
    target: Target
    ends: dict[str, int]
    _given: dict[int, dict[str, Assignment]] = field(default_factory=dict)
    """What units in the target get, by the step, and by the unit."""

    def draws(self, unit: str) -> Draws:
        """The unit's draws."""
        return draws_of(self.name, self.experiment, unit)

    def unit_of(self, user: str, fields: Fields) -> str | None:
        """The unit of a request, or None where it names none."""
        name = self.experiment.unit_field
        if name is None:
            return user
        said = fields.get(name)
        return said if isinstance(said, str) and said else None

    def assign(self, unit: str | None, user: str, step: Step) -> Assignment:
        """What the unit gets at a step of the timeline."""
        if unit is None:
            return Assignment(self.name, "no_unit")
        known = self._given.setdefault(id(step), {})
        given = known.get(unit)
        if given is None:
            if len(known) >= _MOST_UNITS:
                known.clear()
            given = known[unit] = self._drawn(unit, step)
        if given.why in ("forced", "not_running") or self.target.holds(user):
            return given
        return Assignment(self.name, "not_in_target")

    def _drawn(self, unit: str, step: Step) -> Assignment:
        """What the unit gets at a step if it is in the target."""
        forced = self.experiment.forced.get(unit)
        if forced is not None and step.is_running:
            return Assignment(self.name, "forced", forced)
        return assignment_of(
            self.name,
            self.experiment,
            step,
            self.draws(unit),
            ends=self.ends,
            is_in_target=True,
        )


class Assigner:
    """The experiments of a config, after what the log says became of them."""

    def __init__(
        self,
        experiments: dict[str, Experiment],
        changes: Sequence[ExperimentChange],
        state: State,
    ) -> None:
        self.placed = {
            name: Placed(
                name,
                experiment,
                timeline_of(name, experiment, changes),
                Target(name, experiment, state),
                ends_of(experiment.shares),
            )
            for name, experiment in experiments.items()
        }
        self._of_surface: dict[str, list[Placed]] = {}
        for placed in self.placed.values():
            self._of_surface.setdefault(placed.experiment.surface, []).append(placed)

    def assign(self, user: str, surface: str, fields: Fields, *, at_ms: float) -> Assignment | None:
        """What ranks a request: the variant of a running experiment, else one that was shipped."""
        shipped = None
        for placed in self._of_surface.get(surface, ()):
            step = placed.timeline.at(at_ms)
            if not step.is_running and step.shipped is None:
                continue
            given = placed.assign(placed.unit_of(user, fields), user, step)
            if given.why == "shipped":
                shipped = given
            elif given.variant is not None:
                return given
        return shipped
