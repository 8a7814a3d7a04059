"""Finds the endpoint of a request, turns errors into answers, and counts and logs each answer.

Invariant: every answer except that of ``/metrics`` is JSON; a refusal states the location of the
error in the request, and the error.
"""

from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from liverank.errors import LogError, StateError
from liverank.quantities import duration_ms
from liverank.serving.health import HealthReporter
from liverank.serving.http.endpoints import ENDPOINTS
from liverank.serving.http.endpoints.endpoint import (
    Endpoint,
    EndpointContext,
    Reply,
    method_not_allowed,
    not_found,
)
from liverank.serving.http.exchange import Answer, Request, problem_answer
from liverank.serving.http.messages import BadRequestError, ErrorResponse, Problem
from liverank.serving.processes.board import ROUTES, STATUSES
from liverank.serving.server_log.refusals import kind_of
from liverank.serving.server_log.requests import RequestLog
from liverank.serving.service import Service

_EXACT = {endpoint.path: endpoint for endpoint in ENDPOINTS if not endpoint.path.endswith("/")}
_PREFIXED = tuple(endpoint for endpoint in ENDPOINTS if endpoint.path.endswith("/"))
_ROUTE_INDEXES = {route: index for index, route in enumerate(ROUTES)}
_STATUS_INDEXES = {status: index for index, status in enumerate(STATUSES)}
_error_decoder = msgspec.json.Decoder(ErrorResponse)


class Routes:
    """Answers the requests of one worker. Belongs to one event loop.

    With ``has_access_log``, each request is written to the server's log.
    """

    def __init__(
        self, service: Service, health: HealthReporter, *, has_access_log: bool = False
    ) -> None:
        self._service = service
        self._requests = service.counts["requests"]
        slow_s = duration_ms(service.config.serving.slow_request) / 1000
        self._log = RequestLog(slow_s=slow_s, has_access_log=has_access_log)
        self._long_lists = ThreadPoolExecutor(1, thread_name_prefix="long-list")
        self._context = EndpointContext(service, health, self._long_lists)

    def __call__(self, request: Request) -> Reply:
        """The answer to a request, now or as a coroutine."""
        endpoint = _EXACT.get(request.path) or _prefixed_endpoint(request.path)
        if endpoint is None:
            answer = not_found(request, "see docs/serving.md for the routes")
            return self._finish(request, answer, "other")
        route = endpoint.counted_as
        if endpoint.methods and request.method not in endpoint.methods:
            return self._finish(request, method_not_allowed(request, endpoint.methods), route)
        try:
            reply = endpoint.handler(self._context, request)
        except (BadRequestError, LogError, StateError) as error:
            reply = _error_answer(error)
        if isinstance(reply, Answer):
            return self._finish(request, reply, route)
        return self._finish_later(request, reply, route)

    def count_refused(self, status: int) -> None:
        """Count a request that the protocol refused before it was complete."""
        self._count("other", status)
        self._log.refused(status)

    def close(self) -> None:
        """Start no further long list; one that is being made ends with the process."""
        self._long_lists.shutdown(wait=False, cancel_futures=True)

    async def _finish_later(
        self, request: Request, reply: Coroutine[Any, Any, Answer], route: str
    ) -> Answer:
        try:
            answer = await reply
        except (BadRequestError, LogError, StateError) as error:
            answer = _error_answer(error)
        return self._finish(request, answer, route)

    def _finish(self, request: Request, answer: Answer, route: str) -> Answer:
        """Count and log an answer; returns it."""
        self._count(route, answer.status)
        if answer.status >= 400 and route != "health":
            problem = _error_decoder.decode(answer.body).error
            kind = kind_of(route, answer.status)
            self._service.last_refused[kind] = f"{problem.where}: {problem.what}"
        self._log.ended(request, answer, route)
        return answer

    def _count(self, route: str, status: int) -> None:
        status_index = _STATUS_INDEXES.get(status, len(STATUSES) - 1)
        self._requests[_ROUTE_INDEXES[route], status_index] += 1


def _prefixed_endpoint(path: str) -> Endpoint | None:
    return next((one for one in _PREFIXED if path.startswith(one.path)), None)


def _error_answer(error: BadRequestError | LogError | StateError) -> Answer:
    if isinstance(error, BadRequestError):
        return problem_answer(error.status, error.problem)
    where = "log" if isinstance(error, LogError) else "state"
    return problem_answer(500, Problem(where=where, what=str(error)))
