"""Checks of items and users: items with an odd start or end, users without a `user` event."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.events.checks.finding import CheckSetup, Finding, Severity
from liverank.events.checks.hashed import HashIndex, HashSet, hashes_of

_NAMES = 50_000
"""Number of names kept for examples: the first odd ones."""
_NEVER_STARTED, _NEVER_ENDED = np.iinfo(np.int64).max, np.int64(-1)


class Lives:
    """The first start and the last end of each item: 36 bytes for each."""

    def __init__(self, setup: CheckSetup) -> None:
        self._expire_after = setup.config.serving.expire_after
        self._index = HashIndex()
        self._seen = 0
        self._start = np.empty(0, np.int64)
        self._end = np.empty(0, np.int64)
        self._row = np.empty(0, np.int64)
        self._names = {name: _no_names() for name in ("crossed", "unstarted", "unended")}

    def feed(self, frame: pl.DataFrame) -> None:
        """See ``Check``."""
        lives = (
            frame.lazy()
            .with_row_index("row", offset=self._seen)
            .filter(pl.col("event") == "item")
            .group_by("item")
            .agg(
                start=pl.col("time").filter(pl.col("state") == "started").min(),
                end=pl.col("time").filter(pl.col("state") == "ended").max(),
                row=pl.col("row").min().cast(pl.Int64),
            )
            .collect()
        )
        self._seen += frame.height
        if lives.is_empty():
            return
        items = self._index.number(hashes_of(lives["item"]))
        self._grow()
        started = lives["start"].fill_null(_NEVER_STARTED).to_numpy()
        ended = lives["end"].fill_null(int(_NEVER_ENDED)).to_numpy()
        self._start[items] = np.minimum(self._start[items], started)
        self._end[items] = np.maximum(self._end[items], ended)
        self._row[items] = np.minimum(self._row[items], lives["row"].to_numpy())
        touched = pl.DataFrame(
            {"item": pl.Series(items, dtype=pl.Int64), "text": lives["item"]}
        ).with_columns(row=pl.Series(self._row[items], dtype=pl.Int64))
        for name, is_odd in self._oddities(items).items():
            others = self._names[name].join(touched, on="item", how="anti")
            both = pl.concat([others, touched.filter(pl.Series(is_odd))])
            self._names[name] = both.bottom_k(_NAMES, by="row")

    def findings(self) -> list[Finding]:
        """See ``Check``."""
        found = [
            self._finding(
                "crossed", "ends_before_starts", "warning", "items ended before they started"
            ),
            self._finding(
                "unstarted",
                "items_never_started",
                "info",
                "items ended without a start; their age is unknown",
            ),
        ]
        if (self._end[: self._index.size] != _NEVER_ENDED).any():  # else no end was ever sent
            message = (
                "items have not ended; each is served until `serving.expire_after` "
                f"({self._expire_after}) after it was last heard of"
            )
            found.append(self._finding("unended", "items_never_ended", "info", message))
        return [finding for finding in found if finding.count]

    def _oddities(self, items: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
        """For each oddity, which of the items have it so far, bool[n]."""
        start, end = self._start[items], self._end[items]
        has_start, has_end = start != _NEVER_STARTED, end != _NEVER_ENDED
        return {
            "crossed": has_start & has_end & (end < start),
            "unstarted": ~has_start & has_end,
            "unended": has_start & ~has_end,
        }

    def _finding(self, oddity: str, name: str, severity: Severity, message: str) -> Finding:
        odd = self._oddities(np.arange(self._index.size))[oddity]
        names = self._names[oddity].sort("row")["text"].head(3)
        return Finding(
            name=name,
            severity=severity,
            message=message,
            count=int(odd.sum()),
            examples=tuple(names),
        )

    def _grow(self) -> None:
        """Make the arrays long enough for all numbered items, and at least double their length."""
        length, wanted = len(self._start), self._index.size
        if wanted > length:
            more = max(wanted, 2 * length) - length
            self._start = np.append(self._start, np.full(more, _NEVER_STARTED))
            self._end = np.append(self._end, np.full(more, _NEVER_ENDED))
            self._row = np.append(self._row, np.full(more, np.iinfo(np.int64).max))


class UsersNeverIntroduced:
    """Users who act but have no ``user`` event, where other users have one."""

    def __init__(self, _: CheckSetup) -> None:
        self._known = HashSet()
        self._acting = HashSet()
        self._names = pl.Series("user", [], pl.String)
        """The alphabetically first of the users who are unknown so far."""

    def feed(self, frame: pl.DataFrame) -> None:
        """See ``Check``."""
        known = frame.filter(pl.col("event") == "user")["user"].unique()
        self._known.add(hashes_of(known))
        is_act = pl.col("event").is_in(["interaction", "ranking"])
        acting = frame.filter(is_act)["user"].unique()
        new = acting.filter(pl.Series(self._acting.add(hashes_of(acting))))
        names = pl.concat([self._names, new]).sort()
        self._names = names.filter(pl.Series(~self._known.has(hashes_of(names)))).head(_NAMES)

    def findings(self) -> list[Finding]:
        """See ``Check``."""
        unknown = int((~self._known.has(self._acting.all())).sum())
        if not unknown or not len(self._known.all()):
            return []
        return [
            Finding(
                name="users_never_introduced",
                severity="info",
                message="users act without a `user` event; their user fields are unknown",
                count=unknown,
                examples=tuple(self._names.head(3)),
            )
        ]


def _no_names() -> pl.DataFrame:
    return pl.DataFrame(schema={"item": pl.Int64, "text": pl.String, "row": pl.Int64})
