"""Checks of rankings and of interactions that name one: labels that would be lost."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.events.checks.finding import CheckSetup, Examples, Finding
from liverank.events.checks.hashed import Hashes, hashes_of
from liverank.events.checks.rows import EVENT_TEXT
from liverank.events.checks.shown import Shown
from liverank.events.clock import right_times
from liverank.events.row_text import row_text
from liverank.quantities import duration_ms

_TEXTS = 200_000
"""Number of waiting interactions whose texts are kept for examples."""


class _Acts(NamedTuple):
    """Interactions that name a ranking, as hashes; ``rows`` are their numbers among all events."""

    rankings: Hashes
    items: Hashes
    time: NDArray[np.int64]
    rows: NDArray[np.int64]

    def take(self, which: NDArray[np.bool_]) -> "_Acts":
        return _Acts(self.rankings[which], self.items[which], self.time[which], self.rows[which])


class NamedRankings:
    """Finds interactions whose ranking is unknown, is later than they are, or lacks their item.

    An interaction whose ranking has not been read yet waits, as hashes, for the ranking or the end.
    """

    def __init__(self, _: CheckSetup) -> None:
        self.shown = Shown()
        self._seen = 0
        self._waiting: list[_Acts] = []
        self._texts = pl.DataFrame(schema={"type": pl.String, "item": pl.String, "id": pl.String})
        self._unknown = _Oddity()
        self._early = _Oddity()
        self._foreign = _Oddity()

    def feed(self, frame: pl.DataFrame) -> None:
        """See ``Check``."""
        self.shown.feed(frame)
        named = (
            frame.lazy()
            .with_row_index("row", offset=self._seen)
            .filter((pl.col("event") == "interaction") & pl.col("ranking").is_not_null())
            .select("row", "time", "type", "item", id="ranking")
            .collect()
        )
        self._seen += frame.height
        if named.is_empty():
            return
        acts = _Acts(
            hashes_of(named["id"]),
            hashes_of(named["item"]),
            named["time"].to_numpy(),
            named["row"].to_numpy().astype(np.int64),
        )
        numbers = self.shown.index.find(acts.rankings)
        is_known = numbers >= 0
        texts = named.select("type", "item", "id")
        self._compare(acts.take(is_known), numbers[is_known], texts.filter(pl.Series(is_known)))
        if not is_known.all():
            self._waiting.append(acts.take(~is_known))
            left = max(_TEXTS - self._texts.height, 0)
            self._texts = self._texts.vstack(texts.filter(pl.Series(~is_known)).head(left))

    def findings(self) -> list[Finding]:
        """See ``Check``."""
        self._end_waiting()
        return [
            *self._unknown.findings(
                "unknown_rankings",
                "interactions name a ranking that is not in the log; they make no labels",
            ),
            *self._early.findings(
                "interactions_before_ranking",
                "interactions came before the ranking they name; clocks that disagree lose labels",
            ),
            *self._foreign.findings(
                "items_not_in_ranking",
                "interactions are with an item that the ranking they name did not hold",
            ),
        ]

    def _compare(self, acts: _Acts, numbers: NDArray[np.int64], texts: pl.DataFrame) -> None:
        """Compare interactions with their rankings; ``texts`` are those of the first of them."""
        shown_at, held = self.shown.look_up(numbers, acts.items)
        text = row_text("{} on {} of ranking {}", "type", "item", "id")
        self._early.add(acts.time < shown_at, acts.rows, texts, text)
        self._foreign.add(~held, acts.rows, texts, row_text("{} not in ranking {}", "item", "id"))

    def _end_waiting(self) -> None:
        """Compare the interactions that still wait, after the last ranking."""
        texts, self._texts = self._texts, self._texts.clear()
        waiting, self._waiting = self._waiting, []
        for acts in waiting:
            own, texts = texts.head(len(acts.rows)), texts.slice(len(acts.rows))
            numbers = self.shown.index.find(acts.rankings)
            is_known = numbers >= 0
            self._unknown.add(~is_known, acts.rows, own, pl.col("id"))
            of_known = own.filter(pl.Series(is_known[: own.height]))
            self._compare(acts.take(is_known), numbers[is_known], of_known)


class _Oddity:
    """Counts the interactions that are odd in one way, and keeps the first as examples."""

    def __init__(self) -> None:
        self._count = 0
        self._examples = Examples()

    def add(
        self,
        is_odd: NDArray[np.bool_],
        rows: NDArray[np.int64],
        texts: pl.DataFrame,
        text: pl.Expr,
    ) -> None:
        self._count += int(is_odd.sum())
        with_text = is_odd[: texts.height]
        odd = texts.filter(pl.Series(with_text)).select(text.alias("text"))["text"]
        self._examples.add(odd, pl.Series(rows[: texts.height][with_text]))

    def findings(self, name: str, message: str) -> list[Finding]:
        if not self._count:
            return []
        return [
            Finding(
                name=name,
                severity="warning",
                message=message,
                count=self._count,
                examples=self._examples.texts(),
            )
        ]


def backfilled_rankings(setup: CheckSetup) -> "BackfilledRankings | None":
    """The check of late rankings; None for files, whose events have no order of arrival."""
    return BackfilledRankings(setup) if setup.of_log else None


class BackfilledRankings:
    """Rankings of a log that arrived after events which happened later, and have no ``cut``."""

    def __init__(self, setup: CheckSetup) -> None:
        self._max_future_ms = duration_ms(setup.config.features.max_future)
        self._latest = -np.inf
        self._seen = self._count = 0
        self._examples = Examples()

    def feed(self, frame: pl.DataFrame) -> None:
        """See ``Check``."""
        at_ms, _ = right_times(frame, self._max_future_ms)
        latest = np.maximum.accumulate(np.append(self._latest, at_ms))
        odd = (
            frame.lazy()
            .with_row_index("row", offset=self._seen)
            .filter(
                (pl.col("event") == "ranking")
                & pl.col("cut").is_null()
                & pl.Series(at_ms < latest[:-1])
            )
            .select("row", text=EVENT_TEXT)
            .collect()
        )
        self._seen += frame.height
        self._latest = float(latest[-1])
        self._count += odd.height
        self._examples.add(odd["text"], odd["row"])

    def findings(self) -> list[Finding]:
        """See ``Check``."""
        if not self._count:
            return []
        return [
            Finding(
                name="backfilled_rankings",
                severity="info",
                message="rankings without a `cut` are older than events that came into the log "
                "before them; they are read as of their own time",
                count=self._count,
                examples=self._examples.texts(),
            )
        ]
