"""Kind ``in_list``: how a candidate compares with the others of its list."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from liverank.features.feature import Feature
from liverank.features.instructions import GAP, RANK, Compiler
from liverank.features.kinds.audience import Audience
from liverank.features.kinds.count import Count
from liverank.features.kinds.lifecycle import Age
from liverank.features.kinds.match import Share
from liverank.features.kinds.next_item import NextShare
from liverank.features.kinds.rate import Rate
from liverank.quantities import nearest

if TYPE_CHECKING:
    from liverank.features.layout import Layout

Signal = Count | Rate | Share | NextShare | Age | Audience
"""What a candidate can be compared by."""


class Rank(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """The share of the other candidates with a higher value; 0 is the best."""

    of: Signal

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, after those of the signal."""
        return compiler.emit(RANK, compiler.register(self.of))


class Gap(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """How far the value is below the list's best, as a share of it; 0 is the best."""

    of: Signal

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, after those of the signal."""
        return compiler.emit(GAP, compiler.register(self.of))


def derive(layout: "Layout", features: Iterable[Feature]) -> Iterator[Feature]:
    """Ranks and gaps of the strongest signals among the features derived so far.

    Of an item's own successes and its age the rank counts, whatever their size; of rates and shares
    the gap, which also tells how sure the list's best is; gaps are not derived by default.
    """
    for feature in features:
        signal = feature.expression
        if _counts_by_rank(signal, layout):
            yield Feature(f"{feature.name}_rank", "in_list", Rank(signal))
        elif _counts_by_gap(signal, layout):
            yield Feature(f"{feature.name}_gap", "in_list", Gap(signal), by_default=False)


def _counts_by_rank(signal: object, layout: "Layout") -> bool:
    if isinstance(signal, Count):
        lives = layout.scope("item").half_lives(layout.label)
        ranked = nearest(lives, "1h", "1d", "forever")
        is_success = signal.scope == "item" and signal.type == layout.label
        return is_success and signal.half_life in ranked
    return isinstance(signal, Audience) or (isinstance(signal, Age) and signal.since == "started")


def _counts_by_gap(signal: object, layout: "Layout") -> bool:
    if isinstance(signal, Rate):
        usual = nearest(layout.scope("item").half_lives(layout.label), "1d", "forever")
        is_success = signal.scope == "item" and signal.type == layout.label
        return is_success and signal.half_life in usual
    if isinstance(signal, NextShare):
        return signal.combine == "sum"
    return isinstance(signal, Share) and signal.part.combine == "sum"
