"""The first exposure of each unit: its time, variant and request.

Invariant: of several rankings with the same time, the first in the log counts, so the result does
not depend on how the log is divided into frames.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.experiments.gathering.codes import NONE, Codes, Numbers
from liverank.experiments.gathering.grown import Grown
from liverank.experiments.gathering.json_fields import field_of
from liverank.experiments.gathering.wanted import ANYBODY, Wanted

NEVER = np.iinfo(np.int64).max
MAX_VARIANTS = 63
FORCED = "!"
"""Suffix of the variant of a ranking that was forced for a tester."""
SURFACE = "surface"
"""Name of the segment by the surface of the exposure."""


class Exposures:
    """Collects the rankings of an experiment and keeps the first of each unit.

    ``variants`` are names as logged, without the experiment's name; they include ``holdout`` and
    forced ones (ending with ``!``).
    """

    def __init__(self, wanted: Wanted, users: Numbers) -> None:
        self._wanted = wanted
        self._users = users
        self._units = users if wanted.unit_field is None else Numbers()
        self._variants: dict[str, int] = {}
        self._first = Grown(np.int64(NEVER))
        self._variant = Grown(np.int16(NONE))
        self._seen_variants = Grown(np.uint64(0))
        self._user_first = Grown(np.int64(NEVER))
        self._user_unit = Grown(np.int32(NONE))
        self._labels = {name: (Codes(), Grown(np.int32(NONE))) for name in self.segment_names}
        self.rankings = 0
        """Rankings of the experiment, exposures or later ones."""
        self.without_unit = 0
        """Rankings whose request lacks the field that names the unit."""
        self.too_early = 0
        """Rankings of the experiment before its start."""

    @property
    def segment_names(self) -> tuple[str, ...]:
        """The names of the segments by request field."""
        return (SURFACE, *self._wanted.request_fields)

    def take(self, rankings: pl.DataFrame, users: NDArray[np.int32]) -> None:
        """Add ranking events in the log's order; ``users`` are the codes of their users."""
        ours = self._ours(rankings)
        rankings, users = rankings.filter(ours), users[ours.to_numpy()]
        if self._wanted.from_ms is not None:
            in_time = rankings["time"] >= self._wanted.from_ms
            self.too_early += int((~in_time).sum())
            rankings, users = rankings.filter(in_time), users[in_time.to_numpy()]
        if self._wanted.until_ms is not None:
            in_time = rankings["time"] <= self._wanted.until_ms
            rankings, users = rankings.filter(in_time), users[in_time.to_numpy()]
        if not rankings.height:
            return
        self.rankings += rankings.height
        units = users
        if self._wanted.unit_field is not None:
            units = self._units.of(field_of(rankings["fields"], self._wanted.unit_field))
            named = units != NONE
            self.without_unit += int((~named).sum())
            rankings, users, units = rankings.filter(pl.Series(named)), users[named], units[named]
        times = rankings["time"].to_numpy()
        variants = self._variant_codes(rankings)
        bits = np.left_shift(np.uint64(1), variants.astype(np.uint64))
        np.bitwise_or.at(self._seen_variants.upto(len(self._units)), units, bits)
        self._take_first(rankings, units, times, variants)
        if self._wanted.unit_field is not None:
            rows, numbers = _firsts(users, times)
            known = self._user_first.upto(len(self._users))
            sooner = times[rows] < known[numbers]
            known[numbers[sooner]] = times[rows[sooner]]
            self._user_unit.upto(len(self._users))[numbers[sooner]] = units[rows[sooner]]

    def _take_first(
        self,
        rankings: pl.DataFrame,
        units: NDArray[np.int32],
        times: NDArray[np.int64],
        variants: NDArray[np.int16],
    ) -> None:
        rows, numbers = _firsts(units, times)
        count = len(self._units)
        first = self._first.upto(count)
        sooner = times[rows] < first[numbers]
        rows, numbers = rows[sooner], numbers[sooner]
        first[numbers] = times[rows]
        self._variant.upto(count)[numbers] = variants[rows]
        exposing = rankings[rows]
        for name, (codes, labels) in self._labels.items():
            texts = exposing[SURFACE] if name == SURFACE else field_of(exposing["fields"], name)
            labels.upto(count)[numbers] = codes.of(texts)

    def _ours(self, rankings: pl.DataFrame) -> pl.Series:
        ours = pl.repeat(value=True, n=rankings.height, dtype=pl.Boolean, eager=True)
        if self._wanted.experiment is not None:
            ours = rankings["variant"].str.starts_with(f"{self._wanted.experiment}:")
        if self._wanted.surface is not None:
            ours = ours & (rankings["surface"] == self._wanted.surface)
        return ours.fill_null(value=False)

    def _variant_codes(self, rankings: pl.DataFrame) -> NDArray[np.int16]:
        if self._wanted.experiment is None:
            self._variants[ANYBODY] = 0
            return np.zeros(rankings.height, np.int16)
        logged = rankings["variant"]
        names = {
            text: text[len(self._wanted.experiment) + 1 :]
            for text in logged.unique(maintain_order=True).to_list()
        }
        for name in names.values():
            if len(self._variants) < MAX_VARIANTS:
                self._variants.setdefault(name, len(self._variants))
        numbers = {text: self._variants.get(name, MAX_VARIANTS) for text, name in names.items()}
        codes: NDArray[np.int16] = logged.replace_strict(numbers, return_dtype=pl.Int16).to_numpy()
        return codes

    def variants(self) -> list[str]:
        """The names of the variants, in the order of their codes."""
        return list(self._variants)

    def exposed(self) -> NDArray[np.int32]:
        """The units with an exposure, in order of its time."""
        first = self._first.upto(len(self._units))
        units = np.flatnonzero(first != NEVER)
        return units[np.argsort(first[units], kind="stable")].astype(np.int32)

    def first_ms(self, units: NDArray[np.int32]) -> NDArray[np.int64]:
        """The time of each unit's first exposure."""
        return self._first.upto(len(self._units))[units]

    def variant(self, units: NDArray[np.int32]) -> NDArray[np.int16]:
        """The code of the variant of each unit's first exposure."""
        return self._variant.upto(len(self._units))[units]

    def were_in(self, units: NDArray[np.int32], variants: list[int]) -> NDArray[np.bool_]:
        """Whether any ranking of each unit was of one of these variants."""
        bits = np.uint64(sum(1 << code for code in variants))
        found: NDArray[np.bool_] = (self._seen_variants.upto(len(self._units))[units] & bits) != 0
        return found

    def variants_seen(self, units: NDArray[np.int32]) -> NDArray[np.uint8]:
        """The number of variants that each unit was served."""
        seen: NDArray[np.uint8] = np.bitwise_count(
            self._seen_variants.upto(len(self._units))[units]
        )
        return seen

    def labels(self, name: str, units: NDArray[np.int32]) -> tuple[list[str], NDArray[np.int32]]:
        """The texts of a segment's levels, and the code of each unit's; NONE where unknown."""
        codes, labels = self._labels[name]
        return codes.texts(), labels.upto(len(self._units))[units]

    def units_of_users(self) -> NDArray[np.int32]:
        """The unit of each user at the user's first exposure, ``int32[n_users]``."""
        if self._wanted.unit_field is None:
            return np.arange(len(self._users), dtype=np.int32)
        return self._user_unit.upto(len(self._users))

    @property
    def unit_count(self) -> int:
        """Number of units, exposed or not."""
        return len(self._units)


def _firsts(
    keys: NDArray[np.int32], times: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """The row of the earliest time for each distinct key (the first of ties), and the keys."""
    order = np.lexsort((times, keys))
    sorted_keys = keys[order]
    begins = np.ones(len(order), bool)
    begins[1:] = sorted_keys[1:] != sorted_keys[:-1]
    rows = order[begins]
    return rows, keys[rows]
