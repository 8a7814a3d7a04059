"""Fits the words of texts and the elements of lists (tokens): counts, indicators, target means.

Words and pairs of words are kept by name and not hashed: no two share a feature, the report can
name them, and only those that explain most of the target are kept.
Invariant: as in ``target_encoding``, no training row sees its own target.
"""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.automl.preprocessing.categories import EncodingInputs, FittedStep, mean_names
from liverank.automl.preprocessing.target_encoding import (
    Statistics,
    all_statistics,
    mean_differences,
    visible_statistics,
)
from liverank.models.encoder.step_functions import (
    bag_means,
    bag_pairs,
    bag_shown,
    bag_sizes,
    rows_of_levels,
    token_bags,
)
from liverank.models.encoder.steps import Bag

_SAMPLE_ROWS = 100_000
"""Rows in which tokens are counted to choose those to keep."""
_MOST_CANDIDATES = 50_000
"""Tokens, the most frequent ones, among which the strongest are chosen."""


def fit_bag(
    name: str, values: NDArray[Any], training: EncodingInputs, *, is_text: bool
) -> FittedStep | None:
    """Fit one column of texts or lists; None where no row has a known value."""
    bags = token_bags(values, is_text=is_text)
    if all(bag is None for bag in bags):
        return None
    tokens = _strongest_tokens(bags, training)
    rows, codes = bag_pairs(bags, rows_of_levels(tokens))
    shown = np.arange(min(training.options.shown, len(tokens)))
    what = "words" if is_text else "elements"
    names = [f"{what}({name})", *(f"{name} has {tokens[number]}" for number in shown)]
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
    return FittedStep(step, table, np.hstack(parts))


def _strongest_tokens(
    bags: list[tuple[str, ...] | None], training: EncodingInputs
) -> tuple[str, ...]:
    """Tokens with enough rows, by how clearly their target mean differs; at most ``tokens``."""
    options = training.options
    step = max(len(bags) // _SAMPLE_ROWS, 1)
    sample = bags[::step]
    counts: Counter[str] = Counter()
    for bag in sample:
        counts.update(bag or ())
    least = max(options.least / step, 2)
    frequent = [token for token, count in counts.items() if count >= least]
    frequent = sorted(frequent, key=lambda token: (-counts[token], token))[:_MOST_CANDIDATES]
    rows, codes = bag_pairs(sample, rows_of_levels(tuple(frequent)))
    given = training.target[::step], training.weight[::step], rows
    strength = _strength(all_statistics(codes, len(frequent), *given), training.totals)
    order = np.argsort(-strength, kind="stable")[: options.tokens]
    return tuple(frequent[number] for number in order)


def _strength(of_token: Statistics, of_all: Statistics) -> NDArray[np.float64]:
    """Distance of each token's target mean from the overall mean, in standard errors: float64[m].

    The largest of the k targets counts.
    """
    mean = of_all.sums[0] / of_all.weights[0]
    gaps = of_token.sums - of_token.weights[:, None] * mean
    strength: NDArray[np.float64] = np.abs(gaps).max(axis=1) / np.sqrt(
        np.maximum(of_token.weights, 1e-9)
    )
    return strength


def _means(
    rows: NDArray[np.int64], codes: NDArray[np.int64], n_tokens: int, training: EncodingInputs
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Target mean of each token (float64[n_tokens, k]); and of each pair, over its visible rows."""
    given = codes, n_tokens, training.target, training.weight, rows
    smoothing, least = training.options.smoothing, training.options.least
    in_all = all_statistics(*given)
    table, _ = mean_differences(in_all, training.totals, smoothing=smoothing, least=least)
    of_rows = training.visible_totals.take(rows)
    seen = visible_statistics(*given, training.visible)
    means, _ = mean_differences(seen, of_rows, smoothing=smoothing, least=least)
    return table, means
