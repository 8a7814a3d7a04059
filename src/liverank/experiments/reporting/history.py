"""What the log says became of an experiment: when it was started, stopped and decided."""

from collections.abc import Iterable

import msgspec

from liverank.events.event import ExperimentChange
from liverank.experiments.reporting.asked import Asked
from liverank.experiments.reporting.telling import utc_day


def with_changes(asked: Asked, changes: Iterable[ExperimentChange]) -> Asked:
    r"""The report that is asked for, with the events of its experiment up to its moment.

    The last start counts, over one in the config; a stop or a decision after it ends the
    experiment, since everybody may get the winner then.

    >>> from liverank.config import parse_config
    >>> from liverank.experiments.reporting.asked import asked_of
    >>> variants = "[experiments.e.variants]\na = {rank='popular'}\nb = {rank='model'}"
    >>> config = parse_config("[label]\ninteraction = 'join'\n" + variants)
    >>> asked = asked_of(config, "e", now_ms=100, listed=False)
    >>> started = ExperimentChange(time=10, experiment="e", action="started")
    >>> stopped = ExperimentChange(time=50, experiment="e", action="stopped")
    >>> found = with_changes(asked, [started, stopped])
    >>> found.start_ms, found.stopped_ms
    (10.0, 50.0)
    """
    ours = sorted(
        (one for one in changes if one.experiment == asked.name and one.at_ms <= asked.now_ms),
        key=lambda one: one.at_ms,
    )
    starts = [one.at_ms for one in ours if one.action == "started"]
    start_ms = float(starts[-1]) if starts else asked.start_ms
    since = -1.0 if start_ms is None else start_ms
    ends = [one for one in ours if one.action in ("stopped", "decided") and one.at_ms >= since]
    return msgspec.structs.replace(
        asked,
        start_ms=start_ms,
        stopped_ms=float(ends[0].at_ms) if ends else None,
        decided=" ".join(map(_sentence, ends)) or None,
    )


def _sentence(change: ExperimentChange) -> str:
    said = change.fields
    decision, variant = said.get("decision"), said.get("variant")
    what = "It was stopped" if change.action == "stopped" else "It was decided"
    if decision:
        what += f": {decision}{f' {variant}' if variant else ''}"
    reason = f" ({said['reason']})" if said.get("reason") else ""
    return f"{what} on {utc_day(change.at_ms)}{reason}."
