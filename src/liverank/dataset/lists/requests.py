"""The distinct requests of rankings or interactions, numbered in order of occurrence."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.features.hashing import hash_ids


@dataclass(slots=True)
class Requests:
    """The distinct requests of rankings or interactions: fields (JSON or None) and surface."""

    numbers: dict[tuple[str | None, str | None], int] = field(default_factory=dict)

    def numbered(self, frame: pl.DataFrame) -> NDArray[np.int64]:
        """The number of each row's request in the table, int64[n]; new requests are added."""
        pairs = frame.select("fields", "surface")
        distinct = pairs.unique(maintain_order=True)
        numbers = [
            self.numbers.setdefault(pair, len(self.numbers)) for pair in distinct.iter_rows()
        ]
        found = pairs.join(
            distinct.with_columns(number=pl.Series(numbers, dtype=pl.Int64)),
            on=["fields", "surface"],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        return found["number"].to_numpy(writable=True)

    def hashes(self) -> NDArray[np.uint64]:
        """A hash of each request, which does not depend on their numbers."""
        return hash_ids([repr(pair) for pair in self.numbers])

    def table(self) -> pl.DataFrame:
        """The requests in order of their numbers: fields, surface."""
        return pl.DataFrame(
            list(self.numbers),
            schema={"fields": pl.String, "surface": pl.String},
            orient="row",
        )
