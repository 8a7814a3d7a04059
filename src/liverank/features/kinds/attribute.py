"""Kind ``attribute``: the value of a field of the item, the user or the request."""

from collections.abc import Iterator

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs
from liverank.features.kernels.opcodes import FIELD, LEVEL
from liverank.features.layout.layout import ENTITY_CODES, Entity, Field


class Attribute(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """A number, or the seconds since a time (negative for a future one)."""

    entity: Entity
    field: str

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        field = _field(compiler, self.entity, self.field)
        return compiler.emit(
            FIELD,
            ENTITY_CODES[self.entity],
            field.offset,
            int(field.type == "time"),
        )


class Level(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """The index of a category's value among its levels; NaN for a rare or an unknown one."""

    entity: Entity
    field: str
    levels: tuple[str, ...]

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        field = _field(compiler, self.entity, self.field)
        return compiler.emit(
            LEVEL,
            ENTITY_CODES[self.entity],
            field.offset,
            *compiler.levels(self.levels),
        )


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """One feature for each number, time and category."""
    for field in inputs.layout.fields:
        name = f"{field.entity}_{field.name}"
        if field.type == "number":
            yield Feature(name, "attribute", Attribute(field.entity, field.name))
        elif field.type == "time":
            yield Feature(f"{name}_ago_s", "attribute", Attribute(field.entity, field.name))
        elif field.type == "category":
            known = inputs.levels.get(f"{field.entity}s.{field.name}", ())
            yield Feature(f"{name}_level", "attribute", Level(field.entity, field.name, known))


def _field(compiler: Compiler, entity: Entity, name: str) -> Field:
    field = compiler.layout.field(entity, name)
    if field is None:
        raise KeyError(f"{entity}.{name}")
    return field
