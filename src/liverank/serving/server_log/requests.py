"""Requests in the server's log: those that were slow, and by choice each of them.

Invariant: what is written names no user, and holds nothing of a body or a query.
"""

import time

import msgspec

from liverank.serving.http.exchange import Answer, Request
from liverank.serving.server_log.events import write_event

MOST_SLOW_A_MINUTE = 10
"""More slow requests are counted, and their number is written with the next."""


class _HasId(msgspec.Struct):
    """The part of a ranking that names it."""

    id: str | None = None


_USERS = "/v1/users/"
_decoder = msgspec.json.Decoder(_HasId)


class RequestLog:
    """The requests of one worker. Belongs to one event loop.

    ``slow_s`` is what a request may take; with ``has_access_log``, each is written.
    """

    def __init__(self, *, slow_s: float, has_access_log: bool = False) -> None:
        self._slow_s = slow_s
        self._has_access_log = has_access_log
        self._minute_s = 0.0
        self._written = self._suppressed = 0

    def ended(self, request: Request, answer: Answer, route: str) -> None:
        """Take note of a request that was answered; ``users`` may take as long as a fold does."""
        took_s = time.perf_counter() - request.read_at
        if self._has_access_log:
            self._write_request(request, answer, route, took_s)
        if took_s > self._slow_s and route != "users":
            self._write_slow(answer, route, took_s)

    def refused(self, status: int) -> None:
        """Take note of a request that was refused before it was whole."""
        if self._has_access_log:
            message = f"{status}, before the request was whole"
            write_event("request", message, route="other", status=status)

    def _write_request(self, request: Request, answer: Answer, route: str, took_s: float) -> None:
        path = path_without_user(request.path)
        write_event(
            "request",
            f"{request.method} {path} {answer.status}, {1000 * took_s:.1f} ms",
            method=request.method,
            path=path,
            route=route,
            status=answer.status,
            ms=round(1000 * took_s, 3),
            body_bytes=len(request.body),
            answer_bytes=len(answer.body),
            request_id=_id_of(answer, route),
        )

    def _write_slow(self, answer: Answer, route: str, took_s: float) -> None:
        now_s = time.perf_counter()
        if now_s - self._minute_s >= 60:
            self._minute_s, self._written = now_s, 0
        if self._written >= MOST_SLOW_A_MINUTE:
            self._suppressed += 1
            return
        self._written += 1
        suppressed, self._suppressed = self._suppressed, 0
        and_more = f"; {suppressed:,} more in the minute before" if suppressed else ""
        write_event(
            "slow_request",
            f"{route} was answered with {answer.status} after {took_s:.2f} s{and_more}",
            route=route,
            status=answer.status,
            ms=round(1000 * took_s, 3),
            request_id=_id_of(answer, route),
            suppressed=suppressed,
        )


def path_without_user(path: str) -> str:
    """A path as it may stand in a log.

    >>> path_without_user("/v1/users/ann"), path_without_user("/v1/rank")
    ('/v1/users/...', '/v1/rank')
    """
    return f"{_USERS}..." if path.startswith(_USERS) else path


def _id_of(answer: Answer, route: str) -> str | None:
    """The id of the ranking that an answer holds, or None."""
    if route != "rank" or answer.status != 200:
        return None
    return _decoder.decode(answer.body).id
