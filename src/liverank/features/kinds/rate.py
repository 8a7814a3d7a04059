"""Kind ``rate``: successes per impression, smoothed towards the rate of a wider scope.

An item that started ten seconds ago has its host's rate, a new host has its topic's, and without
any evidence the rate is the overall one.
"""

from collections.abc import Iterator
from itertools import product

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs, feature_name, is_of_text
from liverank.features.kernels.opcodes import COMBINATIONS, RATE
from liverank.features.kinds.count import Combination
from liverank.features.layout.layout import NEXT_ITEM, USER_RECENT, Layout, Scope
from liverank.quantities import duration_ms, nearest

PRIOR_TRIALS = 20.0
"""Number of impressions that the prior weighs as much as."""
PAIR_PRIOR_TRIALS = 5.0
"""The same for pairs, which have few impressions each."""
OVERALL_PRIOR_TRIALS = 1.0
PRIOR_HALF_LIFE = "14d"
TOPIC_FIELDS = ("topics", "topic", "tags", "categories", "genres")
"""Names of fields for an item's topics: of several lists of ids, one of these gives the prior."""
MIN_HALF_LIFE_MS = 3_600_000.0
"""Rates over less than an hour are noise."""


class Rate(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """``(count + prior_trials * prior) / (trials + prior_trials)``, both decayed."""

    scope: str
    type: str
    trials: str
    half_life: str
    prior: "Rate | None"
    prior_trials: float
    combine: Combination = "mean"
    passes_prior: bool = False
    """Whether an unknown entity (an item without a host) has the prior as its rate, and not NaN."""

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, after those of the prior."""
        prior = -1 if self.prior is None else compiler.register(self.prior)
        scope = compiler.scope(self.scope)
        return compiler.emit(
            RATE,
            compiler.layout.scope_index(scope),
            scope.count(self.type, self.half_life),
            compiler.decay(scope, self.half_life),
            COMBINATIONS[self.combine],
            scope.count(self.trials, self.half_life),
            prior,
            constants=(self.prior_trials, self.passes_prior),
        )


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """Rates over an hour or more in every scope; by default, of successes by some half-lives."""
    layout = inputs.layout
    if layout.impression is None:
        return
    for scope in layout.scopes:
        if scope.name in ("all", NEXT_ITEM, USER_RECENT) or is_of_text(scope, layout):
            continue
        usual = scope.half_lives(layout.label)
        if scope.name != "item":
            usual = nearest(usual, *(("1d", "forever") if scope.name == "user" else ("14d",)))
        combinations: tuple[Combination, ...] = ("max", "mean") if scope.is_list else ("mean",)
        for type_, half_life in product(scope.types, scope.half_lives(layout.impression)):
            if (
                type_ == layout.impression
                or half_life not in scope.half_lives(type_)
                or duration_ms(half_life) < MIN_HALF_LIFE_MS
            ):
                continue
            for combine in combinations:
                words = (type_, "rate", half_life, *([combine] if scope.is_list else []))
                yield Feature(
                    feature_name(scope, *words),
                    "rate",
                    rate_of(layout, scope, type_, half_life, combine),
                    by_default=type_ == layout.label and half_life in usual,
                )


def rate_of(
    layout: Layout, scope: Scope, type_: str, half_life: str, combine: Combination = "mean"
) -> Rate:
    """How often impressions lead to a type in a scope, with the chain of priors it falls back on.

    Priors have a long half-life, whatever the rate's own.
    """
    assert layout.impression is not None
    strength = PAIR_PRIOR_TRIALS if len(scope.parts) > 1 else PRIOR_TRIALS
    prior: Rate | None = None
    for wider in _wider(layout, scope):
        if not wider.half_lives(type_):
            continue
        (usual,) = nearest(wider.half_lives(type_), PRIOR_HALF_LIFE)
        prior = Rate(
            wider.name,
            type_,
            layout.impression,
            usual,
            prior,
            OVERALL_PRIOR_TRIALS if prior is None else PRIOR_TRIALS,
            passes_prior=True,
        )
    return Rate(scope.name, type_, layout.impression, half_life, prior, strength, combine)


def _wider(layout: Layout, scope: Scope) -> Iterator[Scope]:
    """The scopes that a scope's rate falls back on, the widest first.

    An item's rate falls back on its host's (a ``key`` field), that on its topics' (a ``keys``
    field), that on the overall one; a pair's on that of the user or of the item.
    """
    wider: list[tuple[str, ...]] = [()]
    if "item" in scope.parts and "user" not in scope.parts:
        for type_ in ("keys", "key"):
            fields = [
                field for field in layout.fields if field.entity == "item" and field.type == type_
            ]
            fields.sort(key=lambda field: field.name not in TOPIC_FIELDS)
            wider += [(f"item.{field.name}",) for field in fields[:1]]
    if len(scope.parts) > 1:
        wider.append(("user",) if scope.parts[0] == "user" else ("item",))
    for parts in wider:
        yield layout.scope_of(*parts)
