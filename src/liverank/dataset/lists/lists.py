"""The past rankings of a log, with the labels of their items.

Invariant: lists are in order of time, whatever the order of arrival, and nothing here depends on
features or models.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config
from liverank.dataset.labels.labels import label_items, long_stays, successes_of
from liverank.dataset.labels.seen import seen_items
from liverank.dataset.lists.collected import Collector, Rankings
from liverank.errors import DatasetError
from liverank.events.wire import decode_fields
from liverank.features.layout.layout import Layout
from liverank.features.state.state import Reads
from liverank.features.stream.event_arrays import request_words
from liverank.features.stream.ragged import offsets_of
from liverank.features.stream.time_order import TimeBounds

_T = TypeVar("_T", bound=np.generic)


class Outcome(NamedTuple):
    """One label of all items: ``labels`` and ``until_ms`` as in ``Lists``."""

    labels: NDArray[np.uint8]
    until_ms: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lists:
    """``r`` past rankings with ``k`` items in all.

    Items that were scored but not served (in a ranking's ``candidates`` but not in its ``items``)
    follow the served ones: ranks and gaps within the list need them. No user saw them.

    ``reads``     input of a replay that reads the features
    ``labels``    uint8[k]: 1 where the item drew a success within the label's window
    ``seen``      bool[k]: whether the user saw the item, as far as is known
    ``served``    bool[k]: whether it was in the ranking, or only scored
    ``until_ms``  float64[r]: when the label's window is over, Unix ms
    ``others``    labels other than the first, by name
    ``unavailable``  labels that cannot be derived from this log, and the reason
    ``chances``   float64[k]: propensities, the probability of each item at its position, NaN where
                  unknown; None where no list has any
    ``as_of_ms``  end of the log that was read: labels whose window ends later may change
    ``bounds``    time bounds of the log, for a replay of the same log
    ``total``     number of lists of the period, from which these were chosen
    ``whole``     bool[r]: whether each list names all scored items; None where all of them do
    ``notes``     notes of the report on how these lists were chosen
    """

    reads: Reads
    labels: NDArray[np.uint8]
    seen: NDArray[np.bool_]
    served: NDArray[np.bool_]
    until_ms: NDArray[np.float64]
    others: dict[str, Outcome] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    chances: NDArray[np.float64] | None = None
    as_of_ms: float = np.inf
    bounds: TimeBounds | None = None
    total: int = 0
    whole: NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.reads)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of items of each list, int64[r]."""
        return np.diff(self.reads.offsets)

    def take(self, lists: NDArray[np.bool_]) -> "Lists":
        """The lists where the mask, bool[r], is true."""
        return self._take(lists, np.repeat(lists, self.sizes))

    def only_served(self) -> "Lists":
        """The same lists without the items that were only scored."""
        return self._take(np.ones(len(self), np.bool_), self.served)

    def _take(self, lists: NDArray[np.bool_], rows: NDArray[np.bool_]) -> "Lists":
        """Some lists (bool[r]) with some of their items (bool[k])."""
        reads = self.reads
        kept = offsets_of(rows)[reads.offsets]
        return Lists(
            Reads(
                before=reads.before[lists],
                user=reads.user[lists],
                at=reads.at[lists],
                request=reads.request[lists],
                offsets=offsets_of(np.diff(kept)[lists]),
                items=reads.items[rows],
                positions=reads.positions[rows],
            ),
            labels=self.labels[rows],
            seen=self.seen[rows],
            served=self.served[rows],
            until_ms=self.until_ms[lists],
            others={
                name: Outcome(other.labels[rows], other.until_ms[lists])
                for name, other in self.others.items()
            },
            unavailable=self.unavailable,
            chances=None if self.chances is None else self.chances[rows],
            as_of_ms=self.as_of_ms,
            bounds=self.bounds,
            total=self.total,
            whole=None if self.whole is None else self.whole[lists],
            notes=self.notes,
        )


def collect_lists(frames: Iterable[pl.DataFrame], layout: Layout, config: Config) -> Lists:
    """Gather a log's rankings, given as frames, with labels and seen items, in order of time.

    A ranking with a ``cut`` is read at that cut; any other is read as of its own time, wherever it
    is in the log. A ranking that was cut from a longer list without naming its ``candidates`` is
    read as if its items had been all candidates; ``whole`` is false for it.
    """
    collector = Collector(config)
    for frame in frames:
        collector.add(frame)
    return lists_of(collector, layout, config)


def lists_of(collector: Collector, layout: Layout, config: Config) -> Lists:
    """The lists of a collector's rankings; its frames are of this layout and config.

    Raises DatasetError where the first label is unavailable.
    """
    rankings = collector.rankings()
    reads = reads_of(rankings, words_of_requests(collector.requests.table(), layout))
    if not len(reads):
        return replace(_no_lists(layout), bounds=collector.bounds())
    sizes = np.diff(rankings.offsets)
    index = np.arange(len(rankings.items)) - np.repeat(rankings.offsets[:-1], sizes)
    served = index < np.repeat(rankings.served, sizes)
    items = _items_of(rankings, served)
    offsets = offsets_of(rankings.served)
    positions = index[served]
    happened = collector.acts()
    labels, unavailable = _labels(items, happened, config)
    impressions = None
    if not layout.impressions_from_rankings:
        impressions = happened.filter(pl.col("type") == config.impressions.interaction)
    engaged = np.maximum.reduce(list(labels.values()))
    first_labels = next(iter(labels.values()))
    seen = seen_items(items, positions, first_labels, engaged, offsets, impressions, config)
    first, *others = (
        (name, Outcome(_placed(values, served, 0), rankings.at + config.heads[name].known_after_ms))
        for name, values in labels.items()
    )
    return Lists(
        replace(reads, positions=_placed(positions.astype(np.float64), served, np.nan)),
        labels=first[1].labels,
        seen=_placed(seen, served, False),
        served=served,
        until_ms=first[1].until_ms,
        others=dict(others),
        unavailable=unavailable,
        chances=rankings.chances if np.isfinite(rankings.chances).any() else None,
        bounds=collector.bounds(),
        total=collector.total,
        whole=None if rankings.whole.all() else rankings.whole,
    )


def _items_of(rankings: Rankings, served: NDArray[np.bool_]) -> pl.DataFrame:
    """A row for each served item of each ranking: list, id, user, time, item; ids as hashes."""
    return pl.DataFrame(
        {
            "list": np.repeat(np.arange(len(rankings.at)), rankings.served),
            "id": np.repeat(rankings.id, rankings.served),
            "user": np.repeat(rankings.user, rankings.served),
            "time": np.repeat(rankings.at, rankings.served),
            "item": rankings.items[served],
        }
    )


def _labels(
    items: pl.DataFrame, happened: pl.DataFrame, config: Config
) -> tuple[dict[str, NDArray[np.uint8]], dict[str, str]]:
    """The labels of items by name, in order, and the reasons why others are unavailable."""
    leaves = happened.filter(pl.col("type") == config.presence.leave)
    labels: dict[str, NDArray[np.uint8]] = {}
    unavailable: dict[str, str] = {}
    for name, label in config.heads.items():
        try:
            successes = long_stays(successes_of(happened, label), leaves, label)
        except DatasetError as error:
            if not labels:  # lists are ranked by the first one
                raise
            unavailable[name] = str(error)
        else:
            labels[name] = label_items(items, successes, label)
    return labels, unavailable


def reads_of(rankings: Rankings, requests: NDArray[np.uint64]) -> Reads:
    """Input of a replay that reads these rankings, without positions.

    ``requests`` uint64[requests, words] are the encoded requests that they name.
    """
    return Reads(
        before=rankings.before,
        user=rankings.user,
        at=rankings.at,
        request=requests[rankings.request],
        offsets=rankings.offsets,
        items=rankings.items,
        positions=np.full(len(rankings.items), np.nan),
    )


def words_of_requests(requests: pl.DataFrame, layout: Layout) -> NDArray[np.uint64]:
    """Requests' fields (JSON texts or null) and surfaces, encoded: uint64[n, request words]."""
    table = np.empty((len(requests), layout.entity_words("request")), np.uint64)
    for row, (text, surface) in enumerate(requests.select("fields", "surface").iter_rows()):
        table[row] = request_words({} if text is None else decode_fields(text), surface, layout)
    return table


def _placed(values: NDArray[_T], served: NDArray[np.bool_], rest: object) -> NDArray[_T]:
    """The values of the served items among all the scored ones, ``rest`` for the others."""
    placed = np.full(len(served), rest, values.dtype)
    placed[served] = values
    return placed


def _no_lists(layout: Layout) -> Lists:
    nothing = np.empty(0)
    return Lists(
        Reads(
            before=np.empty(0, np.int64),
            user=np.empty(0, np.uint64),
            at=nothing,
            request=np.empty((0, layout.entity_words("request")), np.uint64),
            offsets=np.zeros(1, np.int64),
            items=np.empty(0, np.uint64),
            positions=nothing,
        ),
        np.empty(0, np.uint8),
        np.empty(0, np.bool_),
        np.empty(0, np.bool_),
        nothing,
    )
