"""Kernels that look up the shape of a scope's rows in the layout."""

from liverank.compiled import compiled
from liverank.features.kernels.memory.offsets import NUMBERS_TYPES, SHAPE_SIZE


@compiled
def shape_of(layout, scope, what):
    """A number of a scope: ``offsets.SHAPE_BASE`` to ``offsets.SHAPE_OFFSET_2``."""
    return layout.scopes[scope * SHAPE_SIZE + what]


@compiled
def block_of(layout, scope, type_):
    """The first word of a type's counters in a scope's row; -1 where the scope has none."""
    return layout.blocks[scope * layout.numbers[NUMBERS_TYPES] + type_]


@compiled
def span_of(layout, scope, type_):
    """A type's counters in a scope: (index of the first half-life, number of counts, of sums)."""
    span = 3 * (scope * layout.numbers[NUMBERS_TYPES] + type_)
    return layout.spans[span], layout.spans[span + 1], layout.spans[span + 2]
