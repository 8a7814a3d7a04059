"""Sources that have gone silent: no event for far longer than ever in the last two weeks."""

from collections.abc import Iterator

import numpy as np

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.baseline import usual
from liverank.autopilot.monitoring.counts.hours import Series
from liverank.autopilot.monitoring.gaps import long_gap
from liverank.autopilot.monitoring.view import View

ALL = "freshness:events"


def freshness(view: View) -> Iterator[Alarm]:
    """Silent kinds of events and surfaces; if all are silent, one alarm.

    Types of interaction only where the log has no rankings to compare them with.
    """
    everything = view.total("events")
    silent = _silent(view, everything)
    if silent is not None:
        yield _alarm(view, ALL, "No event at all has", silent, critical=True)
        return
    has_rankings = view.of("events", "ranking", "ranking").any()
    for name in sorted(view.table.names("events")):
        if has_rankings and name[1] == "interaction":
            continue  # ``volume`` and ``labels`` compare these with rankings
        found = _silent(view, view.of(*name))
        if found is not None:
            event, stream = name[1], name[2]
            is_critical = event in ("item", "ranking")
            key = f"freshness:{stream}"
            yield _alarm(view, key, f"No `{stream}` event has", found, critical=is_critical)
    surfaces = sorted(view.table.names("surface"))
    for name in surfaces if len(surfaces) > 1 else []:
        found = _silent(view, view.of(*name))
        if found is not None:
            key = f"freshness:surface.{name[1]}"
            what = f"No request for a list of surface `{name[1]}` has"
            yield _alarm(view, key, what, found, critical=False)


def _silent(view: View, count: Series) -> tuple[int, float] | None:
    if np.count_nonzero(count[-7 * 24 :] > 0) < 24:
        return None
    expected = usual(count, view.is_odd)
    return long_gap(count, expected, view.is_odd)


def _alarm(view: View, key: str, what: str, gap: tuple[int, float], *, critical: bool) -> Alarm:
    hours, expected = gap
    return Alarm(
        key=key,
        kind="freshness",
        title=f"{what} arrived for {hours} h, where {expected:,.0f} were expected",
        cause="The source has stopped, or its way to the server is cut.",
        consequence=(
            "Lists go on with what was known before; what is new is missing from them, and there "
            "is nothing to learn from."
        ),
        next_step="Look at what sends these events, and at its connection to the server.",
        since_ms=view.since_ms(key, hours),
        severity="critical" if critical else "warning",
    )
