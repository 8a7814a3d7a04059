"""Reasons for a served item's score, by what-if comparison with the list's medians.

A feature's effect is the log-odds that the item would lose if this feature had the median value of
the list's candidates, everything else being equal. Each effect is exact, but effects need not add
up to the score, since features interact. ``models.attribution`` answers another question: it splits
a score into parts that do add up.
"""

import math

import numpy as np
from numpy.typing import NDArray

from liverank.bundle.bundle import Bundle
from liverank.models.predictor import Predictor
from liverank.serving.http.messages import RankedItem, Reason
from liverank.serving.ranking.ranker import RankedList

MAX_REASONS = 3
"""Maximum number of reasons for an item."""


def with_reasons(
    bundle: Bundle | None, ranked: RankedList, items: list[RankedItem]
) -> list[RankedItem]:
    """The items with their features and reasons, if a bundle ranked them; else unchanged."""
    columns = ranked.vectors
    if bundle is None or columns is None:
        return items
    names = bundle.spec.names
    rows = np.ascontiguousarray(columns[ranked.order])
    reasons = what_if_reasons(bundle.model, names, rows, typical_values(columns))
    return [
        RankedItem(
            item=item.item,
            score=item.score,
            position=item.position,
            features={
                name: as_json(value) for name, value in zip(names, row.tolist(), strict=True)
            },
            reasons=item_reasons,
        )
        for item, row, item_reasons in zip(items, rows, reasons, strict=True)
    ]


def what_if_reasons(
    model: Predictor,
    names: tuple[str, ...],
    rows: NDArray[np.float32],
    typical: NDArray[np.float32],
) -> list[list[Reason]]:
    """The strongest reasons for each row, float32[n, f]; ``typical`` is float32[f].

    >>> from liverank.models.calibrator import Calibrator
    >>> from liverank.models.linear.model import Linear
    >>> from liverank.models.predictor import Term
    >>> linear = Linear(
    ...     low=np.full(2, -9.0),
    ...     high=np.full(2, 9.0),
    ...     logarithmic=np.zeros(2, bool),
    ...     mean=np.zeros(2),
    ...     weight=np.array([0.5, 0.0]),
    ...     missing_weight=np.zeros(2),
    ...     intercept=np.zeros(1),
    ... )
    >>> rows = np.array([[4, 1]], np.float32)
    >>> terms = (Term(linear, 0, 1.0),)
    >>> model = Predictor(terms, Calibrator.none(1), "sigmoid", ("no", "yes"))
    >>> [[reason]] = what_if_reasons(model, ("joins", "x"), rows, rows[0] * 0)
    >>> reason.words, reason.effect
    ('joins is 4, where 0 is typical: raises it', 2.0)
    """
    used = model.used
    return [_reasons_of_row(model, names, row, typical, used) for row in rows]


def typical_values(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median of each column over the candidates with a known value; NaN if there are none."""
    known = ~np.isnan(features)
    typical = np.full(features.shape[1], np.nan, np.float32)
    some = known.any(axis=0)
    typical[some] = np.nanmedian(features[:, some], axis=0)
    return typical


def as_json(value: float) -> float | None:
    """A feature's value for JSON: None (null) for NaN, which means unknown."""
    return None if math.isnan(value) else float(value)


def _reasons_of_row(
    model: Predictor,
    names: tuple[str, ...],
    row: NDArray[np.float32],
    typical: NDArray[np.float32],
    used: NDArray[np.int64],
) -> list[Reason]:
    differs = (row != typical) & ~(np.isnan(row) & np.isnan(typical))
    columns = used[differs[used]]
    if len(columns) == 0:
        return []
    what_if = np.repeat(row[None, :], len(columns) + 1, axis=0)
    what_if[np.arange(len(columns)), columns] = typical[columns]
    margins = model.margins(what_if)[:, 0]
    effects = margins[-1] - margins[:-1]
    strongest = np.argsort(-np.abs(effects), kind="stable")[:MAX_REASONS]
    return [
        Reason(
            feature=names[columns[index]],
            value=as_json(row[columns[index]]),
            typical=as_json(typical[columns[index]]),
            effect=float(effects[index]),
            words=f"{names[columns[index]]} is {_word(row[columns[index]])}, where "
            f"{_word(typical[columns[index]])} is typical: "
            f"{'raises' if effects[index] > 0 else 'lowers'} it",
        )
        for index in strongest
        if effects[index] != 0
    ]


def _word(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.3g}"
