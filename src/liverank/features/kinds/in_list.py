"""Kind ``in_list``: how a candidate compares with the others of its list."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from liverank.features.feature import Feature
from liverank.features.instructions import GAP, RANK, Compiler
from liverank.features.kinds.count import Count
from liverank.features.kinds.lifecycle import Age
from liverank.features.kinds.match import Share
from liverank.features.kinds.next_item import NextShare
from liverank.features.kinds.rate import Rate

if TYPE_CHECKING:
    from liverank.features.layout import Layout

Signal = Count | Rate | Share | NextShare | Age


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
    """Rank and gap of the strongest signals among the features derived so far."""
    for feature in features:
        signal = feature.expression
        if not isinstance(signal, Count | Rate | Share | NextShare | Age):
            continue
        if _is_strong(signal, layout):
            yield Feature(f"{feature.name}_rank", "in_list", Rank(signal))
            if not isinstance(signal, Age):
                yield Feature(f"{feature.name}_gap", "in_list", Gap(signal))


def _is_strong(signal: Signal, layout: "Layout") -> bool:
    """An item's own successes and rates, what people go on to, a person's shares, the start."""
    if isinstance(signal, Count | Rate):
        return signal.scope == "item" and signal.type == layout.label
    if isinstance(signal, Age):
        return signal.since == "started"
    return True
