"""Scores of past lists under a policy, computed on a replay of the log.

Invariant: a policy's features of each list equal those that serving would have computed then.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.frames import Frames, only_columns
from liverank.bundle.bundle import Bundle
from liverank.config import Config
from liverank.dataset.lists.lists import Lists
from liverank.dataset.replay import REPLAY_COLUMNS, replay
from liverank.features.kinds.context import SERVED_POSITION
from liverank.features.layout.layout import Layout
from liverank.features.spec import FeatureSpec, SpecFeature
from liverank.quantities import duration_ms
from liverank.serving.ranking.fallback import popularity, popularity_expressions


@dataclass(frozen=True, slots=True)
class Policy:
    """A way to rank: the features that it reads, and the function from features to scores."""

    name: str
    layout: Layout
    spec: FeatureSpec | None
    """The features; None where none are read: every order is equally likely."""
    score: Callable[[NDArray[np.float32]], NDArray[np.float64]] | None = None
    """Scores of rows, float64[n, c]; items are ordered by the first column, then by the next."""


def bundle_policy(bundle: Bundle) -> Policy:
    """Rank by a bundle, as serving does."""
    return Policy(
        f"bundle:{bundle.version}",
        bundle.spec.layout,
        bundle.spec,
        lambda rows: bundle.model.answers(rows)[:, None],
    )


def popular_policy(layout: Layout) -> Policy:
    """Rank by popularity, then by newness, as serving does without a bundle.

    Popularity is counted over all users, also where an experiment counts it for each variant.
    """
    features = tuple(
        SpecFeature(f"popularity{number}", "popularity", expression)
        for number, expression in enumerate(popularity_expressions(layout))
    )
    return Policy(
        "popular",
        layout,
        FeatureSpec(layout, features),
        lambda rows: np.column_stack(popularity(rows)),
    )


def random_policy(layout: Layout) -> Policy:
    """Rank at random."""
    return Policy("random", layout, None)


def policy_scores(
    frames: Frames,
    policy: Policy,
    lists: Lists,
    config: Config,
    on_progress: Callable[[float], None] | None = None,
) -> NDArray[np.float64]:
    """A score of every candidate of the lists, float64[k]; items with equal scores tie."""
    if policy.spec is None or policy.score is None:
        return np.zeros(len(lists.labels))
    columns: NDArray[np.float64] | None = None
    done = 0
    for chunk in replay(
        only_columns(frames, REPLAY_COLUMNS)(),
        policy.spec,
        replace(lists.reads, positions=np.full(len(lists.labels), SERVED_POSITION)),
        max_future_ms=duration_ms(config.features.max_future),
        bounds=lists.bounds,
    ):
        scores = policy.score(np.ascontiguousarray(chunk.features))
        if columns is None:
            columns = np.empty((len(lists.labels), scores.shape[1]))
        columns[chunk.rows] = scores
        done += len(chunk.lists)
        if on_progress is not None:
            on_progress(done / len(lists))
    assert columns is not None
    return as_one_score(columns)


def as_one_score(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """One score that orders by the first column, with ties ordered by the next: float64[n].

    >>> as_one_score(np.array([[1.0, 5.0], [1.0, 6.0], [0.0, 9.0]])).tolist()
    [1.0, 2.0, 0.0]
    """
    order = np.lexsort(columns.T[::-1])
    ordered = columns[order]
    steps = np.any(ordered[1:] != ordered[:-1], axis=1)
    score = np.empty(len(columns))
    score[order] = np.concatenate([[0.0], np.cumsum(steps, dtype=np.float64)])
    return score
