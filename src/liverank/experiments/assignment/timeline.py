"""The state of an experiment over time, from its config and from the events in the log.

Invariant: the timeline does not depend on the order of events in the log, except for events of the
same millisecond.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from liverank.config_experiments import Experiment
from liverank.events.event import ExperimentChange

Decision: TypeAlias = Literal["ship", "stop"]


@dataclass(frozen=True, slots=True)
class Step:
    """The state of an experiment from ``at_ms`` (Unix ms) on."""

    at_ms: float
    is_running: bool
    ramp: float
    """Percent of the experiment's units that take part."""
    shipped: str | None = None
    """The variant that all units but the holdout get, after a decision."""
    decision: Decision | None = None
    started_ms: float | None = None
    """Time of the last start."""
    ended_ms: float | None = None
    """Time of the stop or decision; None while it runs or has never run."""
    reason: str | None = None
    """Why it was stopped or decided, as logged."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The steps of an experiment, in order of time."""

    steps: tuple[Step, ...]

    def at(self, at_ms: float) -> Step:
        """The state at a time."""
        found = self.steps[0]
        for step in self.steps:
            if step.at_ms > at_ms:
                break
            found = step
        return found


def timeline_of(name: str, experiment: Experiment, changes: Iterable[ExperimentChange]) -> Timeline:
    """The timeline of the experiment of that name; events of others are ignored.

    >>> from liverank.config_experiments import Variant
    >>> two = {"a": Variant(rank="popular"), "b": Variant(rank="model")}
    >>> started = ExperimentChange(time=5, experiment="e", action="started", fields={"ramp": 10})
    >>> timeline = timeline_of("e", Experiment(variants=two), [started])
    >>> timeline.at(4).is_running, timeline.at(5).is_running, timeline.at(5).ramp
    (False, True, 10.0)
    """
    moves: list[tuple[float, int, ExperimentChange | str]] = []
    if experiment.start_ms is not None:
        moves.append((experiment.start_ms, 0, "start"))
    own = [change for change in changes if change.experiment == name]
    moves += [(float(change.at_ms), 1, change) for change in own]
    if experiment.end_ms is not None:
        moves.append((experiment.end_ms, 2, "end"))
    steps = [Step(-math.inf, False, experiment.ramp)]
    for at_ms, _, move in sorted(moves, key=lambda one: one[:2]):
        steps.append(_next(steps[-1], at_ms, move, experiment))
    return Timeline(tuple(steps))


def _next(last: Step, at_ms: float, move: ExperimentChange | str, experiment: Experiment) -> Step:
    if isinstance(move, str):
        if move == "start":
            return _started(last, at_ms, last.ramp)
        ended_ms = at_ms if last.is_running else last.ended_ms
        return replace(last, at_ms=at_ms, is_running=False, ended_ms=ended_ms)
    ramp = _ramp(move, last.ramp)
    if move.action == "started":
        return _started(last, at_ms, ramp)
    if move.action == "ramped":
        return replace(last, at_ms=at_ms, ramp=ramp)
    reason = move.fields.get("reason")
    variant = move.fields.get("variant")
    is_shipped = move.action == "decided" and move.fields.get("decision") == "ship"
    known = variant if isinstance(variant, str) and variant in experiment.variants else None
    return replace(
        last,
        at_ms=at_ms,
        is_running=False,
        shipped=known if is_shipped else None,
        decision=("ship" if is_shipped else "stop") if move.action == "decided" else None,
        ended_ms=at_ms,
        reason=reason if isinstance(reason, str) else None,
    )


def _started(last: Step, at_ms: float, ramp: float) -> Step:
    if last.is_running:
        return replace(last, at_ms=at_ms, ramp=ramp)
    return Step(at_ms, True, ramp, started_ms=at_ms)


def _ramp(change: ExperimentChange, before: float) -> float:
    """The ramp in an event's fields; without a valid one, the previous ramp."""
    ramp = change.fields.get("ramp")
    is_number = isinstance(ramp, int | float) and not isinstance(ramp, bool)
    return float(ramp) if is_number and 0 <= ramp <= 100 else before  # type: ignore[arg-type,operator]
