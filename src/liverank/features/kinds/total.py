"""Kind ``total``: sums and averages of what interactions carry, such as the seconds stayed."""

from collections.abc import Iterator

import msgspec

from liverank.features.feature import Feature, feature_name
from liverank.features.instructions import COMBINATIONS, COUNT, RATE, Compiler
from liverank.features.kinds.count import Combination
from liverank.features.layout import NEXT_ITEM, Layout
from liverank.quantities import nearest

PRIOR_EVENTS = 5.0
"""Interactions that the wider scope's average weighs as much as."""


class Total(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """The decayed sum of an interaction type's values in a scope."""

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
            scope.total(self.type, self.half_life),
            compiler.decay(scope, self.half_life),
            COMBINATIONS[self.combine],
        )


class Average(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """``(sum + prior_events * prior) / (count + prior_events)``, decayed alike."""

    scope: str
    type: str
    half_life: str
    prior: "Average | None"
    prior_events: float
    combine: Combination = "mean"

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, after those of the prior."""
        prior = -1 if self.prior is None else compiler.register(self.prior)
        scope = compiler.scope(self.scope)
        return compiler.emit(
            RATE,
            compiler.layout.scope_index(scope),
            scope.total(self.type, self.half_life),
            compiler.decay(scope, self.half_life),
            COMBINATIONS[self.combine],
            scope.count(self.type, self.half_life),
            prior,
            constants=(self.prior_events, 0.0),
        )


def derive(layout: Layout) -> Iterator[Feature]:
    """Totals of the item; averages of everything but lists, pairs with the user included.

    None are derived by default.
    """
    for scope in layout.scopes:
        if scope.name in ("all", NEXT_ITEM) or scope.is_list:
            continue
        for type_ in scope.types:
            if not scope.totals(type_):
                continue
            (usual,) = nearest(layout.scope("all").totals(type_), "forever")
            everybody = Average("all", type_, usual, None, 1.0)
            (long,) = nearest(scope.totals(type_), "forever")
            if scope.name == "item":
                (short,) = nearest(scope.totals(type_), "1h")
                yield Feature(
                    feature_name(scope, type_, "total", short),
                    "total",
                    Total(scope.name, type_, short),
                    by_default=False,
                )
            yield Feature(
                feature_name(scope, type_, "average", long),
                "total",
                Average(scope.name, type_, long, everybody, PRIOR_EVENTS),
                by_default=False,
            )
