"""Kind ``context``: the time of the request, the length of the list, and the item's position."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from liverank.events.time_zones import zone_name
from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs
from liverank.features.kernels.opcodes import CANDIDATES, HOUR, POSITION, WEEKDAY
from liverank.features.layout.layout import ENTITY_CODES, Entity, Layout

_OPERATIONS = {
    "hour": HOUR,
    "weekday": WEEKDAY,
    "candidates": CANDIDATES,
    "position": POSITION,
}
POSITION_NAME = "position"
SERVED_POSITION = 0.0
"""The position at which every candidate is scored: the first, since it has none yet."""
ZONE_FIELDS = ("time_zone", "timezone", "tz", "utc_offset", "country")
"""Names of fields that give a person's time zone, the most precise first."""
_NO_ENTITY = -1


class Context(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """Hour (UTC, with minutes as a fraction), weekday (Monday is 0), candidates or position."""

    what: Literal["hour", "weekday", "candidates", "position"]

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        return compiler.emit(_OPERATIONS[self.what], _NO_ENTITY)


class ZoneField(msgspec.Struct, frozen=True):
    """A field that gives a person's time zone."""

    entity: Entity
    field: str


class Local(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """Hour or weekday in the person's time zone, from the first known field; else NaN.

    ``zones`` are pairs of (a field's value, its time zone).
    """

    what: Literal["hour", "weekday"]
    fields: tuple[ZoneField, ...] = msgspec.field(name="places")  # as in bundles
    zones: tuple[tuple[str, str], ...]

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        arguments = []
        for source in self.fields:
            field = compiler.layout.field(source.entity, source.field)
            if field is None:
                raise KeyError(f"{source.entity}.{source.field}")
            arguments += [ENTITY_CODES[source.entity], field.offset]
        for level, zone in self.zones:
            compiler.zone(level, zone)
        arguments += [_NO_ENTITY] * (4 - len(arguments))
        return compiler.emit(_OPERATIONS[self.what], *arguments)


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """Hour and weekday, in UTC and in local time; the number of candidates; the position.

    The last two do not exist in sampled lists, where they would describe the sample.
    """
    layout = inputs.layout
    yield Feature("hour", "context", Context("hour"))
    yield Feature("weekday", "context", Context("weekday"))
    fields = _zone_fields(layout)
    zones = tuple(
        (level, zone)
        for source in fields
        for level in inputs.levels.get(f"{source.entity}s.{source.field}", ())
        if (zone := zone_name(level)) is not None
    )
    if zones:
        yield Feature("local_hour", "context", Local("hour", fields, zones))
        yield Feature("local_weekday", "context", Local("weekday", fields, zones))
    if not inputs.is_sampled:
        yield Feature("candidates", "context", Context("candidates"))
        yield Feature(POSITION_NAME, "context", Context("position"))


def _zone_fields(layout: Layout) -> tuple[ZoneField, ...]:
    """The fields that give a person's time zone: one of the request, then one of the user."""
    entities: tuple[Entity, ...] = ("request", "user")
    found = []
    for entity in entities:
        for name in ZONE_FIELDS:
            field = layout.field(entity, name)
            if field is not None and field.type == "category":
                found.append(ZoneField(entity, name))
                break
    return tuple(found)
