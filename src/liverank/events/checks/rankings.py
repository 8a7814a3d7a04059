"""What is odd about rankings, and interactions that name one: labels that would be lost."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config
from liverank.events.checks.finding import Examples, Finding, text_of
from liverank.events.checks.hashed import Hashes, hashes_of
from liverank.events.checks.rows import EVENT_TEXT
from liverank.events.checks.shown import Shown
from liverank.events.clock import right_times
from liverank.quantities import duration_ms

_TEXTS = 200_000
"""Interactions that wait for their ranking and whose texts are kept, for examples."""


class _Acts(NamedTuple):
    """Interactions that name a ranking, as hashes; ``rows`` are their places among all events."""

    rankings: Hashes
    items: Hashes
    time: NDArray[np.int64]
    rows: NDArray[np.int64]

    def take(self, which: NDArray[np.bool_]) -> "_Acts":
        return _Acts(self.rankings[which], self.items[which], self.time[which], self.rows[which])


class NamedRankings:
    """Interactions beside the ranking they name: unknown, later than they are, without their item.

    One whose ranking did not come yet waits for it as hashes, to the end.
    """

    def __init__(self) -> None:
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
        self._judge(acts.take(is_known), numbers[is_known], texts.filter(pl.Series(is_known)))
        if not is_known.all():
            self._waiting.append(acts.take(~is_known))
            left = max(_TEXTS - self._texts.height, 0)
            self._texts = self._texts.vstack(texts.filter(pl.Series(~is_known)).head(left))

    def findings(self) -> list[Finding]:
        """See ``Check``."""
        self._end_waiting()
        return [
            *self._unknown.told(
                "unknown_rankings",
                "interactions name a ranking that is not in the log; they make no labels",
            ),
            *self._early.told(
                "interactions_before_ranking",
                "interactions came before the ranking they name; clocks that disagree lose labels",
            ),
            *self._foreign.told(
                "items_not_in_ranking",
                "interactions are with an item that the ranking they name did not hold",
            ),
        ]

    def _judge(self, acts: _Acts, numbers: NDArray[np.int64], texts: pl.DataFrame) -> None:
        """Compare interactions with their rankings; ``texts`` are those of the first of them."""
        shown_at, held = self.shown.look_up(numbers, acts.items)
        text = text_of("{} on {} of ranking {}", "type", "item", "id")
        self._early.add(acts.time < shown_at, acts.rows, texts, text)
        self._foreign.add(~held, acts.rows, texts, text_of("{} not in ranking {}", "item", "id"))

    def _end_waiting(self) -> None:
        """Every ranking came by now, or never will."""
        texts, self._texts = self._texts, self._texts.clear()
        waiting, self._waiting = self._waiting, []
        for acts in waiting:
            own, texts = texts.head(len(acts.rows)), texts.slice(len(acts.rows))
            numbers = self.shown.index.find(acts.rankings)
            is_known = numbers >= 0
            self._unknown.add(~is_known, acts.rows, own, pl.col("id"))
            of_known = own.filter(pl.Series(is_known[: own.height]))
            self._judge(acts.take(is_known), numbers[is_known], of_known)


class _Oddity:
    """How many interactions are odd in one way, and the first of them."""

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
        told = is_odd[: texts.height]
        odd = texts.filter(pl.Series(told)).select(text.alias("text"))["text"]
        self._examples.add(odd, pl.Series(rows[: texts.height][told]))

    def told(self, name: str, message: str) -> list[Finding]:
        if not self._count:
            return []
        return [
            Finding(
                name=name,
                severity="warning",
                message=message,
                count=self._count,
                examples=self._examples.told(),
            )
        ]


class BackfilledRankings:
    """Rankings of a log that came after events which happened later, and say no ``cut``."""

    def __init__(self, config: Config) -> None:
        self._max_future_ms = duration_ms(config.features.max_future)
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
                examples=self._examples.told(),
            )
        ]
