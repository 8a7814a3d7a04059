"""Fewer events than in the same hours before: interactions per ranking, and rankings and items.

Interactions are compared per ranking, so that fewer visitors are not taken for broken tracking.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.baseline import (
    Compared,
    Fall,
    began,
    by_days,
    by_exposure,
    fall_of,
    is_low,
)
from liverank.autopilot.monitoring.view import View

BOUND = 0.7
"""Impressions have fallen if they are below this share of what was expected."""
BOUND_OF_OTHERS = 0.5
"""The same for other interactions, which what is live moves more."""
BOUND_OF_TRAFFIC = 0.4
"""The same for rankings and items, which holidays move."""
_WITH_WEEK = 10 * 24
"""Hours from which on last week's are compared with, too."""


def volume(view: View) -> Iterator[Alarm]:
    """Streams that have fallen."""
    rankings = view.events("ranking", "ranking")
    presence, seen = view.config.presence, view.config.impressions.interaction
    labels = {label.interaction for label in view.config.heads.values()}
    for stream in view.streams("interaction") if rankings.any() else ():
        if stream in labels:
            continue  # ``labels`` looks at these
        exposures = [rankings]
        if stream == seen:
            exposures.append(view.of("listed"))  # lists are shorter when little is live
        elif stream == presence.leave:
            exposures.append(view.events("interaction", presence.enter))
        counts = view.events("interaction", stream)
        compared = [by_exposure(counts, one, view.is_odd) for one in exposures if one.any()]
        bound, hours = (BOUND, 2) if stream == seen else (BOUND_OF_OTHERS, 4)
        found = fallen(view, f"volume:{stream}", compared, bound=bound, least_hours=hours)
        if found is not None:
            yield _interactions(view, stream, *found)
    for event in ("ranking", "item"):
        counts = view.events(event, event)
        days = ((1, 2, 3), (7,)) if view.hours >= _WITH_WEEK else ((1, 2, 3),)
        both = [by_days(counts, view.is_odd, one) for one in days]
        found = fallen(view, f"volume:{event}", both, bound=BOUND_OF_TRAFFIC)
        if found is not None:
            yield _traffic(view, event, *found)


def fallen(
    view: View,
    key: str,
    baselines: Sequence[Compared],
    companions: Sequence[Compared] = (),
    *,
    bound: float,
    least_hours: int = 2,
) -> tuple[Fall, int] | None:
    """The fall that all baselines that can be compared agree on, and for how many hours.

    An alarm that is on goes on until the newest hours are above the middle of ``bound`` and 1.
    ``companions`` as for ``fall_of``.
    """
    known = [one for one in baselines if len(one.expected) > 1 and one.expected[-1] >= 0]
    if not known:
        return None
    found = fall_of(known, companions, bound=bound, least_hours=least_hours)
    if found is None and key in view.active:
        middle = (1 + bound) / 2
        if all(is_low(one, bound=middle, least_expected=30.0) for one in known):
            count, expected = (
                float(np.nansum(one[-6:])) for one in (known[0].count, known[0].expected)
            )
            found = Fall(6, count, max(expected, 1e-9), 0.0)
    if found is None:
        return None
    return found, min(began(one, bound=bound, hours=found.hours) for one in known)


def percent(ratio: float) -> str:
    """A share in words: ``8 %``."""
    return f"{100 * ratio:.0f} %"


def _interactions(view: View, stream: str, found: Fall, hours: int) -> Alarm:
    key = f"volume:{stream}"
    is_seen = stream == view.config.impressions.interaction
    consequence = (
        "Without them nobody knows what people saw, so nothing is learned from these hours; "
        "lists go on as before."
        if is_seen
        else "Features and metrics that count them are wrong; lists go on as before."
    )
    return Alarm(
        key=key,
        kind="volume",
        title=(
            f"`{stream}` events per ranking are at {percent(found.ratio)} of what these hours "
            "had on the days before"
        ),
        cause=(
            "People ask for lists as before, so it is most likely a release of the app that no "
            f"longer sends `{stream}`, on some devices or on all."
        ),
        consequence=consequence,
        next_step=f"Compare the app's releases of that time, and mend how `{stream}` is sent.",
        since_ms=view.since_ms(key, hours),
        severity="critical" if is_seen else "warning",
        stops_training=is_seen,
    )


def _traffic(view: View, event: str, found: Fall, hours: int) -> Alarm:
    key = f"volume:{event}"
    what = {"ranking": "Requests for lists", "item": "Events of items"}[event]
    return Alarm(
        key=key,
        kind="volume",
        title=f"{what} are at {percent(found.ratio)} of last week's and the last days' same hours",
        cause={
            "ranking": "Fewer people open the app, or some of its clients get their lists from "
            "elsewhere.",
            "item": "Fewer items start, or a source of items has stopped in part.",
        }[event],
        consequence={
            "ranking": "There is less to learn from; the lists are not affected.",
            "item": "Items that are not announced are in no list.",
        }[event],
        next_step={
            "ranking": "Look at the app's traffic and at its errors.",
            "item": "Look at the source that sends items.",
        }[event],
        since_ms=view.since_ms(key, hours),
    )
