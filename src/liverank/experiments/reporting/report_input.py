"""The input of a report: an experiment, its metrics, and its schedule so far."""

from collections.abc import Mapping

import msgspec

from liverank.config import Config
from liverank.config_experiments import SEED_METRICS, Experiment
from liverank.errors import ExperimentError
from liverank.experiments.gathering.wanted import Wanted
from liverank.experiments.metrics.from_config import metrics_of, seed_tables
from liverank.experiments.metrics.metric import Metric
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.reporting.course import Course


class ReportInput(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment to report on, as of a time."""

    name: str
    experiment: Experiment
    metrics: tuple[Metric, ...]
    """The first is the primary one."""
    guardrails: tuple[Metric, ...]
    margins: dict[str, float | None]
    """The tolerated relative loss by guardrail; None if not given."""
    seeded: frozenset[str]
    """Names of default metrics, which are left out if the log has no events for them."""
    now_ms: int
    start_ms: float | None = None
    """Start in Unix ms; None if the first exposure is the start."""
    stopped_ms: float | None = None
    decided: str | None = None
    """The manual decision, in words."""
    user_fields: tuple[str, ...] = ()
    request_fields: tuple[str, ...] = ()
    listed_as: str | None = None
    pre_days: int = 14
    """Length of the pre-period of covariates in days; 0 if the experiment ran before."""

    @property
    def all_metrics(self) -> tuple[Metric, ...]:
        """Metrics, then guardrails."""
        return (*self.metrics, *self.guardrails)

    @property
    def shares(self) -> dict[str, float]:
        """The planned share of each variant, the control first."""
        shares = self.experiment.shares
        control = self.experiment.control_name
        return {control: shares[control], **shares}

    def wanted(self) -> Wanted:
        """The events to gather from the log."""
        until = [float(self.now_ms)]
        if self.stopped_ms is not None:
            until.append(self.stopped_ms)
        if self.start_ms is not None:
            until.append(self._planned_end_ms(self.start_ms))
        return Wanted(
            experiment=self.name,
            needs=tuple(need for metric in self.all_metrics for need in metric.needs()),
            from_ms=self.start_ms,
            until_ms=min(until),
            pre_days=self.pre_days,
            unit_field=self.experiment.unit_field,
            user_fields=self.user_fields,
            request_fields=self.request_fields,
            listed_as=self.listed_as,
        )

    def course(self, first_exposure_ms: float) -> Course:
        """The experiment's schedule."""
        start = first_exposure_ms if self.start_ms is None else self.start_ms
        return Course(
            start_ms=start,
            planned_end_ms=self._planned_end_ms(start),
            now_ms=float(self.now_ms),
            looks_ms=self.experiment.looks_ms,
            stopped_ms=self.stopped_ms,
        )

    def _planned_end_ms(self, start_ms: float) -> float:
        planned = start_ms + self.experiment.days * DAY_MS
        end = self.experiment.end_ms
        return planned if end is None or end <= start_ms else min(planned, end)


def report_input_of(config: Config, name: str, *, now_ms: int, listed: bool) -> ReportInput:
    """An experiment of the config as the input of a report.

    ``listed``: the log has no impressions, so the items of rankings count as impressions.
    Raises ExperimentError if there is no such experiment.
    """
    if name not in config.experiments:
        known = ", ".join(config.experiments) or "none"
        raise ExperimentError(f"there is no [experiments.{name}] in the config; it has: {known}")
    experiment = config.experiments[name]
    tables = {**seed_tables(config), **config.metrics}
    seeded = experiment.metrics == SEED_METRICS
    return ReportInput(
        name=name,
        experiment=experiment,
        metrics=metrics_of(config, experiment.metrics),
        guardrails=metrics_of(config, experiment.guardrails),
        margins={guard: tables[guard].non_inferiority for guard in experiment.guardrails},
        seeded=frozenset(set(SEED_METRICS) - set(config.metrics)) if seeded else frozenset(),
        now_ms=now_ms,
        start_ms=experiment.start_ms,
        user_fields=_categories(config.users.fields),
        request_fields=_categories(config.requests.fields),
        listed_as=config.impressions.interaction if listed else None,
    )


def _categories(fields: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name, kind in fields.items() if kind == "category")
