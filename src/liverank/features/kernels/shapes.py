"""Kernels that look up the shape of a scope's rows in the layout."""

from liverank.compiled import compiled
from liverank.features.kernels.places import BLOCKS, NUMBERS, SCOPES, SHAPE, TYPES, VALUED


@compiled
def shape_of(layout, scope, what):
    """A number of a scope: ``places.BASE`` to ``places.OFFSET_2``."""
    return layout[SCOPES][scope * SHAPE + what]


@compiled
def block_of(layout, scope, type_):
    """The word of a scope's row where a type's counters begin; -1 for one without."""
    return layout[BLOCKS][scope * layout[NUMBERS][TYPES] + type_]


@compiled
def adds_values(layout, scope, type_):
    """Whether a scope adds up the values of a type."""
    return layout[VALUED][scope * layout[NUMBERS][TYPES] + type_] == 1
