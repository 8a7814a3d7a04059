"""Kind ``context``: when and how the list was asked for, and where in it the item stood."""

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
"""The position that every candidate has while it is being scored: what if it stood first?"""
ZONE_FIELDS = ("time_zone", "timezone", "tz", "utc_offset", "country")
"""Names of fields that tell where a person is, the surest first."""
_NO_ENTITY = -1


class Context(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """Hour (UTC, with minutes as a fraction), weekday (Monday is 0), candidates or position."""

    what: Literal["hour", "weekday", "candidates", "position"]

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        return compiler.emit(_OPERATIONS[self.what], _NO_ENTITY)


class Place(msgspec.Struct, frozen=True):
    """A field that tells where a person is."""

    entity: Entity
    field: str


class Local(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """Hour or weekday where the person is, by the first of the places that tells it; else NaN.

    ``zones`` are (what a field says, time zone).
    """

    what: Literal["hour", "weekday"]
    places: tuple[Place, ...]
    zones: tuple[tuple[str, str], ...]

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        arguments = []
        for place in self.places:
            field = compiler.layout.field(place.entity, place.field)
            if field is None:
                raise KeyError(f"{place.entity}.{place.field}")
            arguments += [ENTITY_CODES[place.entity], field.offset]
        for says, zone in self.zones:
            compiler.zone(says, zone)
        arguments += [_NO_ENTITY] * (4 - len(arguments))
        return compiler.emit(_OPERATIONS[self.what], *arguments)


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """Hour and weekday, in UTC and where the person is; the number of candidates; the position.

    The last two do not exist in sampled lists, where they would describe the sample.
    """
    layout = inputs.layout
    yield Feature("hour", "context", Context("hour"))
    yield Feature("weekday", "context", Context("weekday"))
    places = _places(layout)
    zones = tuple(
        (level, zone)
        for place in places
        for level in inputs.levels.get(f"{place.entity}s.{place.field}", ())
        if (zone := zone_name(level)) is not None
    )
    if zones:
        yield Feature("local_hour", "context", Local("hour", places, zones))
        yield Feature("local_weekday", "context", Local("weekday", places, zones))
    if not inputs.is_sampled:
        yield Feature("candidates", "context", Context("candidates"))
        yield Feature(POSITION_NAME, "context", Context("position"))


def _places(layout: Layout) -> tuple[Place, ...]:
    """Where to look for a person's place, at most two: what a request says counts first."""
    entities: tuple[Entity, ...] = ("request", "user")
    found = []
    for entity in entities:
        for name in ZONE_FIELDS:
            field = layout.field(entity, name)
            if field is not None and field.type == "category":
                found.append(Place(entity, name))
                break
    return tuple(found)
