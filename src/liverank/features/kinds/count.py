"""Kind ``count``: how often something happened lately, decayed to the moment of reading."""

from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np

from liverank.config import duration_ms
from liverank.features.feature import Feature, feature_name, half_lives_near, other_types
from liverank.features.instructions import COMBINATIONS, COUNT, Compiler, is_per_request
from liverank.features.layout import NEXT_ITEM, Layout, Scope

Combination = Literal["sum", "max", "mean", "first", "min"]


class Count(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """The decayed count of an interaction type in a scope; over a list's elements, combined."""

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
            compiler.block(scope, self.type),
            scope.half_lives.index(self.half_life),
            COMBINATIONS[self.combine],
            constants=(np.log(2) / duration_ms(self.half_life),),
            per_request=is_per_request(scope),
        )


def derive(layout: Layout) -> Iterator[Feature]:
    """Counts of successes in every scope, of impressions and other types in the main ones."""
    for scope in layout.scopes:
        if scope.name in ("all", NEXT_ITEM):
            continue
        main = scope.name in ("user", "item", "user_item")
        lives = scope.half_lives if main else half_lives_near(scope, "1h", "1d")
        types = [layout.label]
        if main and layout.impression is not None:
            types.append(layout.impression)
        for type_ in types:
            for half_life in lives:
                yield from _counts(scope, type_, half_life)
        if main:
            for type_ in other_types(layout):
                for half_life in half_lives_near(scope, "1d"):
                    yield from _counts(scope, type_, half_life)


def _counts(scope: Scope, type_: str, half_life: str) -> Iterator[Feature]:
    combinations: tuple[Combination, ...] = ("max", "mean") if scope.is_list else ("sum",)
    for combine in combinations:
        yield Feature(
            feature_name(scope, type_, half_life, *([combine] if scope.is_list else [])),
            "count",
            Count(scope.name, type_, half_life, combine),
        )
