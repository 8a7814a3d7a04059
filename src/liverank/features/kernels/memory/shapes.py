"""Kernels that look up the shape of a scope's rows in the layout."""

from liverank.compiled import compiled
from liverank.features.kernels.memory.offsets import BLOCKS, NUMBERS, SCOPES, SHAPE, SPANS, TYPES


@compiled
def shape_of(layout, scope, what):
    """A number of a scope: ``places.BASE`` to ``places.OFFSET_2``."""
    return layout[SCOPES][scope * SHAPE + what]


@compiled
def block_of(layout, scope, type_):
    """The word of a scope's row where a type's counters begin; -1 for one without."""
    return layout[BLOCKS][scope * layout[NUMBERS][TYPES] + type_]


@compiled
def span_of(layout, scope, type_):
    """Of a type's counters in a scope: where their half-lives stand, how many counts, and sums."""
    span = 3 * (scope * layout[NUMBERS][TYPES] + type_)
    return layout[SPANS][span], layout[SPANS][span + 1], layout[SPANS][span + 2]
