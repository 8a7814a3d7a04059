"""The lists to train on, gathered from a log frame by frame.

Memory is bounded by the number of rows wanted: the newest ones are kept.
Invariant: nothing that happened at or after the end of the scope, and no excluded ranking, is
learned from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from liverank.autopilot.scope import Scope
from liverank.autopilot.variant_filter import VariantFilter
from liverank.config import Candidates, Config
from liverank.dataset.lists.collected import Collector
from liverank.dataset.lists.implied import Choices
from liverank.dataset.lists.lists import Lists, lists_of
from liverank.errors import DatasetError
from liverank.events.clock import right_times
from liverank.events.schema.unused_words import UnusedWord
from liverank.features.layout.layout import Layout
from liverank.quantities import duration_ms

NEWEST = 4
"""Number of newest rows from which training rows are chosen, as a multiple of the latter."""


@dataclass(frozen=True, slots=True)
class LogRange:
    """The part of a log that was read: its first and last seq (0 if none), and until when.

    ``until_ms`` is a Unix time in ms: nothing that happened at or after it was learned from.
    """

    first_seq: int
    last_seq: int
    until_ms: float


class TrainingLists:
    """Gathers the lists to train on, frame by frame."""

    def __init__(self, config: Config, scope: Scope) -> None:
        """``scope`` is what may be learned from."""
        self._config, self._scope = config, scope
        self._rankings = self._left_out = 0
        self._first_seq = self._last_seq = 0
        self._of_variants = VariantFilter(config.training.variants)
        self.collected: Collector | Choices
        if config.candidates is None:
            self.collected = Collector(
                config, before_ms=scope.before_ms, newest_rows=NEWEST * config.training.max_rows
            )
        else:
            self.collected = choices_from(config, config.candidates)

    def add(self, frame: pl.DataFrame) -> None:
        """Collect from the next events of the log."""
        if frame.is_empty():
            return
        self._first_seq = self._first_seq or int(frame["seq"][0] or 0)
        self._last_seq = int(frame["seq"][-1] or 0)
        of_variants = self._of_variants.wanted(frame)
        is_ranking = (frame["event"] == "ranking").to_numpy()
        self._rankings += int(np.count_nonzero(is_ranking & of_variants))
        if isinstance(self.collected, Choices):
            self.collected.add(frame)
            return
        at, _ = right_times(frame, duration_ms(self._config.features.max_future))
        window_ms = max(label.within_ms for label in self._config.heads.values())
        wanted = of_variants & self._scope.excluded.collects(frame, at, window_ms=window_ms)
        self._left_out += int(np.count_nonzero(is_ranking & of_variants & ~wanted))
        self.collected.add(frame, wanted=wanted)

    def read(self) -> LogRange:
        """The part of the log that was added so far."""
        return LogRange(self._first_seq, self._last_seq, self._until_ms())

    def so_far(self, layout: Layout) -> Lists:
        """The same lists, also where there are none, or none with a success."""
        if isinstance(self.collected, Choices):
            lists = self._implied(self.collected, layout)
        else:
            lists = self._logged(self.collected, layout)
        self._left_out += len(lists)
        return self._scope.excluded.remaining(lists)

    def known(self, layout: Layout, unused: Sequence[UnusedWord] = ()) -> Lists:
        """The lists of ``lists_to_train``, from the collected rows. Raises DatasetError.

        Its message names the ``unused`` words of the config that may be the reason.
        """
        config = self._config
        self._of_variants.check()
        lists = self.so_far(layout)
        if len(lists) == 0:
            warnings = [word.message for word in unused if word.key == "candidates.interaction"]
            raise DatasetError(
                f"no rankings to learn from: {'; '.join([*warnings, self._advice()])}"
            )
        if not lists.labels.any():
            warnings = [word.message for word in unused if word.word == config.label.interaction]
            raise DatasetError(
                f"{len(lists)} rankings, but none drew a `{config.label.interaction}` within "
                f"{config.label.within}: "
                + ("; ".join(warnings) or "check `label.interaction` and `label.within`")
            )
        return lists

    def _implied(self, choices: Choices, layout: Layout) -> Lists:
        candidates, config = self._config.candidates, self._config
        assert candidates is not None
        lists = choices.lists(
            layout,
            from_ms=-np.inf,
            to_ms=self._scope.before_ms,
            at_most=candidates.max_rankings,
            per_list=candidates.per_ranking,
            seed=config.training.seed,
        )
        rest = list(config.heads)[1:]
        why = "lists that are made from interactions have no other label"
        return replace(lists, unavailable=dict.fromkeys(rest, why))

    def _logged(self, collector: Collector, layout: Layout) -> Lists:
        known_ms = self._until_ms()
        lists = replace(lists_of(collector, layout, self._config), as_of_ms=known_ms)
        over = lists.until_ms < known_ms
        if 2 * np.count_nonzero(over) >= len(lists):
            still_open = len(lists) - int(np.count_nonzero(over))
            lists = replace(lists.take(over), total=lists.total - still_open)
        return lists

    def _until_ms(self) -> float:
        """What happened at or after this time, Unix ms, is not learned from."""
        return min(self._scope.before_ms, self.collected.last_ms + 1.0)

    def _advice(self) -> str:
        """Advice about a log that gave no lists."""
        if self._config.candidates is not None:
            return (
                f"too few `{self._config.candidates.interaction}` interactions; check "
                "`candidates.interaction` and `candidates.within`, or choose a later `--test-from`"
            )
        if self._left_out:
            return "all of them are of users or stretches of time that are left out"
        if self._rankings:
            return "all of them are of the test period; choose a later `--test-from`"
        return (
            "send `ranking` events, or add `[candidates]` to liverank.toml to make them from "
            "interactions"
        )


def choices_from(config: Config, candidates: Candidates) -> Choices:
    """An empty collection of the choices that lists are made from, if a log has no rankings."""
    return Choices(candidates, max_future_ms=duration_ms(config.features.max_future))
