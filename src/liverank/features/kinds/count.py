"""Kind ``count``: how often something happened recently, decayed to the time of the read."""

from collections.abc import Iterator
from itertools import islice
from typing import Literal, get_args

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs, feature_name, is_of_text, other_types
from liverank.features.kernels.opcodes import COMBINATIONS, COUNT
from liverank.features.layout.layout import NEXT_ITEM, USER_RECENT, Layout, Scope
from liverank.quantities import nearest

Combination = Literal["sum", "max", "mean"]


class Count(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """The decayed count of an interaction type in a scope; for a list, its elements' combined."""

    scope: str
    type: str
    half_life: str
    combine: Combination = "sum"

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        scope = compiler.scope(self.scope)
        return compiler.emit(
            COUNT,
            compiler.layout.scope_index(scope),
            scope.count(self.type, self.half_life),
            compiler.decay(scope, self.half_life),
            COMBINATIONS[self.combine],
        )


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """Counts of the user, the item, their pair, and of what the item has: host, topics.

    For other pairs, shares and rates (kinds ``match`` and ``rate``) are the better features. Counts
    of other types and half-lives, and other ways to combine a list, have to be asked for.
    """
    layout = inputs.layout
    usual = list(_usual(layout))
    yield from usual
    names = {feature.name for feature in usual}
    for scope in layout.scopes:
        if scope.name in ("all", NEXT_ITEM) or is_of_text(scope, layout):
            continue
        for counter in scope.counters:
            for half_life in counter.half_lives:
                for feature in _counts(scope, counter.type, half_life):
                    if feature.name not in names:
                        yield msgspec.structs.replace(feature, by_default=False)


def _usual(layout: Layout) -> Iterator[Feature]:
    """The counts that are derived by default."""
    for scope in layout.scopes:
        is_main = scope.name in ("user", "item", "user_item", USER_RECENT)
        if scope.name in ("all", NEXT_ITEM) or (scope.is_pair and not is_main):
            continue
        lives = scope.half_lives(layout.label)
        if scope.name in ("user", "user_item"):
            lives = nearest(lives, "1d", "forever")
        elif scope.name not in ("item", USER_RECENT):
            lives = nearest(lives, "1d")
        types = [layout.label]
        if is_main and layout.impression is not None:
            types.append(layout.impression)
        for type_ in types:
            for half_life in lives:
                yield from islice(_counts(scope, type_, half_life), 1)
        if is_main:
            for type_ in other_types(scope, layout):
                for half_life in nearest(scope.half_lives(type_), "1d"):
                    yield from islice(_counts(scope, type_, half_life), 1)


def _counts(scope: Scope, type_: str, half_life: str) -> Iterator[Feature]:
    """The count, or for a list the sum, the maximum and the mean of its elements' counts."""
    for combine in get_args(Combination) if scope.is_list else ("sum",):
        yield Feature(
            feature_name(scope, type_, half_life, *([combine] if scope.is_list else [])),
            "count",
            Count(scope.name, type_, half_life, combine),
        )
