"""Kind ``total``: sums and averages of interactions' values, such as the seconds stayed."""

from collections.abc import Iterator
from typing import get_args

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs, feature_name, is_of_text
from liverank.features.kernels.opcodes import COMBINATIONS, COUNT, RATE
from liverank.features.kinds.count import Combination
from liverank.features.layout.layout import NEXT_ITEM
from liverank.quantities import nearest

PRIOR_EVENTS = 5.0
"""Weight of the prior, the average over all users, in interactions."""


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
    """``(sum + prior_events * prior) / (count + prior_events)``, both decayed."""

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


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """Totals, and averages of all scopes but lists; all must be requested."""
    layout = inputs.layout
    for scope in layout.scopes:
        if scope.name in ("all", NEXT_ITEM) or is_of_text(scope, layout):
            continue
        for type_ in scope.types:
            for half_life in scope.totals(type_):
                for combine in get_args(Combination) if scope.is_list else ("sum",):
                    words = (type_, "total", half_life, *([combine] if scope.is_list else []))
                    yield Feature(
                        feature_name(scope, *words),
                        "total",
                        Total(scope.name, type_, half_life, combine),
                        by_default=False,
                    )
                if not scope.is_list:
                    (usual,) = nearest(layout.scope("all").totals(type_), "forever")
                    everybody = Average("all", type_, usual, None, 1.0)
                    yield Feature(
                        feature_name(scope, type_, "average", half_life),
                        "total",
                        Average(scope.name, type_, half_life, everybody, PRIOR_EVENTS),
                        by_default=False,
                    )
