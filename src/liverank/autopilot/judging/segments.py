"""Segments: new people, new items, surfaces, and categories of people such as their language.

Invariant: a segment has enough lists to compare on, and is not nearly all of them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.judging.components import ServedRows
from liverank.autopilot.judging.judged_lists import JudgedLists

NEW_PERSON_MS = 7 * 86_400_000.0
"""A person is new this long after the first event."""
NEW_ITEM_MS = 86_400_000.0
"""An item is new for at most this long; where a quarter of the impressions are of younger items,
only that quarter is new."""
NEWEST_SHARE = 0.25
MOST_VALUES = 6
"""Most frequent values of a field, and of surfaces, that are segments."""
LEAST_LISTS, LEAST_PEOPLE = 50, 20
"""Fewest lists with a success, and people who got them."""
NEARLY_ALL = 0.9
"""A segment with a larger share of the lists is no segment."""
MOST_SEGMENTS = 30
"""Segments to compare, the largest, so that a verdict fits into an event."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Some lists, bool[r]; or, where ``rows`` is given, some items of lists, bool[n]."""

    name: str
    lists: NDArray[np.bool_]
    rows: NDArray[np.bool_] | None = None


def segments_of(judged: JudgedLists, rows: ServedRows, served: NDArray[np.bool_]) -> list[Segment]:
    """The segments of lists; ``rows`` are those of ``served``, bool[k], among all items."""
    at = judged.lists.reads.at
    found = [_of_lists("people seen first within 7 days", at - judged.user_since < NEW_PERSON_MS)]
    found.append(_new_items(judged, rows, served))
    found += _by_value("surface", judged.surfaces)
    for name, values in judged.user_fields.items():
        found += _by_value(f"{name} of people", values)
    large = [segment for segment in _distinct(found) if _is_large_enough(segment, rows)]
    sizes = [int(np.count_nonzero(success_lists(segment, rows))) for segment in large]
    least = sorted(sizes, reverse=True)[:MOST_SEGMENTS][-1] if sizes else 0
    kept = [segment for segment, size in zip(large, sizes, strict=True) if size >= least]
    return kept[:MOST_SEGMENTS]


def success_lists(segment: Segment, rows: ServedRows) -> NDArray[np.bool_]:
    """The lists with a success in the segment, bool[r]."""
    if segment.rows is None:
        return segment.lists & rows.has_success
    return rows.take(segment.rows).has_success


def _of_lists(name: str, lists: NDArray[np.bool_]) -> Segment:
    return Segment(name, lists)


def _new_items(judged: JudgedLists, rows: ServedRows, served: NDArray[np.bool_]) -> Segment:
    ages_ms = judged.lists.reads.at[rows.of_list] - judged.item_since[served]
    limit_ms = NEW_ITEM_MS
    if len(ages_ms):
        limit_ms = min(NEW_ITEM_MS, float(np.nanquantile(ages_ms, NEWEST_SHARE)))
    is_new = ages_ms <= limit_ms
    minutes = limit_ms / 60_000
    age = f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"
    lists = np.bincount(rows.of_list, is_new, len(rows.users)) > 0
    return Segment(f"items up to {age} old", lists, is_new)


def _by_value(name: str, values: Sequence[str | None]) -> Iterator[Segment]:
    counts = Counter(value for value in values if value is not None)
    texts = np.array(values, object)
    for value, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_VALUES]:
        yield Segment(f"{name}: {value}", texts == value)


def _distinct(segments: Sequence[Segment]) -> Iterator[Segment]:
    """The segments without those of the same lists as an earlier one, as a country's language."""
    seen = set()
    for segment in segments:
        key = (segment.lists.tobytes(), segment.rows is None)
        if key not in seen:
            seen.add(key)
            yield segment


def _is_large_enough(segment: Segment, rows: ServedRows) -> bool:
    lists = success_lists(segment, rows)
    if np.count_nonzero(lists) < LEAST_LISTS:
        return False
    if len(np.unique(rows.users[lists])) < LEAST_PEOPLE:
        return False
    if segment.rows is not None:
        return bool(segment.rows.mean() <= NEARLY_ALL)
    return bool(segment.lists.mean() <= NEARLY_ALL)
