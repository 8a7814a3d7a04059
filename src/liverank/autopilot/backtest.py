"""The backtest: whether the model would have ranked later lists better than popularity.

The log is replayed in time order. The model is trained on the time before the test period, the
fold of state continues through the period, and each method scores every list of the period as of
the time it was served. Invariant: no method uses an event that the log did not hold at that time.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.report.from_search import known
from liverank.autopilot.frames import Frames, only_columns
from liverank.autopilot.gate import DECIDING, MODEL
from liverank.autopilot.gather import gather
from liverank.autopilot.training import OnProgress, TrainingRun, train_on
from liverank.config import Config
from liverank.dataset.bootstrap import bootstrap_difference
from liverank.dataset.lists.lists import Lists
from liverank.dataset.metrics import (
    auc,
    hit_rate_at,
    list_auc,
    log_loss,
    mean_over_lists,
    ndcg_at,
    reciprocal_rank,
    true_ndcg_at,
)
from liverank.dataset.popularity import Popularity, popularity_scores
from liverank.dataset.replay import REPLAY_COLUMNS, replay
from liverank.features.kinds.context import SERVED_POSITION
from liverank.features.kinds.next_item import after_last_item
from liverank.features.layout.layout import Layout
from liverank.features.spec import FeatureSpec, SpecFeature
from liverank.quantities import duration_ms

Scores = dict[str, NDArray[np.float64]]
ORACLE = "oracle"
TRUE = "true_ndcg@10"
"""Metric by which the best heuristic is chosen where the truth is known; otherwise it is
``DECIDING``. Ties are broken by name."""
TOP = 10


class Backtest(NamedTuple):
    """The results, as values that JSON can hold, and the model that was tested."""

    methods: dict[str, dict[str, float | int | None]]
    """Metrics of each method: list_auc, ndcg@10, mrr, hit_rate@10, auc, the number of lists,
    log_loss; and true_ndcg@10 where the truth is known."""
    best_heuristic: str
    differences: dict[str, dict[str, float | None]]
    """For each list metric: the model minus the best heuristic, and its 95 % interval."""
    rows: int
    training_rows: int
    trained: TrainingRun
    notes: tuple[str, ...]
    """Notes on the training and on the test lists."""


def run_backtest(
    frames: Frames,
    config: Config,
    *,
    test_from_ms: float,
    on_progress: OnProgress | None = None,
    truth: Callable[[Lists], NDArray[np.float64]] | None = None,
) -> Backtest:
    """Train before a time and test on all lists from then on. Raises DatasetError, TrainingError.

    ``truth`` gives the true probability of a success of each row, float64[k], which only a
    simulator has: all methods are measured by it too, and compared with an oracle that ranks by it.
    """
    found = gather(frames, config, test_from_ms=test_from_ms)
    spec, past, lists = found.spec, found.lists, found.tests
    assert lists is not None
    trained = train_on(past, frames, spec, config, on_progress=on_progress)
    popularity = Popularity(lists, spec.layout, config)
    replayed = _replayed_scores(
        popularity.passing(only_columns(frames, REPLAY_COLUMNS)()),
        lists,
        trained,
        config,
        on_progress,
    )
    scores = {"random": random_scores(lists, config), **popularity.scores(), **replayed}
    heuristics = sorted(set(scores) - {MODEL, "random"})
    if truth is not None:
        scores[ORACLE] = truth(lists)
    implied = config.candidates is not None
    scores["next_item"] = _break_ties(np.round(scores["next_item"]), scores["popular_1h"])
    scores = {name: values[lists.served] for name, values in scores.items()}
    lists = lists.only_served()
    chances = scores.get(ORACLE)
    per_list = {
        name: list_metrics(values, lists, implied, chances) for name, values in scores.items()
    }
    methods = {name: _summary(name, scores[name], per_list[name], lists) for name in scores}
    deciding = DECIDING if chances is None else TRUE
    best = max(heuristics, key=lambda name: methods[name][deciding] or 0.0)
    return Backtest(
        methods=methods,
        best_heuristic=best,
        differences=_differences(per_list[MODEL], per_list[best], lists, config.training.seed),
        rows=len(lists.labels),
        training_rows=trained.report.data.rows,
        trained=trained,
        notes=(*trained.report.notes, *lists.notes),
    )


def heuristic_scores(frames: Frames, lists: Lists, layout: Layout, config: Config) -> Scores:
    """Scores of the methods without a model: a random order, and popularity."""
    return {
        "random": random_scores(lists, config),
        **popularity_scores(frames(), lists, layout, config),
    }


def random_scores(lists: Lists, config: Config) -> NDArray[np.float64]:
    """Scores that put each list into a random order, float64[k]."""
    return np.random.default_rng(config.training.seed).random(len(lists.labels))


def list_metrics(
    scores: NDArray[np.float64],
    lists: Lists,
    implied: bool,
    truth: NDArray[np.float64] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Each metric of each list, float64[lists] by name; NaN where a list is uninformative.

    An item was chosen in every ``implied`` list: where the list does not hold it (it was new) the
    hit rate is 0, not unknown. ``truth``, float64[k], adds the metric that needs it.
    """
    labels, offsets = lists.labels, lists.reads.offsets
    hits = hit_rate_at(TOP, scores, labels, offsets)
    metrics = {
        "list_auc": list_auc(scores, labels, offsets),
        DECIDING: ndcg_at(TOP, scores, labels, offsets),
        "mrr": reciprocal_rank(scores, labels, offsets),
        "hit_rate@10": np.nan_to_num(hits) if implied else hits,
    }
    if truth is not None:
        metrics[TRUE] = true_ndcg_at(TOP, scores, truth, offsets)
    return metrics


def _replayed_scores(
    frames: Iterable[pl.DataFrame],
    lists: Lists,
    trained: TrainingRun,
    config: Config,
    on_progress: OnProgress | None,
) -> Scores:
    """The model's probabilities, and the counts after the user's last item, from one replay."""
    features = {feature.name: feature for feature in trained.spec.features}
    after_last = SpecFeature("after_last_item", "next", after_last_item(trained.spec.layout))
    features.setdefault(after_last.name, after_last)
    spec = FeatureSpec(trained.spec.layout, tuple(features.values()))
    width = len(trained.spec.features)
    column = spec.names.index(after_last.name)
    model = np.empty(len(lists.labels))
    followed = np.empty(len(lists.labels))
    done = 0
    for chunk in replay(
        frames,
        spec,
        replace(lists.reads, positions=np.full(len(lists.labels), SERVED_POSITION)),
        max_future_ms=duration_ms(config.features.max_future),
        bounds=lists.bounds,
    ):
        rows = np.ascontiguousarray(chunk.features[:, :width])
        model[chunk.rows] = trained.model.answers(rows)
        followed[chunk.rows] = np.nan_to_num(chunk.features[:, column])
        done += len(chunk.lists)
        if on_progress is not None:
            on_progress("testing", done / len(lists))
    for _ in frames:  # the popularity counts need the rest
        pass
    return {"next_item": followed, MODEL: model}


def _break_ties(scores: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole-number scores, with ties ordered by another score."""
    return scores + by / (1.0 + np.max(by, initial=0.0))


def _summary(
    name: str,
    scores: NDArray[np.float64],
    per_list: dict[str, NDArray[np.float64]],
    lists: Lists,
) -> dict[str, float | int | None]:
    """One method's row of the results; null is unknown."""
    summary: dict[str, float | int | None] = {
        metric: known(mean_over_lists(values)) for metric, values in per_list.items()
    }
    summary["auc"] = known(auc(scores, lists.labels))
    summary["lists"] = int(np.count_nonzero(~np.isnan(per_list["list_auc"])))
    summary["log_loss"] = known(log_loss(scores, lists.labels)) if name == MODEL else None
    return summary


def _differences(
    model: dict[str, NDArray[np.float64]],
    best: dict[str, NDArray[np.float64]],
    lists: Lists,
    seed: int,
) -> dict[str, dict[str, float | None]]:
    differences = {}
    for metric, values in model.items():
        low, high = bootstrap_difference(
            values, best[metric], lists.reads.user.view(np.int64), seed=seed
        )
        value = known(mean_over_lists(values - best[metric]))
        differences[metric] = {"value": value, "low": known(low), "high": known(high)}
    return differences
