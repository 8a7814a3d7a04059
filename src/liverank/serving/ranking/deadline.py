"""Deadlines: decide if a request is ranked by the model, by popularity, or refused.

A request that has waited for half of its deadline, or that the model cannot rank in the rest of it,
is ranked by popularity, which is cheap. During an overload (requests have waited that long for
0.25 s without a break), a request that has waited for nearly all of its deadline is refused,
because any answer would be too late. A short delay therefore causes no refusals.
Invariant: time is an argument; the module reads no clock.
"""

from typing import Protocol

from liverank.serving.ranking.ranker import NO_LIMIT, TimeLimit

_SKIP_MODEL_SHARE = 0.5
"""Share of the deadline after which a waiting request is ranked by popularity."""
_REFUSE_SHARE = 0.9
"""Share of the deadline after which a request is refused during an overload."""
_MIN_STATE_WAIT_S = 0.005
"""Minimum time that a request waits for state while a batch is being folded."""
_LEARNING_RATE = 0.05
"""Weight of the latest ranking in the moving average of the time per candidate."""
_DECAY = 0.02
"""Share by which the average falls with each list for which it ruled out the model."""
_MIN_MEASURED = 500
"""Minimum number of candidates of a ranking for measuring the time per candidate."""
_UNLIMITED = TimeLimit(None, 3600.0)
_OVERLOAD_S = 0.25
"""Seconds for which requests must have waited too long before any is refused."""


class DeadlinePolicy(Protocol):
    """Decides how requests that have waited are ranked."""

    def record_ranking(self, candidates: int, took_s: float) -> None:
        """Record how long a ranking by the model took."""

    def time_limit(
        self, *, now_s: float, waited_s: float, deadline_s: float, candidates: int
    ) -> TimeLimit | None:
        """How to rank a request that has waited ``waited_s``; None means: refuse it."""


class NoDeadline:
    """Ranks every request by the model, however long it has waited: for simulated time.

    >>> limit = NoDeadline().time_limit(now_s=0, waited_s=9, deadline_s=0.05, candidates=55)
    >>> limit.skip_reason is None
    True
    """

    def record_ranking(self, candidates: int, took_s: float) -> None:
        """Does nothing: no decision depends on it."""

    def time_limit(  # noqa: D102  # documented in DeadlinePolicy
        self,
        *,
        now_s: float,  # noqa: ARG002  # part of the protocol
        waited_s: float,  # noqa: ARG002
        deadline_s: float,  # noqa: ARG002
        candidates: int,  # noqa: ARG002
    ) -> TimeLimit | None:
        return _UNLIMITED


class EnforcedDeadline:
    """Estimates the model's time per candidate, and detects overload.

    >>> deadline = EnforcedDeadline()
    >>> deadline.expected_s(1000)
    0.0
    >>> deadline.record_ranking(1000, 0.002)
    >>> deadline.expected_s(3000)
    0.006
    """

    def __init__(self) -> None:
        self._candidate_s: float | None = None
        self._late_since_s: float | None = None

    def expected_s(self, candidates: int) -> float:
        """Expected time of a ranking by the model, in seconds; 0 before the first measurement."""
        return 0.0 if self._candidate_s is None else candidates * self._candidate_s

    def record_ranking(self, candidates: int, took_s: float) -> None:
        """Record how long a ranking by the model took; short lists are ignored as too noisy."""
        if candidates < _MIN_MEASURED:
            return
        measured_s = took_s / candidates
        before_s = measured_s if self._candidate_s is None else self._candidate_s
        self._candidate_s = before_s + _LEARNING_RATE * (measured_s - before_s)

    def _decay_estimate(self) -> None:
        """Lower the estimate a little, so that long lists are tried by the model again."""
        if self._candidate_s is not None:
            self._candidate_s *= 1.0 - _DECAY

    def time_limit(
        self, *, now_s: float, waited_s: float, deadline_s: float, candidates: int
    ) -> TimeLimit | None:
        """How to rank a request that has waited ``waited_s``; None means: refuse it.

        ``now_s`` is the time of any monotonic clock.

        >>> times = {"waited_s": 0.03, "deadline_s": 0.05, "candidates": 55}
        >>> EnforcedDeadline().time_limit(now_s=0, **times).skip_reason
        'the server is busy: 30 of the 50 ms of the deadline had passed'
        """
        left_s = deadline_s - waited_s
        if waited_s <= _SKIP_MODEL_SHARE * deadline_s:
            self._late_since_s = None
            expected_s = self.expected_s(candidates)
            if expected_s <= left_s:
                return TimeLimit(None, left_s) if left_s < NO_LIMIT.state_wait_s else NO_LIMIT
            self._decay_estimate()
            return TimeLimit(
                f"the model needs about {1e3 * expected_s:.0f} ms for so many candidates, and "
                f"{1e3 * left_s:.0f} ms were left",
                left_s,
            )
        if self._late_since_s is None:
            self._late_since_s = now_s
        is_overloaded = now_s - self._late_since_s > _OVERLOAD_S
        if is_overloaded and waited_s > _REFUSE_SHARE * deadline_s:
            return None
        return TimeLimit(
            f"the server is busy: {1e3 * waited_s:.0f} of the {1e3 * deadline_s:.0f} ms of the "
            "deadline had passed",
            max(left_s, _MIN_STATE_WAIT_S),
        )
