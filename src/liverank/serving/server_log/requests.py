"""Requests in the server's log: slow requests, or with an access log all requests.

Invariant: a line has no user id, and no part of a body or a query.
"""

import time

import msgspec

from liverank.serving.http.exchange import USERS_PATH, Answer, Request
from liverank.serving.server_log.events import write_event

MOST_SLOW_A_MINUTE = 10
"""Maximum number of slow requests written a minute; the next line counts the others."""


class _HasId(msgspec.Struct):
    """The id of a ranking's answer."""

    id: str | None = None


_decoder = msgspec.json.Decoder(_HasId)


class RequestLog:
    """The requests of one worker. Belongs to one event loop.

    A request that takes longer than ``slow_s`` is slow. With ``has_access_log``, all are written.
    """

    def __init__(self, *, slow_s: float, has_access_log: bool = False) -> None:
        self._slow_s = slow_s
        self._has_access_log = has_access_log
        self._minute_s = 0.0
        self._written = self._suppressed = 0

    def ended(self, request: Request, answer: Answer, route: str) -> None:
        """Record an answered request; ``users`` is never slow, since it may wait for a fold."""
        took_s = time.perf_counter() - request.read_at
        if self._has_access_log:
            self._write_request(request, answer, route, took_s)
        if took_s > self._slow_s and route != "users":
            self._write_slow(answer, route, took_s)

    def refused(self, status: int) -> None:
        """Record a request that was refused before it was complete."""
        if self._has_access_log:
            message = f"{status}, before the request was complete"
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
    """A path without the id of a user, for logs.

    >>> path_without_user("/v1/users/ann"), path_without_user("/v1/rank")
    ('/v1/users/...', '/v1/rank')
    """
    return f"{USERS_PATH}..." if path.startswith(USERS_PATH) else path


def _id_of(answer: Answer, route: str) -> str | None:
    """The id of the ranking in an answer, or None."""
    if route != "rank" or answer.status != 200:
        return None
    return _decoder.decode(answer.body).id
