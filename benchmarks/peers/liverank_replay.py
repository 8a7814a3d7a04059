"""The task by liverank: one fold of the log, rows read on the way. One thread but for Parquet."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.dataset.replay import replay_streams
from liverank.events.schema.schema import Schema
from liverank.features.hashing import hash_column
from liverank.features.kinds.count import Count
from liverank.features.kinds.recency import Ago
from liverank.features.layout.derived_layout import layout_of
from liverank.features.layout.layout import USER_RECENT
from liverank.features.spec import FeatureSpec, SpecFeature
from liverank.features.state.layout_arrays import new_request
from liverank.features.state.state import Reads
from liverank.features.stream.event_arrays import Stream, stream_of
from made_events import FUTURE_MS, Product, config_of
from peers.task import WANTED, Task, Wanted

FRAME_EVENTS = 262_144


class Prepared(NamedTuple):
    """Events and lists as arrays of hashes."""

    spec: FeatureSpec
    streams: list[Stream]
    reads: Reads


def prepare(task: Task) -> Prepared:
    """Read both files and hash their ids."""
    spec = wanted_spec()
    frames = pl.read_parquet(task.events).iter_slices(FRAME_EVENTS)
    streams = [stream_of(frame, spec.layout, max_future_ms=FUTURE_MS) for frame in frames]
    return Prepared(spec, streams, reads_of(pl.read_parquet(task.rows), spec))


def compute(prepared: Prepared) -> NDArray[np.float32]:
    """The rows' features, float32[rows, 40]."""
    spec, streams, reads = prepared
    out = np.empty((len(reads.items), len(spec.names)), np.float32)
    for chunk in replay_streams(streams, spec, reads):
        out[reads.offsets[chunk.first] : reads.offsets[chunk.last]] = chunk.features
    return out


def wanted_spec() -> FeatureSpec:
    """The forty features, on a state that counts what they need and some pairs of items."""
    schema = Schema(
        items={"host": "key"},
        interactions=("join", "impression", "click", "leave"),
        impressions_from="interaction",
        positive=("join", "click"),
    )
    layout = layout_of(schema, config_of(Product(1, 1, fields=("host",))))
    return FeatureSpec(
        layout,
        tuple(SpecFeature(wanted.name, "wanted", expression_of(wanted)) for wanted in WANTED),
    )


def expression_of(wanted: Wanted) -> Count | Ago:
    """What liverank calls it: of a person, the last minutes and hours are counted from history."""
    if wanted.half_life is None:
        return Ago(wanted.scope, wanted.type)
    lately = wanted.scope == "user" and wanted.half_life in ("5m", "1h")
    return Count(USER_RECENT if lately else wanted.scope, wanted.type, wanted.half_life)


def reads_of(rows: pl.DataFrame, spec: FeatureSpec) -> Reads:
    """The rows as lists to read."""
    starts = rows.group_by("list", maintain_order=True).first()
    sizes = rows.group_by("list", maintain_order=True).len()["len"].to_numpy()
    return Reads(
        before=starts["before_seq"].to_numpy(writable=True),
        user=hash_column(starts["user"]),
        at=starts["at_ms"].cast(pl.Float64).to_numpy(writable=True),
        request=np.repeat(new_request(spec.layout)[None, :], len(starts), 0),
        offsets=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        items=hash_column(rows["item"]),
        positions=np.full(rows.height, np.nan),
    )
