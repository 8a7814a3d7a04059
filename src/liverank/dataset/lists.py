"""The past rankings of a log, with what people did with them.

Invariant: lists stand in the order in which a replay reads them, and nothing here depends on
features or models.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config
from liverank.dataset.labels import label_items, long_stays, successes_of
from liverank.dataset.seen import seen_items
from liverank.errors import DatasetError
from liverank.events.wire import decode_fields
from liverank.features.hashing import hash_column
from liverank.features.layout import Layout
from liverank.features.state import Reads
from liverank.features.stream import request_words

_T = TypeVar("_T", bound=np.generic)


class Outcome(NamedTuple):
    """What people did by one label: ``labels`` and ``until_ms`` as ``Lists`` has them."""

    labels: NDArray[np.uint8]
    until_ms: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lists:
    """``r`` past rankings with ``k`` items in all.

    Those that were scored but not served (a ranking's ``candidates`` beside its ``items``) follow
    the served ones: ranks and gaps within the list need them, and nobody saw them.

    ``reads``     what a replay needs to read their features
    ``labels``    uint8[k]: 1 where the item drew a success within the label's window
    ``seen``      bool[k]: whether the person saw the item, as far as can be told
    ``served``    bool[k]: whether it was in the ranking, or only scored beside those that were
    ``until_ms``  float64[r]: when the label is known, as its window is over
    ``others``    the same of the labels beside the first, by name
    ``untold``    labels that this log cannot tell, and why
    ``as_of_ms``  up to when the log was read: labels of lists whose window ends later may change
    """

    reads: Reads
    labels: NDArray[np.uint8]
    seen: NDArray[np.bool_]
    served: NDArray[np.bool_]
    until_ms: NDArray[np.float64]
    others: dict[str, Outcome] = field(default_factory=dict)
    untold: dict[str, str] = field(default_factory=dict)
    as_of_ms: float = np.inf

    def __len__(self) -> int:
        return len(self.reads)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Items of each list, int64[r]."""
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
        kept = np.concatenate(([0], np.cumsum(rows)))[reads.offsets]
        return Lists(
            Reads(
                before=reads.before[lists],
                user=reads.user[lists],
                at=reads.at[lists],
                request=reads.request[lists],
                offsets=np.concatenate(([0], np.cumsum(np.diff(kept)[lists]))).astype(np.int64),
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
            untold=self.untold,
            as_of_ms=self.as_of_ms,
        )


def collect_lists(frames: Iterable[pl.DataFrame], layout: Layout, config: Config) -> Lists:
    """Gather a log's rankings, given as frames in ``seq`` order, with labels and what was seen.

    A ranking that says at which ``cut`` it read the state is read there again; an imported one, or
    one whose cut cannot be, is read at its own place. One cut from a longer list that does not say
    its ``candidates`` is read as if its items had been all.
    """
    shown, leave = config.impressions.interaction, config.presence.leave
    types = {shown, leave, *(label.interaction for label in config.heads.values())}
    rankings, interactions = [], []
    for frame in frames:
        rankings.append(
            frame.filter(pl.col("event") == "ranking").select(
                "seq", "id", "user", "time", "cut", "items", "candidates", "fields", "surface"
            )
        )
        interactions.append(
            frame.filter(pl.col("type").is_in(sorted(types))).select(
                "type", "user", "item", "time", "ranking", "value"
            )
        )
    if not rankings:
        return _no_lists(layout)
    ranking = pl.concat(rankings).filter(pl.col("items").list.len() > 0)
    ranking = in_reading_order(ranking).with_row_index("list")
    if ranking.is_empty():
        return _no_lists(layout)
    items = ranking.select("list", "id", "user", "time", item="items").explode("item")
    offsets = _offsets(ranking["items"])
    positions = np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))
    happened = pl.concat(interactions)
    labels, untold = _labels(items, happened, config)
    impressions = None
    if not layout.impressions_from_rankings:
        impressions = happened.filter(pl.col("type") == shown)
    engaged = np.maximum.reduce(list(labels.values()))
    seen = seen_items(items, positions, engaged, offsets, impressions, config)
    scored = ranking.select(
        pl.col("items").list.concat(pl.col("candidates").list.set_difference("items").fill_null([]))
    ).to_series()
    served = _served(offsets, _offsets(scored))
    placed = _placed(positions.astype(np.float64), served, np.nan)
    made_ms = ranking["time"].cast(pl.Float64).to_numpy()
    first, *others = (
        (name, Outcome(_placed(values, served, 0), made_ms + config.heads[name].known_after_ms))
        for name, values in labels.items()
    )
    return Lists(
        reads_of(ranking, scored, placed, layout),
        labels=first[1].labels,
        seen=_placed(seen, served, False),
        served=served,
        until_ms=first[1].until_ms,
        others=dict(others),
        untold=untold,
    )


def _labels(
    items: pl.DataFrame, happened: pl.DataFrame, config: Config
) -> tuple[dict[str, NDArray[np.uint8]], dict[str, str]]:
    """The labels of items by name, the first one first, and why others cannot be told."""
    leaves = happened.filter(pl.col("type") == config.presence.leave)
    labels: dict[str, NDArray[np.uint8]] = {}
    untold: dict[str, str] = {}
    for name, label in config.heads.items():
        try:
            successes = long_stays(successes_of(happened, label), leaves, label)
        except DatasetError as error:
            if not labels:  # the first one is what lists are ranked by
                raise
            untold[name] = str(error)
        else:
            labels[name] = label_items(items, successes, label)
    return labels, untold


def in_reading_order(rankings: pl.DataFrame) -> pl.DataFrame:
    """Rankings in the order in which a replay reads them; ``before`` is where.

    >>> rankings = pl.DataFrame({"seq": [5, 9, 12], "cut": [None, 3, 99]})
    >>> in_reading_order(rankings).select("seq", "before").rows()
    [(9, 4), (5, 5), (12, 12)]
    """
    return rankings.with_columns(before=pl.min_horizontal(pl.col("cut") + 1, "seq")).sort(
        "before", "seq"
    )


def reads_of(
    rankings: pl.DataFrame, scored: pl.Series, positions: NDArray[np.float64], layout: Layout
) -> Reads:
    """What a replay needs to read these rankings, in its order.

    ``scored`` are the items of each to read, and ``positions`` float64[k] where they stood.
    """
    return Reads(
        before=rankings["before"].to_numpy(writable=True),
        user=hash_column(rankings["user"]),
        at=rankings["time"].cast(pl.Float64).to_numpy(writable=True),
        request=words_of_requests(rankings["fields"], rankings["surface"], layout),
        offsets=_offsets(scored),
        items=hash_column(scored.explode()),
        positions=positions,
    )


def words_of_requests(fields: pl.Series, surfaces: pl.Series, layout: Layout) -> NDArray[np.uint64]:
    """The words of requests' fields (JSON texts or null) and surfaces: uint64[n, request words]."""
    requests = pl.DataFrame({"fields": fields, "surface": surfaces})
    distinct = requests.unique(maintain_order=True)
    table = np.empty((len(distinct), layout.entity_words("request")), np.uint64)
    for row, (text, surface) in enumerate(distinct.iter_rows()):
        table[row] = request_words({} if text is None else decode_fields(text), surface, layout)
    rows = requests.join(
        distinct.with_row_index("row"),
        on=["fields", "surface"],
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )["row"]
    result: NDArray[np.uint64] = table[rows.to_numpy()]
    return result


def _offsets(lists: pl.Series) -> NDArray[np.int64]:
    """Where each list starts, and the end: int64[r + 1]."""
    sizes = lists.list.len().cast(pl.Int64).to_numpy()
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)


def _served(offsets: NDArray[np.int64], scored: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the scored items were served: the first ones of each list, bool[k]."""
    place = np.arange(scored[-1]) - np.repeat(scored[:-1], np.diff(scored))
    served: NDArray[np.bool_] = place < np.repeat(np.diff(offsets), np.diff(scored))
    return served


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
