"""Monotone constraints: which features can only raise, or only lower, the chance of success.

More successes per impression never make the next success less likely. A model with that constraint
cannot learn the opposite from noise, which is large where rankings have few successes.
"""

from liverank.features.kinds.count import Count
from liverank.features.kinds.listwise import AboveMean, AboveMeanSd, Gap, Rank
from liverank.features.kinds.match import Share
from liverank.features.kinds.next_item import NextCount, NextShare
from liverank.features.kinds.rate import Rate
from liverank.features.spec import Expression, FeatureSpec

LIKELIER, LESS_LIKELY, EITHER = 1, -1, 0


def directions_of(spec: FeatureSpec) -> tuple[int, ...]:
    """For each feature: 1 if success can only grow likelier with it, -1 if less likely, else 0."""
    return tuple(_direction(feature.expression, spec.layout.label) for feature in spec.features)


def _direction(expression: Expression, label: str) -> int:
    """Rates and shares of successes raise the chance; being below others in them lowers it.

    A plain count has no direction: it also grows with how often an item was shown.
    """
    if isinstance(expression, Rate | Share | NextShare | NextCount):
        return LIKELIER
    if isinstance(expression, AboveMean | AboveMeanSd):
        return _direction(expression.of, label)
    if isinstance(expression, Gap):
        return -_direction(expression.of, label)
    if isinstance(expression, Rank):
        of = expression.of
        if isinstance(of, Count) and of.scope == "item" and of.type == label:
            return LESS_LIKELY  # more successes than the others in the list
        return -_direction(of, label)
    return EITHER
