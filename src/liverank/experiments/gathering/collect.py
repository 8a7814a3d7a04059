"""Reads the frames of the log once and returns ``Gathered``."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.experiments.gathering.codes import NONE, Numbers
from liverank.experiments.gathering.exposures import FORCED, NEVER, Exposures
from liverank.experiments.gathering.gathered import Arms, Events, Gathered, Segment
from liverank.experiments.gathering.grown import Grown
from liverank.experiments.gathering.interactions import Interactions
from liverank.experiments.gathering.user_fields import UserFields
from liverank.experiments.gathering.wanted import Wanted


def gather(frames: Iterable[pl.DataFrame], wanted: Wanted) -> Gathered:
    """Read frames of the log, with the columns ``wanted.columns``, in the order of the log.

    Memory: 14 bytes for each interaction that a metric needs (22 where values are summed), and
    about 100 bytes for each user.
    """
    reading = _Reading(wanted)
    for frame in frames:
        reading.take(frame)
    return reading.gathered()


class _Reading:
    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._users = Numbers()
        self._exposures = Exposures(wanted, self._users)
        self._interactions = Interactions(wanted)
        self._fields = UserFields(wanted.user_fields)
        self._first_seen = Grown(np.int64(NEVER))
        self._first_ms = NEVER
        self._last_ms = 0

    def take(self, frame: pl.DataFrame) -> None:
        if not frame.height:
            return
        times = frame["time"].to_numpy()
        self._first_ms = min(self._first_ms, int(times.min()))
        self._last_ms = max(self._last_ms, int(times.max()))
        users = self._users.of(frame["user"])
        named = users != NONE
        np.minimum.at(self._first_seen.upto(len(self._users)), users[named], times[named])
        kind = frame["event"]
        of_lists, of_acts = kind == "ranking", kind == "interaction"
        if of_lists.any():
            rankings, theirs = frame.filter(of_lists), users[of_lists.to_numpy()]
            self._exposures.take(rankings, theirs)
            if self._wanted.listed_as is not None:
                self._interactions.take_listed(rankings, theirs)
        if of_acts.any():
            self._interactions.take(frame.filter(of_acts), users[of_acts.to_numpy()])
        if self._wanted.user_fields:
            of_users = kind == "user"
            if of_users.any():
                self._fields.take(frame.filter(of_users), users[of_users.to_numpy()])

    def gathered(self) -> Gathered:
        """The gathered data, by unit."""
        exposures, count = self._exposures, len(self._users)
        units = exposures.exposed()
        names = exposures.variants()
        forced = [code for code, name in enumerate(names) if name.endswith(FORCED)]
        testers = exposures.were_in(units, forced)
        units = units[~testers]
        variant = exposures.variant(units)
        order = np.argsort(variant, kind="stable")
        units, variant = units[order], variant[order]
        index = np.full(exposures.unit_count, NONE, np.int32)
        index[units] = np.arange(len(units), dtype=np.int32)
        units_of_users = exposures.units_of_users()
        index_of_user = np.where(units_of_users >= 0, index[units_of_users], NONE).astype(np.int32)
        if not len(index):
            index_of_user = np.full(count, NONE, np.int32)
        exposed_ms = exposures.first_ms(units)
        arms = Arms(
            names=tuple(names),
            starts=np.searchsorted(variant, np.arange(len(names) + 1)).astype(np.int64),
        )
        return Gathered(
            wanted=self._wanted,
            arms=arms,
            exposed_ms=exposed_ms,
            is_new=self._new(index_of_user, exposed_ms),
            events=self._events(index_of_user, exposed_ms),
            segments=self._segments(units, index_of_user, exposed_ms),
            counts=self._interactions.counts,
            rankings=exposures.rankings,
            without_unit=exposures.without_unit,
            too_early=exposures.too_early,
            testers=int(testers.sum()),
            in_two_arms=int((exposures.variants_seen(units) > 1).sum()),
            without_value=self._interactions.without_value,
            log_from_ms=self._first_ms,
            log_to_ms=self._last_ms,
        )

    def _new(
        self, index_of_user: NDArray[np.int32], exposed_ms: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether the log has no event of a unit's users before its exposure, bool[units]."""
        seen = np.full(len(exposed_ms), NEVER, np.int64)
        inside = index_of_user != NONE
        first = self._first_seen.upto(len(index_of_user))
        np.minimum.at(seen, index_of_user[inside], first[inside])
        fresh: NDArray[np.bool_] = seen >= exposed_ms
        return fresh

    def _events(self, index_of_user: NDArray[np.int32], exposed_ms: NDArray[np.int64]) -> Events:
        """The interactions of exposed units, by type and time."""
        pieces: dict[str, list[NDArray[Any]]] = {}
        for rows in self._interactions.pieces():
            index = index_of_user[rows.user]
            inside = index != NONE
            columns: dict[str, NDArray[Any] | None] = {
                "unit": index,
                "time_ms": rows.time_ms,
                "type": rows.type,
                "value": rows.value,
            }
            if self._wanted.listed_as is not None:
                ones = np.ones(len(index), np.int32) if rows.count is None else rows.count
                columns["count"] = ones
            for name, column in columns.items():
                if column is not None:
                    pieces.setdefault(name, []).append(column[inside])
        if not pieces:
            return Events.none(self._interactions.types_of)
        types, times = np.concatenate(pieces["type"]), np.concatenate(pieces["time_ms"])
        order = np.lexsort((times, types))
        unit = np.concatenate(pieces["unit"])[order]
        times = times[order]
        codes = np.arange(len(self._interactions.types_of(())) + 1)
        rest = {
            name: np.concatenate(pieces[name])[order]
            for name in ("value", "count")
            if name in pieces
        }
        return Events(
            unit=unit,
            time_ms=times,
            since_ms=times - exposed_ms[unit],
            starts=np.searchsorted(types[order], codes).astype(np.int64),
            value=rest.get("value"),
            count=rest.get("count"),
            types_of=self._interactions.types_of,
        )

    def _segments(
        self,
        units: NDArray[np.int32],
        index_of_user: NDArray[np.int32],
        exposed_ms: NDArray[np.int64],
    ) -> tuple[Segment, ...]:
        found = []
        for name in self._exposures.segment_names:
            texts, codes = self._exposures.labels(name, units)
            found.append(Segment(name, tuple(texts), codes))
        users = np.flatnonzero(index_of_user != NONE)
        for name in self._wanted.user_fields:
            moments = np.full(len(index_of_user), -1, np.int64)
            moments[users] = exposed_ms[index_of_user[users]]
            texts, of_users = self._fields.at(name, moments)
            codes = np.full(len(units), NONE, np.int32)
            codes[index_of_user[users]] = of_users[users]
            found.append(Segment(name, tuple(texts), codes))
        return tuple(found)
