"""Fitting the words of texts and the elements of lists to the target.

Words (and pairs of words) are kept by name rather than hashed: no two share a place, the report can
name them, and only those that tell most of the target are kept.
Invariant: as in ``target_means``, no training row sees its own target.
"""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.automl.preprocessing.categories import EncodingInputs, Fitted, mean_names
from liverank.automl.preprocessing.target_encoding import (
    Statistics,
    all_statistics,
    means_above,
    seen_statistics,
)
from liverank.models.encoder.steps import (
    Bag,
    bag_means,
    bag_pairs,
    bag_shown,
    bag_sizes,
    places_of,
    token_bags,
)

_LOOKED_AT = 100_000
"""Rows in which tokens are counted to choose those worth knowing."""
_MOST_CANDIDATES = 50_000


def fit_bag(
    name: str, values: NDArray[Any], training: EncodingInputs, *, is_text: bool
) -> Fitted | None:
    """Fit one column of texts or lists; None where it is always unknown."""
    bags = token_bags(values, is_text=is_text)
    if all(bag is None for bag in bags):
        return None
    tokens = _worth_knowing(bags, training)
    rows, codes = bag_pairs(bags, places_of(tokens))
    shown = np.arange(min(training.recipe.shown, len(tokens)))
    what = "words" if is_text else "elements"
    names = [f"{what}({name})", *(f"{name} has {tokens[place]}" for place in shown)]
    parts = [bag_sizes(bags)[:, None], bag_shown(rows, codes, len(bags), shown)]
    table = None
    if tokens:
        table, means = _means(rows, codes, len(tokens), training)
        names += mean_names(name, training)
        parts.append(bag_means(rows, len(bags), means))
    step = Bag(
        names=tuple(names),
        column=name,
        is_text=is_text,
        tokens=tokens,
        sized=True,
        shown=tuple(shown.tolist()),
    )
    return Fitted(step, table, np.hstack(parts))


def _worth_knowing(bags: list[tuple[str, ...] | None], training: EncodingInputs) -> tuple[str, ...]:
    """Tokens of enough rows, those first that tell most of the target."""
    recipe = training.recipe
    step = max(len(bags) // _LOOKED_AT, 1)
    looked = bags[::step]
    counts: Counter[str] = Counter()
    for bag in looked:
        counts.update(bag or ())
    least = max(recipe.least / step, 2)
    often = [token for token, count in counts.items() if count >= least]
    often = sorted(often, key=lambda token: (-counts[token], token))[:_MOST_CANDIDATES]
    rows, codes = bag_pairs(looked, places_of(tuple(often)))
    given = training.target[::step], training.weight[::step], rows
    strength = _strength(all_statistics(codes, len(often), *given), training.of_all)
    order = np.argsort(-strength, kind="stable")[: recipe.tokens]
    return tuple(often[place] for place in order)


def _strength(of_token: Statistics, of_all: Statistics) -> NDArray[np.float64]:
    """How many standard errors the mean of a token's rows is from that of all; the most of k."""
    mean = of_all.sums[0] / of_all.weights[0]
    gaps = of_token.sums - of_token.weights[:, None] * mean
    strength: NDArray[np.float64] = np.abs(gaps).max(axis=1) / np.sqrt(
        np.maximum(of_token.weights, 1e-9)
    )
    return strength


def _means(
    rows: NDArray[np.int64], codes: NDArray[np.int64], n_tokens: int, training: EncodingInputs
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of each token (float64[n_tokens, k]); and those that each pair's row may know."""
    given = codes, n_tokens, training.target, training.weight, rows
    smoothing, least = training.recipe.smoothing, training.recipe.least
    in_all = all_statistics(*given)
    table, _ = means_above(in_all, training.of_all, smoothing=smoothing, least=least)
    of_rows = training.seen_of_all.take(rows)
    seen = seen_statistics(*given, training.sight)
    means, _ = means_above(seen, of_rows, smoothing=smoothing, least=least)
    return table, means
