"""Kind ``following``: how the people whom a person follows relate to an item.

The features are whether they host it, speak in it or listen to it now, and how much it resembles
the latest items of the hosts among them, which helps for people with a short history.
"""

from collections.abc import Iterator

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs
from liverank.features.kernels.opcodes import FOLLOWED, HERE, LATEST


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


PRIOR_HOSTS = 1.0
"""Number of hosts added to the denominator, to pull shares of few hosts towards zero."""


class FollowedLatest(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """How many of the followed hosts had this value of a field in the item they started last.

    For a list, the mean over its elements. With ``prior``, divided by the number of followed hosts
    that started any item, plus ``prior``.
    """

    field: str
    prior: float | None = None

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        kept = [field for field, _ in compiler.layout.latest_fields]
        for number, field in enumerate(kept):
            if field.name == self.field:
                prior = -1.0 if self.prior is None else self.prior
                return compiler.emit(
                    LATEST, number, field.offset, int(field.is_list), constants=(prior,)
                )
        raise KeyError(f"item.{self.field}")


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """Features of each field, and how many followed people are in the item."""
    layout = inputs.layout
    if layout.follow is None:
        return
    for field in layout.fields:
        if field.entity == "item" and field.type in ("key", "keys"):
            yield Feature(f"followed_{field.name}", "following", Followed(field.name))
    if layout.enter is not None:
        yield Feature("followed_here", "following", FollowedHere())
    for field, _ in layout.latest_fields:
        name = f"followed_latest_{field.name}"
        yield Feature(name, "following", FollowedLatest(field.name))
        yield Feature(f"{name}_share", "following", FollowedLatest(field.name, PRIOR_HOSTS))
