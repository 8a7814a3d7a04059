"""Training: replay past lists into rows, search for a model of each label, drop unused features."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.evaluation.position_bias import PositionEffect
from liverank.automl.options import SearchOptions
from liverank.automl.preprocessing.redundant_features import redundant_columns
from liverank.automl.ranking import RankingModel, fit, warm_up
from liverank.automl.report.html.page import render_report
from liverank.automl.report.reports import RankingReport
from liverank.automl.search.feature_count import Knee, fewest_features
from liverank.autopilot.frames import Frames, only_columns
from liverank.autopilot.gate import compare_with_popularity
from liverank.autopilot.label_rows import (
    is_known,
    position_effects,
    positions_of,
    rows_with_label,
    with_position_effect,
)
from liverank.config import Config, Label
from liverank.dataset.lists.lists import Lists
from liverank.dataset.popularity import Popularity
from liverank.dataset.replay import REPLAY_COLUMNS, training_rows
from liverank.dataset.rows import Rows
from liverank.features.kinds.context import POSITION_NAME
from liverank.features.spec import FeatureSpec
from liverank.features.state.sizes import memory_warning
from liverank.models.predictor import Predictor
from liverank.quantities import duration_ms

OnProgress = Callable[[str, float], None]
"""Called with the name of the current step and the share of it that is done."""

GOLDEN_ROWS = 64
_SHARE_OF_SELECTION = 0.3
"""Maximum share of the time budget for choosing the features to search with."""
_LEAST_SHARE_OF_SEARCH = 0.5
"""Minimum share of the budget for the model search, however long the choice of features took."""
_NOT_NEEDED = "needless for what the search begins with"
"""Reason in the report for a feature outside the smallest sufficient set."""
LEAST_SUCCESSES = 30
"""Minimum successes, and failures, of a label other than the first; else it is left out."""


class TrainingRun(NamedTuple):
    """A model for each label, and the features that they read.

    ``heads`` begins with the model that ranks lists; ``golden`` float32[k, features] are some real
    rows, by which a bundle is verified.
    """

    spec: FeatureSpec
    heads: dict[str, Predictor]
    report: RankingReport
    golden: NDArray[np.float32]

    @property
    def model(self) -> Predictor:
        """The model that ranks lists."""
        return next(iter(self.heads.values()))

    @property
    def page(self) -> bytes:
        """The report as an HTML page."""
        return render_report(self.report).encode()


class _OtherHeads(NamedTuple):
    """Models of labels other than the first; ``left_out`` has the reason of each missing label."""

    models: dict[str, Predictor]
    reports: dict[str, RankingReport]
    left_out: dict[str, str]


def train_on(
    lists: Lists,
    frames: Frames,
    spec: FeatureSpec,
    config: Config,
    *,
    on_progress: OnProgress | None = None,
) -> TrainingRun:
    """Train on these past lists. Raises TrainingError and DatasetError."""
    name = next(iter(config.heads))
    popularity = Popularity(lists, spec.layout, config)
    frames = only_columns(frames, REPLAY_COLUMNS)
    evictions: list[str] = []
    rows = _replayed(lists, popularity.passing(frames()), spec, config, on_progress, evictions)
    redundant = redundant_columns(rows)
    rows = rows.keep_columns([column not in redundant for column in rows.names])
    warm_up()
    budgets_s = shared_budget(config.training.budget_s, 1 + len(lists.others))
    began = time.monotonic()
    effects = position_effects(rows, lists, spec, config)
    positions = positions_of(rows)
    rows = rows.keep_columns([column != POSITION_NAME for column in rows.names])
    rows = with_position_effect(rows, positions, effects[name])
    knee = _fewest(rows, config, budgets_s[0], on_progress)
    dropped = redundant | dict.fromkeys(
        (rows.names[column] for column in np.flatnonzero(~knee.kept)), _NOT_NEEDED
    )
    rows = rows.keep_columns(knee.kept.tolist())
    left_s = max(budgets_s[0] - (time.monotonic() - began), _LEAST_SHARE_OF_SEARCH * budgets_s[0])
    first = _fit(rows, config.label, config, left_s, on_progress)
    against = compare_with_popularity(first, rows, lists, popularity.scores(), config)
    others = _other_heads(rows, positions, effects, lists, config, budgets_s[1:], on_progress)
    heads = {name: first.predictor, **others.models}
    used = _used_columns(heads)
    golden = rows.features[np.linspace(0, len(rows) - 1, GOLDEN_ROWS).astype(np.int64)]
    report = msgspec.structs.replace(
        first.report,
        asked=msgspec.structs.replace(first.report.asked, target=name, budget_s=budgets_s[0]),
        position=effects[name],
        fewer=knee.tried,
        against=against,
        dropped_features=dropped | first.report.dropped_features,
        notes=_notes(lists, config, evictions, first.report, others.left_out),
        heads=others.reports,
    )
    return TrainingRun(
        spec.keep({rows.names[column] for column in used}),
        {label: model.keep_columns(used) for label, model in heads.items()},
        report,
        np.ascontiguousarray(golden[:, used]),
    )


def _other_heads(
    rows: Rows,
    positions: NDArray[np.float32],
    effects: dict[str, PositionEffect | None],
    lists: Lists,
    config: Config,
    budgets_s: Sequence[float],
    on_progress: OnProgress | None,
) -> _OtherHeads:
    """A model for each label but the first, from the rows whose label is known."""
    heads = _OtherHeads({}, {}, dict(lists.unavailable))
    for name, budget_s in zip(lists.others, budgets_s, strict=True):
        known = is_known(name, rows, lists)
        own = with_position_effect(
            rows_with_label(name, rows, lists), positions[known], effects[name]
        )
        reason = _too_few(own)
        if reason is not None:
            heads.left_out[name] = reason
            continue
        model = _fit(own, config.heads[name], config, budget_s, on_progress, head=name)
        heads.models[name] = model.predictor
        heads.reports[name] = msgspec.structs.replace(
            model.report,
            asked=msgspec.structs.replace(model.report.asked, target=name),
            position=effects[name],
        )
    return heads


def _used_columns(heads: Mapping[str, Predictor]) -> NDArray[np.int64]:
    """The columns that any model reads, int64[used]; the first one where no model reads any."""
    used = np.unique(np.concatenate([model.used for model in heads.values()]))
    return used if len(used) else np.zeros(1, np.int64)


def _notes(
    lists: Lists,
    config: Config,
    evictions: Iterable[str],
    report: RankingReport,
    left_out: Mapping[str, str],
) -> tuple[str, ...]:
    """The report's notes on lists, state, search and labels."""
    of_labels = (f"label `{name}` is left out: {reason}" for name, reason in left_out.items())
    return (
        *lists.notes,
        *_note_of_chosen_lists(lists, config),
        *evictions,
        *report.notes,
        *of_labels,
    )


def _fewest(rows: Rows, config: Config, budget_s: float, on_progress: OnProgress | None) -> Knee:
    """The smallest sufficient set of features, to search with."""
    if on_progress is not None:
        on_progress("choosing features", 0.0)
    return fewest_features(
        rows,
        validation=config.training.validation,
        gap_ms=_gap_ms(config.label, config),
        seed=config.training.seed,
        deadline=Deadline(time.monotonic() + _SHARE_OF_SELECTION * budget_s, time.monotonic),
    )


def shared_budget(budget_s: float, n_heads: int) -> list[float]:
    """Seconds of each label's search: the first label has as much as all others together.

    >>> shared_budget(60.0, 1), shared_budget(60.0, 3)
    ([60.0], [30.0, 15.0, 15.0])
    """
    if n_heads == 1:
        return [budget_s]
    return [budget_s / 2, *[budget_s / 2 / (n_heads - 1)] * (n_heads - 1)]


def _note_of_chosen_lists(lists: Lists, config: Config) -> tuple[str, ...]:
    """A note on which lists were used for training, if not all."""
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
    evictions: list[str],
) -> Rows:
    """The rows to train on; a note is added to ``evictions`` if memory limits evicted state."""
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
        on_folded=lambda sizes: evictions.extend(filter(None, [memory_warning(sizes)])),
    )
    for _ in frames:  # the popularity counts need the rest
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
    """Search for a model of these rows; ``head`` names a label other than the first."""

    def report_progress(step: str, share: float) -> None:
        if on_progress is not None:
            on_progress(f"{head}: {step}" if head else step, share)

    options = SearchOptions(
        budget_s=budget_s,
        seed=config.training.seed,
        validation=config.training.validation,
        gap_ms=_gap_ms(label, config),
    )
    return fit(rows, options, on_progress=report_progress)


def _gap_ms(label: Label, config: Config) -> float:
    """Milliseconds until a label is known."""
    return 0.0 if config.candidates is not None else float(label.known_after_ms)


def _too_few(rows: Rows) -> str | None:
    """Why these rows are too few to train on; None where they are enough."""
    if rows.positives >= LEAST_SUCCESSES and len(rows) - rows.positives >= LEAST_SUCCESSES:
        return None
    return (
        f"{len(rows):,} rows hold {rows.positives:,} successes, and {LEAST_SUCCESSES} or more are "
        "needed, of failures too"
    )
