"""When an answer would come too late, and what is answered instead.

A request that waited for half of its deadline, or that a model could not answer in the rest of it,
is answered by popularity, which is cheap. Where requests have waited so long for a while, even that
is too much: then one that waited for nearly all of its deadline is refused, as any answer would be
too late. So what is answered is answered in time, however many ask, and a moment's delay refuses
nobody. Invariant: nothing here reads a clock.
"""

from typing import Protocol

from liverank.serving.ranking.ranker import NO_HASTE, Haste

_HASTY = 0.5
"""The share of the deadline after which a request that still waits is answered by popularity."""
_TOO_LATE = 0.9
"""The share of the deadline after which it is refused."""
_LEAST_PATIENCE_S = 0.005
"""How long any request waits for state while a batch is being folded."""
_LEARNS = 0.05
"""How much the latest ranking counts in what rankings take."""
_FORGETS = 0.02
"""By how much the estimate falls with each list that it kept from the model."""
_LONG = 500
"""Candidates from which on a ranking tells what one more of them takes."""
_ALL_THE_TIME = Haste(None, 3600.0)
_OVERLOAD_S = 0.25
"""For how long requests must have waited too long before any is refused."""


class Pacing(Protocol):
    """How requests are answered that have waited."""

    def learn(self, candidates: int, took_s: float) -> None:
        """Learn that a ranking took so long."""

    def haste_of(
        self, *, now_s: float, waited_s: float, deadline_s: float, candidates: int
    ) -> Haste | None:
        """How to answer a request that waited so long; None where it is to be refused."""


class NoDeadline:
    """Every request is answered by what ranks, however long it has waited: for simulated time.

    >>> NoDeadline().haste_of(now_s=0, waited_s=9, deadline_s=0.05, candidates=55).reason is None
    True
    """

    def learn(self, candidates: int, took_s: float) -> None:
        """Nothing depends on it."""

    def haste_of(  # noqa: D102  # the contract says it
        self,
        *,
        now_s: float,  # noqa: ARG002  # the contract
        waited_s: float,  # noqa: ARG002
        deadline_s: float,  # noqa: ARG002
        candidates: int,  # noqa: ARG002
    ) -> Haste | None:
        return _ALL_THE_TIME


class Pace:
    """What a ranking by the model takes, and whether requests wait too long.

    >>> pace = Pace()
    >>> pace.needs_s(1000)
    0.0
    >>> pace.learn(1000, 0.002)
    >>> pace.needs_s(3000)
    0.006
    """

    def __init__(self) -> None:
        self._candidate_s: float | None = None
        self._waiting_since_s: float | None = None

    def needs_s(self, candidates: int) -> float:
        """How long a ranking of so many candidates will take; 0 before the first."""
        return 0.0 if self._candidate_s is None else candidates * self._candidate_s

    def learn(self, candidates: int, took_s: float) -> None:
        """Learn that a ranking took so long. Short lists say little, and are left out."""
        if candidates < _LONG:
            return
        of_one_s = took_s / candidates
        before_s = of_one_s if self._candidate_s is None else self._candidate_s
        self._candidate_s = before_s + _LEARNS * (of_one_s - before_s)

    def _forget_slowly(self) -> None:
        """Believe a little less in what long lists took: else none would ever be tried again."""
        if self._candidate_s is not None:
            self._candidate_s *= 1.0 - _FORGETS

    def haste_of(
        self, *, now_s: float, waited_s: float, deadline_s: float, candidates: int
    ) -> Haste | None:
        """How to answer a request that waited so long; None where it is to be refused.

        ``now_s`` is of any clock that goes on steadily.

        >>> waits = {"waited_s": 0.03, "deadline_s": 0.05, "candidates": 55}
        >>> Pace().haste_of(now_s=0, **waits).reason
        'the server is busy: 30 of the 50 ms of the deadline had passed'
        """
        left_s = deadline_s - waited_s
        if waited_s <= _HASTY * deadline_s:
            self._waiting_since_s = None
            needs_s = self.needs_s(candidates)
            if needs_s <= left_s:
                return Haste(None, left_s) if left_s < NO_HASTE.patience_s else NO_HASTE
            self._forget_slowly()
            return Haste(
                f"the model needs about {1e3 * needs_s:.0f} ms for so many candidates, and "
                f"{1e3 * left_s:.0f} ms were left",
                left_s,
            )
        if self._waiting_since_s is None:
            self._waiting_since_s = now_s
        is_overloaded = now_s - self._waiting_since_s > _OVERLOAD_S
        if is_overloaded and waited_s > _TOO_LATE * deadline_s:
            return None
        return Haste(
            f"the server is busy: {1e3 * waited_s:.0f} of the {1e3 * deadline_s:.0f} ms of the "
            "deadline had passed",
            max(left_s, _LEAST_PATIENCE_S),
        )
