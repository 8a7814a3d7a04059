"""Types of fields, and values of categories, in a sample of the events of each hour.

Invariant: at most ``SAMPLED`` events of a kind are read of each hour.
"""

from collections import Counter

import polars as pl

from liverank.autopilot.monitoring.counts.hours import HourTable
from liverank.config import Config
from liverank.events.event import Scalar
from liverank.events.wire import decode_fields

SAMPLED = 500
"""Events of a kind that are read of each hour."""
MOST_VALUES = 64
"""Values of a category that are counted; further ones count together."""
OTHERS = "(others)"
ENTITIES = {"item": "items", "user": "users", "ranking": "requests"}


class FieldSample:
    """Reads the fields of a sample of events."""

    def __init__(self, config: Config) -> None:
        declared = {"items": config.items, "users": config.users, "requests": config.requests}
        self._categories = {
            f"{entity}.{name}"
            for entity, fields in declared.items()
            for name, kind in fields.fields.items()
            if kind == "category"
        }
        self._taken: Counter[tuple[str, int]] = Counter()
        self._values: dict[str, set[str]] = {}

    def add(self, frame: pl.DataFrame, table: HourTable) -> None:
        """Count a frame of ``with_hours``."""
        carrying = frame.filter(
            pl.col("fields").is_not_null() & pl.col("event").is_in(list(ENTITIES))
        ).select("event", "hour", "fields")
        for part in carrying.partition_by("event", "hour"):
            kind, hour = part["event"][0], part["hour"][0]
            most = SAMPLED - self._taken[kind, hour]
            chosen = part["fields"].head(max(most, 0))
            self._taken[kind, hour] += len(chosen)
            self._count(ENTITIES[kind], hour, chosen.to_list(), table)
        if len(self._taken) > 1_000:
            newest = max(hour for _, hour in self._taken)
            self._taken = Counter(
                {one: count for one, count in self._taken.items() if one[1] > newest - 48}
            )

    def _count(self, entity: str, hour: int, texts: list[str], table: HourTable) -> None:
        counts: Counter[tuple[str, ...]] = Counter()
        for text in texts:
            for name, value in decode_fields(text).items():
                field = f"{entity}.{name}"
                kind = type_of(value)
                if kind is not None:
                    counts["type", field, kind] += 1
                if field in self._categories and not isinstance(value, list | None):
                    counts["value", field, self._known(field, str(value))] += 1
        for one, count in counts.items():
            table.add(one, hour, count)

    def _known(self, field: str, value: str) -> str:
        known = self._values.setdefault(field, set())
        if value not in known and len(known) >= MOST_VALUES:
            return OTHERS
        known.add(value)
        return value


def type_of(value: Scalar | list[str | int | float]) -> str | None:
    """The type of a field's value in words; None where it says nothing of its type.

    >>> type_of(["ai"]), type_of("ai"), type_of(3), type_of([])
    ('a list of texts', 'a text', 'a number', None)
    """
    if value is None or value == []:
        return None
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list):
        return "a list of texts" if isinstance(value[0], str) else "a list of numbers"
    return "a number"
