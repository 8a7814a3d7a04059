"""The lists that a challenger is judged on: those served in a time, whose label window is over.

Invariant: no list, interaction or field at or after ``until_ms`` is read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.autopilot.frames import Frames
from liverank.autopilot.judging.people_and_items import FirstSeen, PeoplesFields
from liverank.autopilot.training_lists import NEWEST
from liverank.bundle.lineage import Lineage
from liverank.config import Config
from liverank.dataset.lists.collected import Collector
from liverank.dataset.lists.implied import Choices
from liverank.dataset.lists.lists import Lists, Outcome, lists_of
from liverank.errors import DatasetError
from liverank.events.clock import right_times
from liverank.features.layout.layout import Layout
from liverank.features.spec import FeatureSpec, depends_on_list
from liverank.quantities import duration_ms


@dataclass(frozen=True, slots=True)
class JudgedLists:
    """The lists in a layout, and what segments are made of.

    ``surfaces``     the surface of each list; None where it has none
    ``user_since``   float64[r]: when each list's user was first seen, Unix ms
    ``item_since``   float64[k]: when each item was first seen, Unix ms
    ``user_fields``  the value of each category of users, by its name, for each list
    """

    lists: Lists
    surfaces: Sequence[str | None]
    user_since: NDArray[np.float64]
    item_since: NDArray[np.float64]
    user_fields: dict[str, Sequence[str | None]]


class Period:
    """Gathers the lists of a time in one pass over the log.

    With more than NEWEST times ``training.max_rows`` rows, only an even share of the users is kept.
    """

    def __init__(
        self,
        config: Config,
        specs: Sequence[FeatureSpec],
        *,
        from_ms: float,
        until_ms: float,
        lineage: Lineage | None = None,
    ) -> None:
        """``specs`` are the features of the bundles to judge.

        The users and stretches of time that training left out, by the challenger's ``lineage``, are
        not judged on either.
        """
        self._lineage = lineage
        self._by_layout: dict[Layout, tuple[Lists, Sequence[str | None]]] = {}
        self._config, self._from_ms, self._until_ms = config, from_ms, until_ms
        self._needs_whole = any(depends_on_list(one) for spec in specs for one in spec.features)
        self._max_future_ms = duration_ms(config.features.max_future)
        self._collected: Collector | Choices
        if config.candidates is None:
            self._collected = Collector(
                config,
                from_ms=from_ms,
                before_ms=until_ms,
                people_rows=NEWEST * config.training.max_rows,
            )
        else:
            self._collected = Choices(config.candidates, max_future_ms=self._max_future_ms)
        self._users, self._items = FirstSeen("user"), FirstSeen("item")
        names = dict.fromkeys(
            field.name
            for spec in specs
            for field in spec.layout.fields
            if field.entity == "user" and field.type == "category"
        )
        self._fields = PeoplesFields(tuple(names))
        self._field_names = tuple(names)

    def read(self, frames: Frames) -> "Period":
        """Gather from a log."""
        for frame in before(frames, self._until_ms, self._max_future_ms):
            at, _ = right_times(frame, self._max_future_ms)
            self._collected.add(frame)
            self._users.add(frame, at)
            self._items.add(frame, at)
            self._fields.add(frame, at)
        return self

    def lists(self, layout: Layout) -> Lists:
        """The lists in a layout, in order of time; the same lists for every layout.

        ``Lists.as_of_ms`` is when the labels are known. Raises DatasetError where there are none.
        """
        return self._gathered(layout)[0]

    def judged(self, layout: Layout) -> JudgedLists:
        """The lists in a layout with what segments are made of. Raises DatasetError."""
        lists, surfaces = self._gathered(layout)
        users, at = lists.reads.user, lists.reads.at
        return JudgedLists(
            lists,
            surfaces,
            self._users.of(users),
            self._items.of(lists.reads.items),
            {name: self._fields.of(name, users, at) for name in self._field_names},
        )

    def _gathered(self, layout: Layout) -> tuple[Lists, Sequence[str | None]]:
        """The lists to judge on and their surfaces; they are made once for each layout."""
        if layout not in self._by_layout:
            lists, surfaces = self._all_lists(layout)
            known_ms = min(self._until_ms, self._collected.last_ms + 1.0)
            kept, notes = self._kept(lists, known_ms)
            if not kept.any():
                why = "; ".join(notes) or "none was served in the time"
                raise DatasetError(
                    f"no lists to judge on: {why}; choose an earlier `--since` of `liverank "
                    "autopilot judge`; autopilot waits for new lists, and `liverank train` makes "
                    "a model of old ones"
                )
            lists = replace(lists.take(kept), as_of_ms=known_ms, notes=notes)
            self._by_layout[layout] = lists, surfaces[kept].tolist()
        return self._by_layout[layout]

    def _all_lists(self, layout: Layout) -> tuple[Lists, NDArray[np.object_]]:
        collected, config = self._collected, self._config
        if isinstance(collected, Collector):
            numbers = collected.rankings().request
            surfaces = collected.requests.table()["surface"].to_numpy()[numbers]
            return lists_of(collected, layout, config), surfaces
        assert config.candidates is not None
        lists = collected.lists(
            layout,
            from_ms=self._from_ms,
            to_ms=self._until_ms,
            at_most=config.candidates.max_test_rankings,
            per_list=None,
            seed=config.training.seed,
        )
        return lists, np.full(len(lists), None)

    def _kept(self, lists: Lists, known_ms: float) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
        """The lists to judge on, bool[r], and notes on the others."""
        kept, notes = np.ones(len(lists), np.bool_), []
        for mask, what in (
            (self._is_left_out(lists), "lists of users or times that training left out too"),
            (lists.until_ms >= known_ms, "lists whose label window is not over"),
            (
                self._is_cut(lists),
                "lists that do not name all the candidates that they were cut from, which the "
                f"models compare (`serving.log_candidates` is "
                f"{self._config.serving.log_candidates:g})",
            ),
        ):
            count = int(np.count_nonzero(kept & mask))
            if count:
                notes.append(f"left out: {count:,} {what}")
            kept &= ~mask
        return kept, tuple(notes)

    def _is_left_out(self, lists: Lists) -> NDArray[np.bool_]:
        """Whether training would have left out each list, bool[r]."""
        left_out = np.zeros(len(lists), np.bool_)
        if self._lineage is not None:
            users = [int(user, 16) for user in self._lineage.excluded_users]
            left_out |= np.isin(lists.reads.user, np.array(users, np.uint64))
            for start_ms, end_ms in self._lineage.excluded_stretches_ms:
                left_out |= (lists.reads.at >= start_ms) & (lists.reads.at < end_ms)
        return left_out

    def _is_cut(self, lists: Lists) -> NDArray[np.bool_]:
        """Whether the models compare candidates that each list does not name, bool[r]."""
        if not self._needs_whole or lists.whole is None:
            return np.zeros(len(lists), np.bool_)
        return ~lists.whole


def outcome_of(lists: Lists, label: str, first: str) -> Outcome | None:
    """The labels of all items by a label's name, with their windows; None where it is unavailable.

    ``first`` is the name of the label that ranks lists.
    """
    if label == first:
        return Outcome(lists.labels, lists.until_ms)
    return lists.others.get(label)


def before(frames: Frames, until_ms: float, max_future_ms: float) -> Iterator[pl.DataFrame]:
    """The events of a log that happened before a time."""
    for frame in frames():
        if frame.is_empty():
            continue
        at, _ = right_times(frame, max_future_ms)
        kept = at < until_ms
        yield frame if kept.all() else frame.filter(pl.Series(kept))
