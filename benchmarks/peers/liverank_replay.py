"""The task by liverank: one fold of the log, rows read on the way. One thread but for Parquet."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.dataset.lists import request_words
from liverank.dataset.replay import replay
from liverank.events.schema import Schema
from liverank.features.hashing import hash_column
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.features.state import Reads
from liverank.quantities import duration_ms
from made_events import config_of_product
from peers.task import WANTED, Task

FRAME_EVENTS = 262_144


def compute(task: Task) -> NDArray[np.float32]:
    """The rows' features, float32[rows, 40]."""
    config, spec = config_of_product(), wanted_spec()
    frame = pl.read_parquet(task.events)
    out = np.empty((task.row_count, len(spec.names)), np.float32)
    reads = reads_of(pl.read_parquet(task.rows), spec)
    for chunk in replay(
        frame.iter_slices(FRAME_EVENTS),
        spec,
        reads,
        max_future_ms=duration_ms(config.features.max_future),
    ):
        out[reads.offsets[chunk.first] : reads.offsets[chunk.last]] = chunk.features
    places = [spec.names.index(wanted.name) for wanted in WANTED]
    return out[:, places]


def wanted_spec() -> FeatureSpec:
    """The forty features, on a state that counts what they need and some pairs of items."""
    schema = Schema(
        items={"host": "key"},
        interactions=("join", "impression", "click", "leave"),
        impressions_from="interaction",
        positive=("join", "click"),
    )
    spec = derive_spec(schema, config_of_product())
    missing = [wanted.name for wanted in WANTED if wanted.name not in spec.names]
    if missing:
        raise ValueError(f"the schema does not derive {', '.join(missing)}; correct peers/task.py")
    return spec.keep({wanted.name for wanted in WANTED})


def reads_of(rows: pl.DataFrame, spec: FeatureSpec) -> Reads:
    """The rows as lists to read."""
    starts = rows.group_by("list", maintain_order=True).first()
    sizes = rows.group_by("list", maintain_order=True).len()["len"].to_numpy()
    no_fields = pl.Series([None], dtype=pl.String)
    return Reads(
        before=starts["before_seq"].to_numpy(writable=True),
        user=hash_column(starts["user"]),
        at=starts["at_ms"].cast(pl.Float64).to_numpy(writable=True),
        request=np.repeat(request_words(no_fields, spec.layout), len(starts), 0),
        offsets=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        items=hash_column(rows["item"]),
        positions=np.full(rows.height, np.nan),
    )
