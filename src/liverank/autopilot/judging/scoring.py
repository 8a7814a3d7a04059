"""Margins of all judged items by each bundle, and by popularity, from one replay of a layout.

Bundles with the same layout are read in one replay, since the fold of the log is what takes time.
Invariant: each bundle reads the features that serving would have read, every item as if first.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.autopilot.frames import Frames, only_columns
from liverank.autopilot.judging.judged_lists import Period
from liverank.autopilot.replayed_policy import as_one_score, popular_policy
from liverank.bundle.bundle import Bundle
from liverank.config import Config
from liverank.dataset.lists.lists import Lists
from liverank.dataset.replay import REPLAY_COLUMNS, replay
from liverank.features.kinds.context import SERVED_POSITION
from liverank.features.layout.layout import Layout
from liverank.features.spec import Expression, FeatureSpec, SpecFeature
from liverank.quantities import duration_ms
from liverank.serving.ranking.fallback import popularity

SAMPLE_ROWS = 2_200
"""Real rows that speed is measured on."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What a bundle answers.

    ``margins``  float64[k] by label: calibrated log-odds of every item, as if it were first
    ``sample``   float32[n, features]: some rows that it read
    """

    margins: dict[str, NDArray[np.float64]]
    sample: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AllScores:
    """The answers of bundles by name, and the scores by popularity, float64[k]."""

    bundles: dict[str, Scored]
    popularity: NDArray[np.float64]


def score_lists(
    frames: Frames,
    period: Period,
    bundles: dict[str, Bundle],
    config: Config,
    on_progress: Callable[[float], None] | None = None,
) -> AllScores:
    """Score the lists of a period. Raises DatasetError where there are none.

    Popularity is read in the layout of the first bundle.
    """
    layouts = _by_layout(bundles)
    scored: dict[str, Scored] = {}
    popular: NDArray[np.float64] | None = None
    for number, (layout, names) in enumerate(layouts.items()):
        reader = _Reader(
            period.lists(layout),
            {name: bundles[name] for name in names},
            None if number else popular_policy(layout).spec,
        )

        def report(share: float, number: int = number) -> None:
            if on_progress is not None:
                on_progress((number + share) / len(layouts))

        reader.read(only_columns(frames, REPLAY_COLUMNS)(), config, report)
        scored |= reader.scored()
        popular = reader.popularity() if popular is None else popular
    assert popular is not None
    return AllScores({name: scored[name] for name in bundles}, popular)


def _by_layout(bundles: dict[str, Bundle]) -> dict[Layout, list[str]]:
    """The names of the bundles of each layout, in their order."""
    layouts: dict[Layout, list[str]] = {}
    for name, bundle in bundles.items():
        layouts.setdefault(bundle.spec.layout, []).append(name)
    return layouts


class _Reader:
    """Reads the features of several bundles of one layout, and scores them chunk by chunk."""

    def __init__(
        self, lists: Lists, bundles: dict[str, Bundle], popular: FeatureSpec | None
    ) -> None:
        self._lists, self._bundles = lists, bundles
        self._columns: dict[Expression, int] = {}
        self._of_bundle = {name: self._indices(one.spec) for name, one in bundles.items()}
        self._of_popular = None if popular is None else self._indices(popular)
        n_items = len(lists.labels)
        self._margins = {
            name: {label: np.full(n_items, np.nan) for label in bundle.heads}
            for name, bundle in bundles.items()
        }
        self._samples: dict[str, NDArray[np.float32]] = {}
        self._popular = np.zeros((n_items, 0 if popular is None else 2))

    def read(
        self, frames: Iterable[pl.DataFrame], config: Config, on_progress: Callable[[float], None]
    ) -> None:
        """Replay the log once."""
        lists, done = self._lists, 0
        [layout] = {bundle.spec.layout for bundle in self._bundles.values()}
        features = tuple(
            SpecFeature(f"column{number}", "column", expression)
            for number, expression in enumerate(self._columns)
        )
        for chunk in replay(
            frames,
            FeatureSpec(layout, features),
            replace(lists.reads, positions=np.full(len(lists.labels), SERVED_POSITION)),
            max_future_ms=duration_ms(config.features.max_future),
            bounds=lists.bounds,
        ):
            self._score(chunk.rows, chunk.features)
            done += len(chunk.lists)
            on_progress(done / len(lists))

    def scored(self) -> dict[str, Scored]:
        """What each bundle answered."""
        return {name: Scored(self._margins[name], self._samples[name]) for name in self._bundles}

    def popularity(self) -> NDArray[np.float64]:
        """The scores by popularity, float64[k]."""
        return as_one_score(self._popular)

    def _indices(self, spec: FeatureSpec) -> NDArray[np.int64]:
        """The columns of a spec's features; columns of expressions that are new are added."""
        return np.array(
            [self._columns.setdefault(one.expression, len(self._columns)) for one in spec.features],
            np.int64,
        )

    def _score(self, rows: NDArray[np.int64], columns: NDArray[np.float32]) -> None:
        for name, bundle in self._bundles.items():
            own = np.ascontiguousarray(columns[:, self._of_bundle[name]])
            self._samples.setdefault(name, own[:SAMPLE_ROWS].copy())
            for label, model in bundle.heads.items():
                self._margins[name][label][rows] = model.margins(own)[:, 0]
        if self._of_popular is not None:
            self._popular[rows] = np.column_stack(popularity(columns[:, self._of_popular]))
