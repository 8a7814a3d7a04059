"""Reads from the log when an experiment was started, stopped and decided."""

import math
from collections.abc import Iterable
from itertools import pairwise

import msgspec

from liverank.events.event import ExperimentChange
from liverank.experiments.assignment.timeline import timeline_of
from liverank.experiments.reporting.report_input import ReportInput
from liverank.experiments.reporting.sentences import utc_day


def with_changes(inputs: ReportInput, changes: Iterable[ExperimentChange]) -> ReportInput:
    r"""The input of a report, updated by the events of its experiment up to the report's time.

    The last start counts, whether in the config or an event; the first stop or decision after it
    ends the experiment, since all users may get the winner then. If it ran before, there are no
    covariates: they would contain the effect of that run.

    >>> from liverank.config import parse_config
    >>> from liverank.experiments.reporting.report_input import report_input_of
    >>> variants = "[experiments.e.variants]\na = {rank='popular'}\nb = {rank='model'}"
    >>> config = parse_config("[label]\ninteraction = 'join'\n" + variants)
    >>> inputs = report_input_of(config, "e", now_ms=100, listed=False)
    >>> started = ExperimentChange(time=10, experiment="e", action="started")
    >>> stopped = ExperimentChange(time=50, experiment="e", action="stopped")
    >>> found = with_changes(inputs, [started, stopped])
    >>> found.start_ms, found.stopped_ms
    (10.0, 50.0)
    """
    known = [one for one in changes if one.experiment == inputs.name and one.at_ms <= inputs.now_ms]
    steps = timeline_of(inputs.name, inputs.experiment, known).steps
    start_ms, stopped_ms = inputs.start_ms, None
    runs = 0
    for before, step in pairwise(steps):
        if step.at_ms > inputs.now_ms:
            break
        if step.is_running and not before.is_running:
            start_ms, stopped_ms = step.at_ms, None
            runs += 1
        if before.is_running and not step.is_running:
            stopped_ms = step.at_ms
    since = -math.inf if start_ms is None else start_ms
    ends = [one for one in known if one.action in ("stopped", "decided") and one.at_ms >= since]
    return msgspec.structs.replace(
        inputs,
        start_ms=start_ms,
        stopped_ms=stopped_ms,
        # an earlier run's effect on its arms must not enter a covariate
        pre_days=inputs.pre_days if runs < 2 else 0,
        decided=" ".join(map(_sentence, sorted(ends, key=lambda one: one.at_ms))) or None,
    )


def _sentence(change: ExperimentChange) -> str:
    fields = change.fields
    decision, variant = fields.get("decision"), fields.get("variant")
    what = "It was stopped" if change.action == "stopped" else "It was decided"
    if decision:
        what += f": {decision}{f' {variant}' if variant else ''}"
    reason = f" ({fields['reason']})" if fields.get("reason") else ""
    return f"{what} on {utc_day(change.at_ms)}{reason}."
