"""Gathers the input of training from a log: its schema, the derived features, past lists.

This takes one pass over the log. Memory is bounded by the number of rows wanted: the newest ones
are kept, and an even share of those is used for training.
Invariant: the result depends on the events alone, not on the order in which they arrived.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.autopilot.complete_lists import to_learn_from, to_test_on
from liverank.autopilot.frames import Frames
from liverank.autopilot.scope import WHOLE_LOG, Scope
from liverank.autopilot.training_lists import NEWEST, LogRange, TrainingLists, choices_from
from liverank.config import Config
from liverank.dataset.lists.collected import Collector
from liverank.dataset.lists.implied import Choices
from liverank.dataset.lists.lists import Lists, lists_of
from liverank.errors import DatasetError
from liverank.events.clock import right_times
from liverank.events.schema.profile import Profile, profile_events
from liverank.events.schema.schema import Schema, resolve_schema
from liverank.events.schema.unused_words import UnusedWord, unused_words
from liverank.features.hashing import mixed
from liverank.features.layout.layout import Layout
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.quantities import duration_ms


class Gathered(NamedTuple):
    """The result of one pass over a log: its schema, the features derived from it, past lists.

    ``tests`` are the lists of the test period, if there is one; ``unused`` are words of the config
    that occur in no event; ``read`` is the part of the log that was read.
    """

    schema: Schema
    spec: FeatureSpec
    lists: Lists
    tests: Lists | None
    read: LogRange
    unused: Sequence[UnusedWord] = ()


def gather(
    frames: Frames,
    config: Config,
    *,
    test_from_ms: float | None = None,
    scope: Scope = WHOLE_LOG,
) -> Gathered:
    """Read the log once, and gather the training lists and those of the test period, if any.

    Lists to train on are from the scope and before the test period, as ``lists_to_train`` gives
    them, without those that ``complete_lists`` leaves out. Raises DatasetError where there is
    nothing to train or to test on, ConfigError when the log contradicts the config.
    """
    if test_from_ms is not None:
        scope = replace(scope, before_ms=min(scope.before_ms, test_from_ms))
    training = TrainingLists(config, scope)
    testing = None
    if test_from_ms is not None:
        testing = _Testing(config, from_ms=test_from_ms, shared=training)

    def passing() -> Iterator[pl.DataFrame]:
        for frame in frames():
            training.add(frame)
            if testing is not None:
                testing.add(frame)
            yield frame

    profile = _profile(passing, config, scope.before_ms)
    schema = resolve_schema(config, profile)
    spec = derive_spec(schema, config)
    unused = unused_words(config, profile)
    lists, spec = to_learn_from(training.known(spec.layout, unused), spec, config)
    lists = _even_share(lists, config.training.max_rows)
    _check_failures(lists, spec.layout, config)
    tests = None if testing is None else to_test_on(testing.lists(spec.layout), spec, config)
    return Gathered(schema, spec, lists, tests, training.read(), unused)


def look_at(frames: Frames, config: Config, *, before_ms: float = np.inf) -> Schema:
    """The schema of the events before a time, completed by the config."""
    return resolve_schema(config, _profile(frames, config, before_ms))


def _profile(frames: Frames, config: Config, before_ms: float) -> Profile:
    """The profile of the events before a time."""
    limit_ms = duration_ms(config.features.max_future)
    return profile_events(_before(frame, before_ms, limit_ms) for frame in frames())


def lists_to_train(
    frames: Frames, layout: Layout, config: Config, *, before_ms: float = np.inf
) -> Lists:
    """The lists to train on: served before a time, with labels that were known by then.

    Lists whose label window was not over at ``before_ms``, or at the log's end, are left out,
    unless less than half would remain; ``Lists.others`` has the windows of the other labels. If
    there are more rows than ``training.max_rows``, lists are chosen evenly among the newest, NEWEST
    times as many rows. Raises DatasetError when nothing is left.
    """
    gathering = TrainingLists(config, Scope(before_ms=before_ms))
    for frame in frames():
        gathering.add(frame)
    return _even_share(gathering.known(layout), config.training.max_rows)


def lists_to_test(frames: Frames, layout: Layout, config: Config, *, from_ms: float) -> Lists:
    """The lists of a test period, with all of their items. Raises DatasetError if there are none.

    With more than NEWEST times ``training.max_rows`` rows, only an even share of the users is kept.
    """
    testing = _Testing(config, from_ms=from_ms)
    for frame in frames():
        testing.add(frame)
    return testing.lists(layout)


def _check_failures(lists: Lists, layout: Layout, config: Config) -> None:
    """Raise DatasetError where every seen item is a success, as failures then count as unseen."""
    unseen = int(np.count_nonzero(lists.served & ~lists.seen))
    if not unseen or not lists.labels[lists.seen].all():
        return
    shown = config.impressions.interaction
    if layout.impressions_from_rankings:
        why = "everything below the last item engaged with was left out (`impressions.seen`)"
        advice = f'send `{shown}` events, or set it to "all"'
    else:
        why = f"everything without a `{shown}` event was left out"
        advice = "send one for each item that is shown"
    raise DatasetError(
        f"all {np.count_nonzero(lists.seen):,} items that count as seen drew a "
        f"`{config.label.interaction}`, and a model needs failures too: {why}, {unseen:,} items; "
        f"{advice}"
    )


class _Testing:
    """Gathers the lists to test on, frame by frame."""

    def __init__(
        self, config: Config, *, from_ms: float, shared: TrainingLists | None = None
    ) -> None:
        """``shared`` is the training gathering, whose interactions are used here too, if any."""
        self._config, self._from_ms = config, from_ms
        self._collected: Collector | Choices
        self._is_fed = False
        if config.candidates is None:
            self._collected = Collector(
                config, from_ms=from_ms, people_rows=NEWEST * config.training.max_rows
            )
        elif shared is not None and isinstance(shared.collected, Choices):
            self._collected, self._is_fed = shared.collected, True
        else:
            self._collected = choices_from(config, config.candidates)

    def add(self, frame: pl.DataFrame) -> None:
        if not self._is_fed:
            self._collected.add(frame)

    def lists(self, layout: Layout) -> Lists:
        """The lists of ``lists_to_test``. Raises DatasetError."""
        config = self._config
        if isinstance(self._collected, Collector):
            lists = lists_of(self._collected, layout, config)
        else:
            assert config.candidates is not None
            lists = self._collected.lists(
                layout,
                from_ms=self._from_ms,
                to_ms=np.inf,
                at_most=config.candidates.max_test_rankings,
                per_list=None,
                seed=config.training.seed,
            )
        if len(lists) == 0:
            raise DatasetError("no rankings to test on: choose an earlier `--test-from`")
        return lists


def _before(frame: pl.DataFrame, before_ms: float, max_future_ms: float) -> pl.DataFrame:
    """The events of a frame that happened before a time."""
    if before_ms == np.inf or frame.is_empty():
        return frame
    at, _ = right_times(frame, max_future_ms)
    return frame.filter(pl.Series(at < before_ms))


def _even_share(lists: Lists, max_rows: int) -> Lists:
    """An even share of the lists with at most ``max_rows`` seen items, chosen by the lists' hashes.

    The share depends only on the users and times of the lists.
    """
    rows = np.add.reduceat(lists.seen.astype(np.int64), lists.reads.offsets[:-1])
    if not len(rows) or rows.sum() <= max_rows:
        return lists
    draws = _draws(lists)
    order = np.argsort(draws, kind="stable")
    kept = np.zeros(len(lists), np.bool_)
    kept[order[np.cumsum(rows[order]) <= max_rows]] = True
    if not kept.any():  # one long list is better than none
        kept[-1] = True
    return lists.take(kept)


def _draws(lists: Lists) -> NDArray[np.uint64]:
    """A pseudo-random number for each list, uint64[r]."""
    return mixed(lists.reads.user ^ mixed(lists.reads.at.view(np.uint64)))
