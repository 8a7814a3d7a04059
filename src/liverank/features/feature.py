"""A feature: a named number, read from state at a time, for one (user, item, request)."""

from typing import Any

import msgspec

from liverank.config import duration_ms
from liverank.features.layout import Layout, Scope

_DAY_MS = 86_400_000.0
MAX_OTHER_TYPES = 6


class Feature(msgspec.Struct, frozen=True):
    """A named expression and the kind it belongs to."""

    name: str
    kind: str
    expression: Any  # one of liverank.features.spec.Expression, which knows all kinds


def feature_name(scope: Scope, *words: str) -> str:
    """The readable name of a feature of a scope.

    >>> feature_name(Scope("user_topics", ("user", "item.topics"), ("1d",)), "join", "1d")
    'user_topics_join_1d'
    """
    return "_".join((scope.name, *words))


def other_types(layout: Layout) -> tuple[str, ...]:
    """Interaction types beside the label and the impression, at most MAX_OTHER_TYPES."""
    return tuple(name for name in layout.types if name not in (layout.label, layout.impression))[
        :MAX_OTHER_TYPES
    ]


def typical_half_life(scope: Scope) -> str:
    """The scope's half-life that is nearest to a day."""
    return min(
        scope.half_lives,
        key=lambda text: abs(min(duration_ms(text), 1e15) / _DAY_MS - 1.0),
    )
