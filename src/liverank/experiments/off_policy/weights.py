"""Importance weights of the logged rewards for the policy to estimate.

Invariant: under the logging policy each weight is 1 on average, if that policy could have shown
everything that the other policy would show.
"""

import math

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.off_policy.logged import LoggedLists, check_lists

Weights = NDArray[np.float64]
"""Weights, float64[n, positions]; 0 beyond a list's end."""


def item_position_weights(logged: LoggedLists) -> Weights:
    """Weights of the item-position model, from probabilities *by position*. Raises DatasetError.

    Unbiased if the reward of an item depends only on the item and its position, not on the other
    items of the list. Source: Li et al., "Offline evaluation of ranking policies with click
    models", KDD 2018.
    """
    check_lists(logged)
    return _ratios(logged, beyond=0.0)


def cascade_weights(logged: LoggedLists) -> Weights:
    """Weights of the cascade model, from probabilities *given above*. Raises DatasetError.

    Unbiased if the reward of an item depends only on itself and the items above it, not on those
    below. Source: McInerney et al., "Counterfactual evaluation of slate recommendations with
    sequential reward interactions", KDD 2020.
    """
    check_lists(logged)
    return np.where(logged.shown, np.cumprod(_ratios(logged, beyond=1.0), axis=1), 0.0)


def list_weights(logged: LoggedLists) -> Weights:
    """Weights of whole lists, from probabilities *given above*. Raises DatasetError.

    Unbiased whatever the dependence between the items of a list. Source: Horvitz and Thompson, "A
    generalization of sampling without replacement from a finite universe", JASA 1952.
    """
    check_lists(logged)
    whole = np.prod(_ratios(logged, beyond=1.0), axis=1)
    return np.where(logged.shown, whole[:, None], 0.0)


def _ratios(logged: LoggedLists, beyond: float) -> NDArray[np.float64]:
    acts = logged.shown & (logged.target > 0)
    ratios = np.where(logged.shown, 0.0, beyond)
    np.divide(logged.target, logged.logging, out=ratios, where=acts)
    return ratios


def clipped(weights: Weights, most: float | None = None) -> Weights:
    """Weights clipped to a maximum; by default the square root of the number of lists.

    Use it if propensities are so small that few such items occur in the log. Clipping biases the
    estimate; the mean weight (``support.check_support``) shows where the bias is large. Source:
    Ionides, "Truncated importance sampling", 2008.

    >>> clipped(np.array([[1.0], [9.0], [0.5], [0.0]])).ravel().tolist()
    [1.0, 2.0, 0.5, 0.0]
    """
    return np.minimum(weights, math.sqrt(len(weights)) if most is None else most)


def effective_size(weights: Weights) -> NDArray[np.float64]:
    """Effective sample size, in lists, of each position's weights: float64[positions].

    Source: Kish, "Survey Sampling", 1965.

    >>> effective_size(np.array([[1.0, 4.0], [1.0, 0.0]])).tolist()
    [2.0, 1.0]
    """
    squares = (weights**2).sum(axis=0)
    effective = np.zeros(len(squares))
    np.divide(weights.sum(axis=0) ** 2, squares, out=effective, where=squares > 0)
    return effective
