"""A feature: a named number, read from state at a time, for one (user, item, request)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from liverank.features.layout.layout import Layout, Scope

MAX_OTHER_TYPES = 6
"""Maximum number of other interaction types for which a scope has default features."""


class Feature(msgspec.Struct, frozen=True):
    """A named expression and the kind it belongs to.

    A feature that is not ``by_default`` is only used where the config requests it: in benchmarks it
    did not improve rankings (benchmarks/RESULTS.md).
    """

    name: str
    kind: str
    expression: Any  # one of liverank.features.spec.Expression, which knows all kinds
    by_default: bool = True


@dataclass(frozen=True, slots=True)
class KindInputs:
    """Inputs from which a kind derives its features.

    ``layout``      the layout of feature state
    ``levels``      the schema's known values of each category, by names such as ``items.FIELD``
    ``is_sampled``  whether the lists to train on are samples of the candidates
    ``features``    the features that the kinds before this one derived
    """

    layout: Layout
    levels: Mapping[str, tuple[str, ...]]
    is_sampled: bool = False
    features: tuple["Feature", ...] = ()


def feature_name(scope: Scope, *words: str) -> str:
    """The readable name of a feature of a scope.

    >>> feature_name(Scope("user_topics", ("user", "item.topics"), ()), "join", "1d")
    'user_topics_join_1d'
    """
    return "_".join((scope.name, *words))


def other_types(scope: Scope, layout: Layout) -> tuple[str, ...]:
    """The scope's types other than the label and the impression, at most MAX_OTHER_TYPES."""
    return tuple(name for name in scope.types if name not in (layout.label, layout.impression))[
        :MAX_OTHER_TYPES
    ]


def is_of_text(scope: Scope, layout: Layout) -> bool:
    """Whether a scope is keyed by the words of a text."""
    texts = {f"item.{field.name}" for field in layout.fields if field.type == "text"}
    return not texts.isdisjoint(scope.parts)
