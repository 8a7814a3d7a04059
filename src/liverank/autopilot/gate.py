"""Whether a model ranks better than popularity on the holdout lists, before it is served.

The tested model is the one from before the refit, which was not trained on these lists. Each item
is scored as if it were first, as in serving, so that no model benefits from the logged positions.
Invariant: every method ranks the same items of the same lists, with the data known when the lists
were served.
"""

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.automl.ranking import RankingModel
from liverank.automl.report.comparison import Comparison, Difference
from liverank.automl.report.from_search import known
from liverank.automl.report.reports import RankingReport
from liverank.config import Config
from liverank.dataset.bootstrap import bootstrap_difference
from liverank.dataset.lists.lists import Lists
from liverank.dataset.metrics import list_auc, mean_over_lists, ndcg_at
from liverank.dataset.rows import Rows, list_offsets
from liverank.features.kinds.context import POSITION_NAME, SERVED_POSITION

MODEL = "model"
DECIDING = "ndcg@10"
LEAST_LISTS = 10
"""Minimum number of lists with a success for a comparison that a model may win."""
_TOP = 10


def compare_with_popularity(
    fitted: RankingModel,
    rows: Rows,
    lists: Lists,
    heuristics: Mapping[str, NDArray[np.float64]],
    config: Config,
) -> Comparison:
    """Compare a model with popularity on the holdout lists, and decide whether it may be served.

    ``rows`` are the seen items of ``lists``, in order, from which the model was trained, and
    ``heuristics`` the scores of all items of the lists, float64[k] by name. If the holdout lists
    are too few to decide, the validation lists are added: no model was trained on them either.
    """
    evaluated, report = fitted.evaluated, fitted.report
    if evaluated is None or not report.held_out:
        return _undecided(len(rows), rows.positives)
    start = evaluated.validation_start
    later = rows.take(slice(start, None))
    offsets = list_offsets(later.rankings)
    own = later.rankings[offsets[:-1]]
    scores = {name: values[lists.seen][start:] for name, values in heuristics.items()}
    scores[MODEL] = evaluated.model.margins(as_served(later))[:, 0]
    users, seed = lists.reads.user[own], config.training.seed
    first = int(np.searchsorted(offsets, evaluated.holdout_start - start))
    row = int(offsets[first])
    against = compare_methods(
        {name: values[row:] for name, values in scores.items()},
        later.labels[row:],
        offsets[first:] - row,
        users[first:],
        seed=seed,
    )
    if not _is_clear(against):
        wider = compare_methods(scores, later.labels, offsets, users, seed=seed)
        against = msgspec.structs.replace(
            against, wider=wider, beats=wider.beats, reason=f"{against.reason}; {wider.reason}"
        )
    if against.beats and not _is_useful(report):
        why = "but its log-loss is not below that of always answering with the share of successes"
        against = msgspec.structs.replace(against, beats=False, reason=f"{against.reason}; {why}")
    return against


def _is_clear(against: Comparison) -> bool:
    """Whether the interval of the difference excludes zero."""
    gain = against.differences.get(DECIDING)
    if gain is None or gain.low is None or gain.high is None:
        return False
    return gain.low > 0 or gain.high < 0


def _is_useful(report: RankingReport) -> bool:
    loss, base = report.held_out.get("log_loss"), report.baseline.get("log_loss")
    return loss is not None and base is not None and loss < base


def as_served(rows: Rows) -> NDArray[np.float32]:
    """The features with every item at the first position: float32[n, f].

    >>> rows = Rows(
    ...     features=np.array([[7, 3]], np.float32),
    ...     labels=np.zeros(1, np.uint8),
    ...     rankings=np.zeros(1, np.int64),
    ...     at_ms=np.zeros(1, np.int64),
    ...     names=("joins", "position"),
    ... )
    >>> as_served(rows).tolist()
    [[7.0, 0.0]]
    """
    if POSITION_NAME not in rows.names:
        return rows.features
    features = rows.features.copy()
    features[:, rows.names.index(POSITION_NAME)] = SERVED_POSITION
    return features


def compare_methods(
    scores: Mapping[str, NDArray[np.float64]],
    labels: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    users: NDArray[np.uint64],
    *,
    seed: int,
) -> Comparison:
    """Compare the model with heuristics on lists: scores float64[n] by method, one is ``model``.

    ``users`` are the users of the lists, uint64[n_lists].
    """
    per_list = {
        name: {
            "list_auc": list_auc(values, labels, offsets),
            DECIDING: ndcg_at(_TOP, values, labels, offsets),
        }
        for name, values in scores.items()
    }
    methods = {
        name: {metric: known(mean_over_lists(values)) for metric, values in metrics.items()}
        for name, metrics in per_list.items()
    }
    count = int(np.count_nonzero(~np.isnan(per_list[MODEL][DECIDING])))
    rivals = sorted(set(scores) - {MODEL})
    best = max(rivals, key=lambda name: methods[name][DECIDING] or 0.0) if count else None
    differences = {}
    for metric, values in per_list[MODEL].items() if best else ():
        less = per_list[best][metric] if best else values
        low, high = bootstrap_difference(values, less, users.view(np.int64), seed=seed)
        value = known(mean_over_lists(values - less))
        differences[metric] = Difference(value=value, low=known(low), high=known(high))
    gain = differences[DECIDING].value if best else None
    return Comparison(
        lists=count,
        methods=methods,
        best_heuristic=best,
        differences=differences,
        beats=gain is not None and gain > 0 and count >= LEAST_LISTS,
        reason=_reason(count, best, methods, differences),
    )


def _undecided(rows: int, positives: int) -> Comparison:
    """The result for a model with too few rows to compare it on."""
    return Comparison(
        lists=0,
        methods={},
        best_heuristic=None,
        differences={},
        beats=False,
        reason=f"{rows:,} rows with {positives:,} successes are too few to compare a model on",
    )


def _reason(
    count: int,
    best: str | None,
    methods: dict[str, dict[str, float | None]],
    differences: dict[str, Difference],
) -> str:
    if best is None:
        return "none of the newest lists had a success, so the model cannot be compared"
    gain = differences[DECIDING]
    assert gain.value is not None
    way = "beats" if gain.value > 0 else "does not beat"
    few = f", and {LEAST_LISTS} lists or more are needed" if count < LEAST_LISTS else ""
    return (
        f"on {count:,} lists with a success the model {way} {best}: {DECIDING} "
        f"{methods[MODEL][DECIDING]:.4f} against {methods[best][DECIDING]:.4f}, a difference of "
        f"{gain.value:+.4f} (95 % from {gain.low:+.4f} to {gain.high:+.4f}){few}"
    )
