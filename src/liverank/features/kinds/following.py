"""Kind ``following``: whether those a person follows host, speak in or listen to an item now."""

from collections.abc import Iterator

import msgspec

from liverank.features.feature import Feature
from liverank.features.instructions import FOLLOWED, HERE, Compiler
from liverank.features.layout import Layout


class Followed(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """How many values of an item's field (its host, its speakers) the person follows."""

    field: str

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        field = compiler.layout.field("item", self.field)
        if field is None:
            raise KeyError(f"item.{self.field}")
        return compiler.emit(FOLLOWED, field.offset, int(field.is_list))


class FollowedHere(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """How many of the people that the person follows are in the item now."""

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        return compiler.emit(HERE)


def derive(layout: Layout) -> Iterator[Feature]:
    """One feature for each field that holds ids, and the followed people who are there."""
    if layout.follow is None:
        return
    for field in layout.fields:
        if field.entity == "item" and field.type in ("key", "keys"):
            yield Feature(f"followed_{field.name}", "following", Followed(field.name))
    if layout.enter is not None:
        yield Feature("followed_here", "following", FollowedHere())
