"""Training: replay past lists into rows, find a model for each label, keep the features in use."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.evaluation.position_bias import PositionEffect, position_effect
from liverank.automl.options import SearchOptions
from liverank.automl.preprocessing.redundant_features import redundant_columns
from liverank.automl.ranking import RankingModel, fit, warm_up
from liverank.automl.report.html.page import render_report
from liverank.automl.report.reports import RankingReport
from liverank.automl.search.feature_count import Knee, fewest_features
from liverank.autopilot.gather import Frames
from liverank.autopilot.judging import judge_model
from liverank.config import Config, Label
from liverank.dataset.lists.lists import Lists
from liverank.dataset.popularity import Popularity
from liverank.dataset.replay import training_rows
from liverank.dataset.rows import Rows
from liverank.dataset.split import newest_from
from liverank.features.kinds.context import POSITION_NAME
from liverank.features.spec import FeatureSpec
from liverank.features.state.sizes import what_was_let_go
from liverank.models.predictor import Predictor
from liverank.quantities import duration_ms

OnProgress = Callable[[str, float], None]
"""Told what is being done, and the share of it that is done."""

GOLDEN_ROWS = 64
_KNEE_SHARE = 0.3
"""Of the budget, what finding the features to search with may take."""
_LEAST_SHARE = 0.5
"""Of the budget, what the search for a model has, however long the features took to find."""
_TOO_LITTLE = "needless for what the search begins with"
LEAST_SUCCESSES = 30
"""Labels beside the first that have fewer are left out."""


class TrainingRun(NamedTuple):
    """Models by label, the one that lists are ranked by first, and the features they read.

    ``golden`` float32[k, features] are some real rows.
    """

    spec: FeatureSpec
    heads: dict[str, Predictor]
    report: RankingReport
    golden: NDArray[np.float32]

    @property
    def model(self) -> Predictor:
        """What lists are ranked by."""
        return next(iter(self.heads.values()))

    @property
    def page(self) -> bytes:
        """The report as an HTML page."""
        return render_report(self.report).encode()


def train_on(
    lists: Lists,
    frames: Frames,
    spec: FeatureSpec,
    config: Config,
    *,
    on_progress: OnProgress | None = None,
) -> TrainingRun:
    """Train on these past lists. Raises TrainingError and DatasetError."""
    popularity = Popularity(lists, spec.layout, config)
    let_go: list[str] = []
    rows = _replayed(lists, popularity.passing(frames()), spec, config, on_progress, let_go)
    redundant = redundant_columns(rows)
    rows = rows.keep_columns([name not in redundant for name in rows.names])
    warm_up()
    name = next(iter(config.heads))
    budgets_s = shared_budget(config.training.budget_s, 1 + len(lists.others))
    began = time.monotonic()
    effects = _position_effects(rows, lists, spec, config)
    positions = _positions_of(rows)
    rows = rows.keep_columns([name != POSITION_NAME for name in rows.names])
    rows = _on_places(rows, positions, effects[name])
    knee = _fewest(rows, config, budgets_s[0], on_progress)
    few = {rows.names[column] for column in np.flatnonzero(~knee.kept)}
    rows = rows.keep_columns(knee.kept.tolist())
    left_s = max(budgets_s[0] - (time.monotonic() - began), _LEAST_SHARE * budgets_s[0])
    first = _fit(rows, config.label, config, left_s, on_progress)
    against = judge_model(first, rows, lists, popularity.scores(), config)
    heads = {name: first.predictor}
    reports: dict[str, RankingReport] = {}
    left_out = dict(lists.untold)
    for other, budget_s in zip(lists.others, budgets_s[1:], strict=True):
        known = _is_known(other, rows, lists)
        own = _on_places(_rows_of(other, rows, lists), positions[known], effects[other])
        why = _too_few(own)
        if why is not None:
            left_out[other] = why
            continue
        found = _fit(own, config.heads[other], config, budget_s, on_progress, head=other)
        heads[other] = found.predictor
        reports[other] = msgspec.structs.replace(
            found.report,
            asked=msgspec.structs.replace(found.report.asked, target=other),
            position=effects[other],
        )
    used = np.unique(np.concatenate([model.used for model in heads.values()]))
    if len(used) == 0:  # nothing tells rows apart: keep one column to score by
        used = np.zeros(1, np.int64)
    kept = spec.keep({rows.names[column] for column in used})
    golden = rows.features[np.linspace(0, len(rows) - 1, GOLDEN_ROWS).astype(np.int64)]
    untold = (f"label `{name}` is left out: {why}" for name, why in left_out.items())
    report = msgspec.structs.replace(
        first.report,
        asked=msgspec.structs.replace(first.report.asked, target=name, budget_s=budgets_s[0]),
        position=effects[name],
        fewer=knee.tried,
        against=against,
        dropped_features=redundant
        | dict.fromkeys(few, _TOO_LITTLE)
        | first.report.dropped_features,
        notes=(*lists.notes, *_chosen(lists, config), *let_go, *first.report.notes, *untold),
        heads=reports,
    )
    return TrainingRun(
        kept,
        {name: model.keep_columns(used) for name, model in heads.items()},
        report,
        np.ascontiguousarray(golden[:, used]),
    )


def _position_effects(
    rows: Rows, lists: Lists, spec: FeatureSpec, config: Config
) -> dict[str, PositionEffect | None]:
    """What places are estimated to do to a success of each label; None where nothing is told.

    The newest rows, which choose and judge, do not take part in the estimates.
    """
    kinds = {feature.name: feature.kind for feature in spec.features}
    alone = np.array([kinds[name] != "in_list" for name in rows.names])
    chances = None if lists.chances is None else lists.chances[lists.seen]

    def estimated(some: Rows, chances: NDArray[np.float64] | None) -> PositionEffect | None:
        older = slice(0, newest_from(some, config.training.validation))
        return position_effect(
            some.take(older),
            alone=alone,
            propensities=None if chances is None else chances[older],
            seed=config.training.seed,
        )

    effects = {next(iter(config.heads)): estimated(rows, chances)}
    for other in lists.others:
        known = _is_known(other, rows, lists)
        some = _rows_of(other, rows, lists)
        effects[other] = estimated(some, None if chances is None else chances[known])
    return effects


def _positions_of(rows: Rows) -> NDArray[np.float32]:
    """Where each row stood in its list, from 0: float32[n]; NaN where that is not told."""
    if POSITION_NAME not in rows.names:
        return np.full(len(rows), np.nan, np.float32)
    return rows.features[:, rows.names.index(POSITION_NAME)].copy()


def _on_places(rows: Rows, positions: NDArray[np.float32], effect: PositionEffect | None) -> Rows:
    """The rows on what their places do, or on nothing where that is not told."""
    return replace(rows, base=None if effect is None else effect.of(positions))


def _fewest(rows: Rows, config: Config, budget_s: float, on_progress: OnProgress | None) -> Knee:
    """The features to search with."""
    if on_progress is not None:
        on_progress("choosing features", 0.0)
    return fewest_features(
        rows,
        validation=config.training.validation,
        gap_ms=_gap_ms(config.label, config),
        seed=config.training.seed,
        deadline=Deadline(time.monotonic() + _KNEE_SHARE * budget_s, time.monotonic),
    )


def shared_budget(budget_s: float, n_heads: int) -> list[float]:
    """Seconds of each label's search: what lists are ranked by has as much as all others together.

    >>> shared_budget(60.0, 1), shared_budget(60.0, 3)
    ([60.0], [30.0, 15.0, 15.0])
    """
    if n_heads == 1:
        return [budget_s]
    return [budget_s / 2, *[budget_s / 2 / (n_heads - 1)] * (n_heads - 1)]


def _chosen(lists: Lists, config: Config) -> tuple[str, ...]:
    """Which lists were learned from, where not from all."""
    if len(lists) >= lists.total:
        return ()
    oldest = datetime.fromtimestamp(lists.reads.at[0] / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    limits = "`training.max_rows`"
    if config.candidates is not None:
        limits = "`candidates.max_rankings`, " + limits
    return (
        f"learned from {len(lists):,} of {lists.total:,} lists, chosen evenly, from {oldest} UTC "
        f"on ({limits})",
    )


def _replayed(
    lists: Lists,
    frames: Iterable[pl.DataFrame],
    spec: FeatureSpec,
    config: Config,
    on_progress: OnProgress | None,
    let_go: list[str],
) -> Rows:
    """The rows to learn from; what state let go for want of memory is added to ``let_go``."""
    last_seq = 1 if lists.bounds is None else lists.bounds.last_seq
    read = 0

    def on_read(events: int) -> None:
        nonlocal read
        read += events
        if on_progress is not None:
            on_progress("replaying", min(read / max(last_seq, 1), 1.0))

    rows = training_rows(
        frames,
        spec,
        lists,
        max_future_ms=duration_ms(config.features.max_future),
        on_progress=on_read,
        on_folded=lambda sizes: let_go.extend(filter(None, [what_was_let_go(sizes)])),
    )
    for _ in frames:  # what is counted beside the replay needs the rest
        pass
    return rows


def _fit(
    rows: Rows,
    label: Label,
    config: Config,
    budget_s: float,
    on_progress: OnProgress | None,
    head: str = "",
) -> RankingModel:
    def told(what: str, share: float) -> None:
        if on_progress is not None:
            on_progress(f"{head}: {what}" if head else what, share)

    options = SearchOptions(
        budget_s=budget_s,
        seed=config.training.seed,
        validation=config.training.validation,
        gap_ms=_gap_ms(label, config),
    )
    return fit(rows, options, on_progress=told)


def _gap_ms(label: Label, config: Config) -> float:
    """How long a label takes to be known."""
    return 0.0 if config.candidates is not None else float(label.known_after_ms)


def _rows_of(name: str, rows: Rows, lists: Lists) -> Rows:
    """The rows with the labels of another head, without those whose window is not over."""
    other = lists.others[name]
    labelled = replace(rows, labels=other.labels[lists.seen])
    known = _is_known(name, rows, lists)
    return labelled if known.all() else labelled.take(known)


def _is_known(name: str, rows: Rows, lists: Lists) -> NDArray[np.bool_]:
    """The rows whose label of another head is known, bool[n]."""
    known: NDArray[np.bool_] = (lists.others[name].until_ms < lists.as_of_ms)[rows.rankings]
    return known


def _too_few(rows: Rows) -> str | None:
    """Why there is nothing to learn from these rows."""
    if rows.positives >= LEAST_SUCCESSES and len(rows) - rows.positives >= LEAST_SUCCESSES:
        return None
    return (
        f"{len(rows):,} rows hold {rows.positives:,} successes, and {LEAST_SUCCESSES} or more are "
        "needed, of failures too"
    )
