"""Kind ``next``: items that people engaged with after this person's recent items.

Counts of (earlier item, later item) for each person's last few items, read for the pairs of this
person's recent items and the candidate: item-to-item collaborative filtering, kept up to date by
the fold.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs
from liverank.features.kernels.opcodes import COMBINATIONS, NEXT
from liverank.features.layout.layout import NEXT_ITEM, Layout

PRIOR_SUCCESSES = 5.0
"""Number of successes added to the earlier item's, to pull shares of few towards zero."""
Earlier = Literal["first", "sum"]
"""Which earlier items count: the last one alone, or the recent ones together."""
_NAMES: dict[Earlier, str] = {"first": "last_item", "sum": "recent_items"}


class NextShare(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """The share of an earlier item's successes that the candidate followed; summed over items."""

    type: str
    half_life: str
    prior: float
    combine: Earlier

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        scope, item = compiler.scope(NEXT_ITEM), compiler.scope("item")
        return compiler.emit(
            NEXT,
            scope.count(self.type, self.half_life),
            compiler.layout.half_lives.index(self.half_life),
            COMBINATIONS[self.combine],
            item.count(self.type, self.half_life),
            constants=(self.prior,),
        )


class NextCount(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """How many successes with the candidate followed one with the earlier items."""

    type: str
    half_life: str
    combine: Earlier

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        scope = compiler.scope(NEXT_ITEM)
        return compiler.emit(
            NEXT,
            scope.count(self.type, self.half_life),
            compiler.layout.half_lives.index(self.half_life),
            COMBINATIONS[self.combine],
            -1,
        )


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """Counts and shares after the last item and after the recent ones together."""
    layout = inputs.layout
    lives = layout.scope(NEXT_ITEM).half_lives(layout.label)
    for combine, name in _NAMES.items():
        yield Feature(
            f"{name}_next_{layout.label}_{lives[-1]}",
            "next",
            NextCount(layout.label, lives[-1], combine),
        )
        for half_life in lives:
            yield Feature(
                f"{name}_next_{layout.label}_share_{half_life}",
                "next",
                NextShare(layout.label, half_life, PRIOR_SUCCESSES, combine),
            )


def after_last_item(layout: Layout) -> NextCount:
    """How often people engaged with the candidate after the person's last item."""
    lives = layout.scope(NEXT_ITEM).half_lives(layout.label)
    return NextCount(layout.label, lives[-1], "first")
