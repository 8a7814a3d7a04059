"""The past rankings of a log, with what people did with them.

Invariant: lists stand in the order in which a replay reads them, and nothing here depends on
features or models.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config
from liverank.dataset.labels import label_items
from liverank.dataset.seen import seen_items
from liverank.events.event import Fields
from liverank.features.hashing import hash_column
from liverank.features.layout import Layout
from liverank.features.state import Reads
from liverank.features.stream import field_words

_fields_decoder = msgspec.json.Decoder(Fields)


@dataclass(frozen=True, slots=True)
class Lists:
    """``r`` past rankings with ``k`` items in all.

    ``reads``     what a replay needs to read their features
    ``labels``    uint8[k]: 1 where the item drew a success within the label's window
    ``seen``      bool[k]: whether the person saw the item, as far as can be told
    ``until_ms``  float64[r]: when the label's window is over
    """

    reads: Reads
    labels: NDArray[np.uint8]
    seen: NDArray[np.bool_]
    until_ms: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.reads)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Items of each list, int64[r]."""
        return np.diff(self.reads.offsets)

    def take(self, lists: NDArray[np.bool_]) -> "Lists":
        """The lists where the mask, bool[r], is true."""
        rows = np.repeat(lists, self.sizes)
        offsets = np.concatenate(([0], np.cumsum(self.sizes[lists]))).astype(np.int64)
        reads = self.reads
        return Lists(
            Reads(
                before=reads.before[lists],
                user=reads.user[lists],
                at=reads.at[lists],
                request=reads.request[lists],
                offsets=offsets,
                items=reads.items[rows],
                positions=reads.positions[rows],
            ),
            self.labels[rows],
            self.seen[rows],
            self.until_ms[lists],
        )


def collect_lists(frames: Iterable[pl.DataFrame], layout: Layout, config: Config) -> Lists:
    """Gather a log's rankings, given as frames in ``seq`` order, with labels and what was seen.

    A ranking that says at which ``cut`` it read the state is read there again; an imported one is
    read at its own place.
    """
    label, shown = config.label.interaction, config.impressions.interaction
    rankings, interactions = [], []
    for frame in frames:
        rankings.append(
            frame.filter(pl.col("event") == "ranking").select(
                "seq", "id", "user", "time", "cut", "items", "fields"
            )
        )
        interactions.append(
            frame.filter(pl.col("type").is_in([label, shown])).select(
                "type", "user", "item", "time", "ranking", "value"
            )
        )
    if not rankings:
        return _no_lists(layout)
    ranking = pl.concat(rankings).filter(pl.col("items").list.len() > 0)
    ranking = (
        ranking.with_columns(before=pl.coalesce(pl.col("cut") + 1, pl.col("seq")))
        .sort("before", "seq")
        .with_row_index("list")
    )
    if ranking.is_empty():
        return _no_lists(layout)
    items = ranking.select("list", "id", "user", "time", item="items").explode("item")
    sizes = ranking["items"].list.len().cast(pl.Int64).to_numpy()
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    positions = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
    happened = pl.concat(interactions)
    labels = label_items(items, happened.filter(pl.col("type") == label), config.label)
    impressions = None
    if not layout.impressions_from_rankings:
        impressions = happened.filter(pl.col("type") == shown)
    return Lists(
        Reads(
            before=ranking["before"].to_numpy(),
            user=hash_column(ranking["user"]),
            at=ranking["time"].cast(pl.Float64).to_numpy(),
            request=request_words(ranking["fields"], layout),
            offsets=offsets,
            items=hash_column(items["item"]),
            positions=positions.astype(np.float64),
        ),
        labels=labels,
        seen=seen_items(items, positions, labels, offsets, impressions, config),
        until_ms=ranking["time"].cast(pl.Float64).to_numpy() + config.label.within_ms,
    )


def request_words(fields: pl.Series, layout: Layout) -> NDArray[np.uint64]:
    """The words of requests' fields (JSON texts or null): uint64[n, request words]."""
    words = layout.entity_words[2]
    distinct = fields.unique(maintain_order=True)
    table = np.tile(empty_request(layout), (len(distinct), 1))
    for row, text in enumerate(distinct):
        if text is not None:
            place, value = field_words(_fields_decoder.decode(text), "request", layout)
            table[row, place] = value
    rows = fields.to_frame("f").join(
        distinct.to_frame("f").with_row_index("row"),
        on="f",
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )["row"]
    result: NDArray[np.uint64] = table[rows.to_numpy()].reshape(-1, words)
    return result


def empty_request(layout: Layout) -> NDArray[np.uint64]:
    """The words of a request of which nothing is known, uint64[request words]."""
    words = np.zeros(layout.entity_words[2], np.uint64)
    for field in layout.fields:
        if field.entity == "request" and (not field.is_hashed or field.type == "keys"):
            words[field.offset] = np.float64(np.nan).view(np.uint64)
    return words


def _no_lists(layout: Layout) -> Lists:
    nothing = np.empty(0)
    return Lists(
        Reads(
            before=np.empty(0, np.int64),
            user=np.empty(0, np.uint64),
            at=nothing,
            request=np.empty((0, layout.entity_words[2]), np.uint64),
            offsets=np.zeros(1, np.int64),
            items=np.empty(0, np.uint64),
            positions=nothing,
        ),
        np.empty(0, np.uint8),
        np.empty(0, np.bool_),
        nothing,
    )
