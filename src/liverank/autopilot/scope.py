"""What of a log a training may learn from: until when, and without which rankings.

Invariant: only rankings are left out; all other events stay, so that features of the remaining
lists are as they were served.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.dataset.lists.lists import Lists
from liverank.features.hashing import hash_id


@dataclass(frozen=True, slots=True)
class Excluded:
    """Rankings that are not learned from: those of some users, and those of some stretches of time.

    ``stretches_ms`` are pairs of Unix ms: from the first, to before the second.

    >>> Excluded(users=frozenset({"bot7"}), stretches_ms=((0, 60_000),)).user_hashes
    ('fa35645c29bc93e2',)
    """

    users: frozenset[str] = frozenset()
    stretches_ms: tuple[tuple[int, int], ...] = ()

    @property
    def user_hashes(self) -> tuple[str, ...]:
        """The users as 16 hex digits of the hashes that features use, in order: no names."""
        return tuple(sorted(f"{hash_id(user):016x}" for user in self.users))

    def collects(
        self, frame: pl.DataFrame, at: NDArray[np.float64], *, window_ms: float
    ) -> NDArray[np.bool_]:
        """Which of these events to collect from, bool[n]: all but excluded rankings.

        ``at`` float64[n] are the events' effective times, Unix ms. An excluded ranking in the first
        ``window_ms``, the longest window of a label, of a stretch is collected all the same, as it
        may have drawn successes that would else count for a ranking before the stretch;
        ``remaining`` leaves it out.
        """
        is_left_out = self._in_stretches(at, after_ms=window_ms)
        if self.users:
            of_users = frame["user"].is_in(list(self.users)).fill_null(value=False)
            is_left_out |= of_users.to_numpy()
        is_ranking: NDArray[np.bool_] = (frame["event"] == "ranking").to_numpy()
        return ~(is_left_out & is_ranking)

    def remaining(self, lists: Lists) -> Lists:
        """The lists of these that may be learned from; ``Lists.total`` counts no others."""
        users = np.array([hash_id(user) for user in self.users], np.uint64)
        kept = ~(self._in_stretches(lists.reads.at) | np.isin(lists.reads.user, users))
        left_out = int(np.count_nonzero(~kept))
        return replace(lists.take(kept), total=lists.total - left_out) if left_out else lists

    def _in_stretches(self, at: NDArray[np.float64], *, after_ms: float = 0.0) -> NDArray[np.bool_]:
        """Whether each time is in a stretch and at least ``after_ms`` after its start, bool[n]."""
        inside = np.zeros(len(at), np.bool_)
        for from_ms, to_ms in self.stretches_ms:
            inside |= (at >= from_ms + after_ms) & (at < to_ms)
        return inside


@dataclass(frozen=True, slots=True)
class Scope:
    """What a training may learn from.

    ``before_ms``  only lists served before this time (Unix ms), with labels known by then
    ``excluded``   rankings of that time that are not learned from
    """

    before_ms: float = np.inf
    excluded: Excluded = Excluded()


WHOLE_LOG = Scope()
"""All rankings up to the log's end."""
