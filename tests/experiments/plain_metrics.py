"""What metrics mean, by dicts over events in plain Python: the truth of the tests."""

import math
from collections import defaultdict
from collections.abc import Sequence

from liverank.events.event import Event, Interaction, Ranking
from liverank.experiments.metrics.need import DAY_MS, Need


def plain_exposures(
    events: Sequence[Event], experiment: str, until_ms: float = math.inf
) -> dict[str, tuple[int, str]]:
    """When each user was exposed first, and to what; testers are left out."""
    first: dict[str, tuple[int, str]] = {}
    testers = set()
    for event in events:
        if not isinstance(event, Ranking) or event.variant is None or event.at_ms > until_ms:
            continue
        name, _, variant = event.variant.partition(":")
        if name != experiment:
            continue
        if variant.endswith("!"):
            testers.add(event.user)
        if event.user not in first or event.at_ms < first[event.user][0]:
            first[event.user] = (event.at_ms, variant)
    return {user: found for user, found in first.items() if user not in testers}


def plain_total(
    events: Sequence[Event], need: Need, user: str, exposed_ms: int, at_ms: float
) -> float:
    """What a user has of a need at a moment."""
    days, total = set(), 0.0
    for event in events:
        if not isinstance(event, Interaction) or event.user != user:
            continue
        if need.types and event.type not in need.types:
            continue
        since = event.at_ms - exposed_ms
        if not max(need.after_ms, 0) < since <= need.until_ms:
            continue
        day = math.ceil(since / DAY_MS)
        if need.of == "days":
            if exposed_ms + day * DAY_MS <= at_ms:
                days.add(day)
        elif event.at_ms <= at_ms:
            total += (event.value or 0.0) if need.of == "value" else 1.0
    return float(len(days)) if need.of == "days" else total


def plain_before(
    events: Sequence[Event], need: Need, user: str, exposed_ms: int, pre_days: int
) -> float:
    """What a user had of a need in the days before the exposure."""
    days, total = set(), 0.0
    for event in events:
        if not isinstance(event, Interaction) or event.user != user:
            continue
        if need.types and event.type not in need.types:
            continue
        ago = exposed_ms - event.at_ms
        if not 0 < ago <= pre_days * DAY_MS:
            continue
        days.add(math.ceil(ago / DAY_MS))
        total += (event.value or 0.0) if need.of == "value" else 1.0
    return float(len(days)) if need.of == "days" else total


def plain_new(events: Sequence[Event], exposures: dict[str, tuple[int, str]]) -> dict[str, bool]:
    """Whether a user was in no event before the exposure."""
    first: dict[str, int] = defaultdict(lambda: 1 << 62)
    for event in events:
        user = getattr(event, "user", None)
        if user is not None:
            first[user] = min(first[user], event.at_ms)
    return {user: first[user] >= at_ms for user, (at_ms, _) in exposures.items()}
