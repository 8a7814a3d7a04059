"""Predictions as a table: the class and its probability, or the value; and attributions."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.models.attribution.by_column import Parts


def prediction_table(predictions: NDArray[np.float64], classes: Sequence[str]) -> pl.DataFrame:
    """Predictions, float64[n] or float64[n, k], by row.

    Two classes: ``class``, the ``probability`` of the second (the positive one), and
    ``probability_NAME`` of each. More: ``class``, its ``probability``, and ``probability_NAME`` of
    each. None: ``prediction``.

    >>> prediction_table(np.array([0.25]), ("no", "yes")).to_dicts()
    [{'class': 'no', 'probability': 0.25, 'probability_no': 0.75, 'probability_yes': 0.25}]
    """
    if not classes:
        return pl.DataFrame({"prediction": predictions})
    likeliest = likeliest_classes(predictions)
    named = pl.Series("class", np.array(classes, object)[likeliest], dtype=pl.String)
    if predictions.ndim == 1:
        shares, probability = np.column_stack([1 - predictions, predictions]), predictions
    else:
        shares = predictions
        probability = predictions[np.arange(len(predictions)), likeliest]
    return pl.DataFrame(
        {"class": named, "probability": probability}
        | {f"probability_{name}": shares[:, k] for k, name in enumerate(classes)}
    )


def likeliest_classes(predictions: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most likely class of each row as an index, int64[n]."""
    if predictions.ndim == 1:
        return (predictions > 0.5).astype(np.int64)
    return np.asarray(predictions.argmax(axis=1), np.int64)


def attribution_table(
    parts: Parts, names: Sequence[str], predictions: NDArray[np.float64]
) -> pl.DataFrame:
    """Attributions of the margin to the columns.

    The margin is that of the second of two classes, of the most likely of more, or the value.

    ``attribution_base`` and the ``attribution_NAME`` of all columns add up to the margin.
    """
    rows = np.arange(len(predictions))
    margin = (
        likeliest_classes(predictions)
        if predictions.ndim == 2
        else np.zeros(len(predictions), np.int64)
    )
    base = {"attribution_base": parts.base[margin]}
    return pl.DataFrame(
        base
        | {f"attribution_{name}": parts.effects[rows, i, margin] for i, name in enumerate(names)}
    )
