"""What a model says of rows, as a table: the class and its probability, or the value."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.models.attribution.by_column import Parts


def answer_table(answers: NDArray[np.float64], classes: Sequence[str]) -> pl.DataFrame:
    """Answers, float64[n] or float64[n, k], by row.

    Two classes: ``class`` and the ``probability`` of the second. More: ``class``, its
    ``probability``, and ``probability_NAME`` of each. None: ``prediction``.

    >>> answer_table(np.array([0.2, 0.7]), ("no", "yes")).rows()
    [('no', 0.2), ('yes', 0.7)]
    """
    if not classes:
        return pl.DataFrame({"prediction": answers})
    called = called_classes(answers)
    named = pl.Series("class", np.array(classes, object)[called], dtype=pl.String)
    if answers.ndim == 1:
        return pl.DataFrame({"class": named, "probability": answers})
    return pl.DataFrame(
        {"class": named, "probability": answers[np.arange(len(answers)), called]}
        | {f"probability_{name}": answers[:, place] for place, name in enumerate(classes)}
    )


def called_classes(answers: NDArray[np.float64]) -> NDArray[np.int64]:
    """The likeliest class of each row by number, int64[n]."""
    if answers.ndim == 1:
        return (answers > 0.5).astype(np.int64)
    return np.asarray(answers.argmax(axis=1), np.int64)


def attribution_table(
    parts: Parts, names: Sequence[str], answers: NDArray[np.float64]
) -> pl.DataFrame:
    """Parts of the margin by column: of the second of two classes, the called of more, the value.

    ``attribution_base`` and the ``attribution_NAME`` of all columns add up to the margin.
    """
    rows = np.arange(len(answers))
    margin = called_classes(answers) if answers.ndim == 2 else np.zeros(len(answers), np.int64)
    base = {"attribution_base": parts.base[margin]}
    return pl.DataFrame(
        base
        | {f"attribution_{name}": parts.effects[rows, i, margin] for i, name in enumerate(names)}
    )
