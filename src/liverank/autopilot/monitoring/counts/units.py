"""New units of each variant of an experiment, by hour of their first list.

Invariant: a unit is counted once in a run of an experiment, with the variant of its first list.
"""

from collections.abc import Sequence

import polars as pl

from liverank.autopilot.monitoring.counts.hours import HOUR_MS, HourTable
from liverank.config import Config
from liverank.config_experiments import HOLDOUT
from liverank.events.event import ExperimentChange
from liverank.events.wire import decode_fields
from liverank.experiments.assignment.timeline import timeline_of

MOST_UNITS = 200_000
"""Units of a run after which no more are counted: far more than the test needs."""


class Units:
    """Counts units by run of an experiment and variant."""

    def __init__(self, config: Config) -> None:
        self._experiments = config.experiments
        self._known: dict[tuple[str, str], set[int]] = {}
        self.follow_changes(())

    def follow_changes(self, changes: Sequence[ExperimentChange]) -> None:
        """Take all changes of experiments in the log so far."""
        self._timelines = {
            name: timeline_of(name, experiment, changes)
            for name, experiment in self._experiments.items()
        }

    def add(self, frame: pl.DataFrame, table: HourTable) -> None:
        """Count a frame of ``counts.streams.with_hours``."""
        if not self._experiments:
            return
        assigned = (
            frame.filter((pl.col("event") == "ranking") & pl.col("variant").is_not_null())
            .select("hour", "variant", "user", "fields")
            .unique(["variant", "user", "fields"], keep="first", maintain_order=True)
        )
        for hour, label, user, fields in assigned.iter_rows():
            name, _, variant = label.partition(":")
            experiment = self._experiments.get(name)
            if experiment is None or variant == HOLDOUT or variant not in experiment.variants:
                continue  # forced units end in "!", and are no draw
            step = self._timelines[name].at((hour + 1) * HOUR_MS)
            if not step.is_running:
                continue
            unit = user
            if experiment.unit_field is not None:
                unit = ({} if fields is None else decode_fields(fields)).get(experiment.unit_field)
            run = name, str(step.started_ms)
            known = self._known.setdefault(run, set())
            if unit is None or hash(unit) in known or len(known) >= MOST_UNITS:
                continue
            known.add(hash(unit))
            table.add(("unit", name, run[1], variant), hour, 1)
