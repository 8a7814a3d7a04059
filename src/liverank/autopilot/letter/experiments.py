"""The experiments that people were in during a period, as their reports say."""

import math
from collections.abc import Sequence

from liverank.autopilot.letter.letter import ExperimentValue
from liverank.autopilot.letter.people import HELD_OUT_LABEL
from liverank.autopilot.letter.period import Period
from liverank.config import Config
from liverank.config_experiments import Experiment
from liverank.events.event import ExperimentChange
from liverank.events.log import Log
from liverank.experiments.reporting.facts import Report
from liverank.experiments.reporting.history import with_changes
from liverank.experiments.reporting.report import report_of
from liverank.experiments.reporting.report_input import report_input_of


def experiments_in(
    log: Log, config: Config, labels: Sequence[str], period: Period, *, listed: bool
) -> tuple[ExperimentValue, ...]:
    """The experiments of the config with one of these labels of rankings, by their names.

    Each takes one reading of the log. Raises LogError and its kinds.
    """
    names = {label.partition(":")[0] for label in labels if label != HELD_OUT_LABEL}
    changes = [change.event for change in log.experiment_changes()]
    known = [one for one in changes if isinstance(one, ExperimentChange)]
    found: list[ExperimentValue] = []
    for name in sorted(names & config.experiments.keys()):
        asked = report_input_of(config, name, now_ms=period.to_ms, listed=listed)
        asked = with_changes(asked, known)
        report = report_of(asked, log.read(columns=asked.wanted().columns))
        found += _values(report, config.experiments[name])
    return tuple(found)


def _values(report: Report, experiment: Experiment) -> list[ExperimentValue]:
    """A line for each variant, or one without a metric where there is no look yet."""
    is_popular = experiment.variants[experiment.control_name].rank == "popular"
    primary = next((one for one in report.metrics if one.role == "primary"), None)
    effects = {} if primary is None else {one.variant: one.effect for one in primary.variants}
    lines = []
    for variant in report.variants:
        table = experiment.variants.get(variant)
        effect = effects.get(variant)
        lift = math.nan if effect is None else effect.lift
        low, high = (math.nan, math.nan) if effect is None else effect.lift_ci
        is_known = math.isfinite(lift) and math.isfinite(low) and math.isfinite(high)
        lines.append(
            ExperimentValue(
                name=report.experiment,
                sentence=report.decision.sentence,
                metric="" if primary is None else primary.name,
                variant=variant,
                lift=lift if is_known else None,
                low=low if is_known else None,
                high=high if is_known else None,
                is_model_against_popular=is_popular
                and table is not None
                and (table.rank is None or table.rank.startswith(("model", "bundle:"))),
            )
        )
    return lines
