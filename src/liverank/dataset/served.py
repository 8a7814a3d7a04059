"""Checks that a replay gives the served features: logged vectors are compared bit for bit.

A served ranking may contain its model's features (``vectors``). Here the log is folded again, each
such ranking is read at its cut, and every number is compared.
Invariant: two numbers are equal when their float32 bits are, or when both are NaN.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.dataset.lists.collected import seen_before
from liverank.dataset.lists.lists import words_of_requests
from liverank.dataset.lists.requests import Requests
from liverank.dataset.replay import ReplayHooks, replay
from liverank.events.frame import empty_frame
from liverank.features.hashing import hash_column
from liverank.features.kinds.context import SERVED_POSITION
from liverank.features.layout.layout import Layout
from liverank.features.spec import FeatureSpec, SpecFeature
from liverank.features.state.state import Reads
from liverank.features.stream.ragged import offsets_of

EARLIER = "made before events were taken from the log (a user was erased, or old ones expired)"
UNKNOWN = (
    "logged by an earlier liverank, which did not say before or after which erasure or expiry it "
    "was made"
)
"""Reasons why rankings cannot be compared."""

VECTOR_COLUMNS = (
    "seq",
    "time",
    "id",
    "user",
    "surface",
    "model",
    "cut",
    "generation",
    "items",
    "candidates",
    "vectors",
    "fields",
)
"""Columns needed to read rankings with vectors."""
MAX_SHOWN = 20
"""Maximum number of differences that are listed one by one; the others are only counted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A served feature value that differs from the replayed one."""

    ranking: str
    item: str
    feature: str
    served: float
    replayed: float


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check: how much was compared, how many values differ, the first of these."""

    rankings: int
    rows: int
    mismatches: int
    differences: list[Difference]


@dataclass(frozen=True, slots=True)
class Logged:
    """Rankings of a log that contain vectors.

    Columns of ``rankings``: those of ``events.frame`` that a check needs; ``scored``, the items in
    the order of the vectors' rows; and ``width``, the number of features of a row. ``incomparable``
    counts the rankings that a replay cannot reproduce, by reason.
    """

    rankings: pl.DataFrame
    incomparable: dict[str, int]


def rankings_with_vectors(
    frames: Iterable[pl.DataFrame],
    *,
    generation: int,
    since_ms: float = 0,
    most: int | None = None,
) -> Logged:
    """The rankings of a log that contain vectors, served at ``since_ms`` or later.

    ``generation`` is the log's: a ranking of an earlier one saw events that are no longer there.
    Of more than ``most``, those with the smallest hashes of their ids are kept: a fixed sample from
    the whole log.

    >>> from liverank.events.event import Ranking
    >>> from liverank.events.frame import frame_of
    >>> ranking = Ranking(time=5, id="q1", user="u1", items=["r1"], vectors=bytes(8))
    >>> frame = frame_of([ranking], seqs=[7])
    >>> logged = rankings_with_vectors([frame], generation=1)
    >>> logged.rankings.select("seq", "id", "scored", "width").rows()
    [(7, 'q1', ['r1'], 2)]
    """
    incomparable: Counter[str] = Counter()
    found = []
    for frame in chain([empty_frame()], frames):
        carrying = frame.filter(pl.col("vectors").is_not_null() & (pl.col("time") >= since_ms))
        if generation > 1:
            incomparable[EARLIER] += carrying.filter(pl.col("generation") < generation).height
            incomparable[UNKNOWN] += carrying["generation"].null_count()
            carrying = carrying.filter(pl.col("generation") >= generation)
        found.append(
            carrying.select(
                *("seq", "id", "user", "time", "cut", "fields", "surface", "model", "vectors"),
                scored=pl.coalesce("candidates", "items"),
            )
        )
    size, rows = pl.col("vectors").bin.size(), pl.col("scored").list.len()
    rankings = pl.concat(found).with_columns(width=(size // (4 * rows)).cast(pl.Int64))
    if most is not None and len(rankings) > most:
        kept = np.argsort(hash_column(rankings["id"]), kind="stable")[:most]
        rankings = rankings[np.sort(kept)]
    return Logged(rankings, {reason: count for reason, count in incomparable.items() if count})


def check_served(
    frames: Iterable[pl.DataFrame],
    rankings: pl.DataFrame,
    specs: Mapping[str, FeatureSpec],
    *,
    max_future_ms: float,
    on_progress: Callable[[int], None] | None = None,
) -> Checked:
    """Fold the log's frames once, and compare the rankings' vectors with the replayed features.

    ``rankings`` are from ``rankings_with_vectors``; those are compared whose model is in ``specs``,
    which all have one layout, and whose width is the model's. ``on_progress`` is called with the
    number of events that were folded.
    """
    widths = pl.col("model").replace_strict(
        {model: len(spec.names) for model, spec in specs.items()},
        default=None,
        return_dtype=pl.Int64,
    )
    rankings = rankings.filter(pl.col("width") == widths)
    whole, columns = _union(specs)
    reads = _reads(rankings, whole.layout)
    rows = len(reads.items)
    mismatches, differences = 0, list[Difference]()
    logged = rankings.select("id", "model", "scored", "vectors")
    hooks = ReplayHooks(on_progress)
    for chunk in replay(frames, whole, reads, max_future_ms=max_future_ms, hooks=hooks):
        stops = np.cumsum(np.diff(reads.offsets)[chunk.lists]).tolist()
        for number, (start, stop) in zip(chunk.lists.tolist(), pairwise([0, *stops]), strict=True):
            ranking, model, items, vectors = logged.row(number)
            replayed = chunk.features[start:stop, columns[model]]
            served = np.frombuffer(vectors, "<f4").reshape(len(items), -1)
            unequal = _unequal(served, replayed)
            mismatches += len(unequal)
            differences += [
                Difference(
                    ranking=ranking,
                    item=items[row],
                    feature=specs[model].names[column],
                    served=float(served[row, column]),
                    replayed=float(replayed[row, column]),
                )
                for row, column in unequal[: MAX_SHOWN - len(differences)].tolist()
            ]
    return Checked(len(rankings), rows, mismatches, differences)


def _reads(rankings: pl.DataFrame, layout: Layout) -> Reads:
    """Input of a replay that reads rankings as served: at their cut, every item at the top."""
    requests = Requests()
    numbers = requests.numbered(rankings)
    items = hash_column(rankings["scored"].explode())
    return Reads(
        before=seen_before(rankings),
        user=hash_column(rankings["user"]),
        at=rankings["time"].cast(pl.Float64).to_numpy(writable=True),
        request=words_of_requests(requests.table(), layout)[numbers],
        offsets=offsets_of(rankings["scored"].list.len().to_numpy()),
        items=items,
        positions=np.full(len(items), SERVED_POSITION),
    )


def _union(specs: Mapping[str, FeatureSpec]) -> tuple[FeatureSpec, dict[str, NDArray[np.int64]]]:
    """One spec that reads all features of specs of one layout, and the columns of each."""
    features: dict[object, SpecFeature] = {}
    for spec in specs.values():
        for feature in spec.features:
            features.setdefault(feature.expression, feature)
    column_of = {expression: column for column, expression in enumerate(features)}
    columns = {
        model: np.array([column_of[feature.expression] for feature in spec.features], np.int64)
        for model, spec in specs.items()
    }
    first = next(iter(specs.values()))
    return msgspec.structs.replace(first, features=tuple(features.values())), columns


def _unequal(served: NDArray[np.float32], replayed: NDArray[np.float32]) -> NDArray[np.int64]:
    """The indices (row, column) where the bits differ, int64[m, 2]."""
    is_equal = served.view(np.uint32) == np.ascontiguousarray(replayed).view(np.uint32)
    is_equal |= np.isnan(served) & np.isnan(replayed)
    return np.argwhere(~is_equal)
