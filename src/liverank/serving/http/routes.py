"""The routes of a worker: a request in, an answer out.

Invariant: every answer but ``/metrics`` is JSON; a refusal says where in the request and what is
wrong.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import msgspec

from liverank.errors import LogError, StateError
from liverank.quantities import duration_ms
from liverank.serving.health import HealthReporter
from liverank.serving.http.exchange import (
    Answer,
    Request,
    in_pieces,
    json_answer,
    problem_answer,
)
from liverank.serving.http.messages import (
    BadRequestError,
    ErrorResponse,
    ItemsResponse,
    LiveItemView,
    Problem,
    RankRequest,
    decode_request,
)
from liverank.serving.metrics import CONTENT_TYPE, exposition
from liverank.serving.processes.board import ROUTES, STATUSES
from liverank.serving.server_log.refusals import kind_of
from liverank.serving.server_log.requests import RequestLog
from liverank.serving.service import Service

MAX_LISTED = 1_000
"""Items that ``/v1/items`` lists when the request names no limit; more are listed in a thread."""
USERS = "/v1/users/"
"""What an id of a user follows; it may hold anything, slashes and line ends too."""

EXPERIMENTS = "/v1/experiments/"
"""What the name of an experiment follows."""
_LONG = 4_000
"""Candidates, or explained items, from which on a ranking is made in a thread of its own."""
_WHOLE_NUMBER = re.compile("0*[1-9][0-9]{0,8}")
_METHODS = {
    "/v1/rank": ("POST",),
    "/v1/events": ("POST",),
    "/v1/items": ("GET", "HEAD"),
    "/healthz": ("GET", "HEAD"),
    "/livez": ("GET", "HEAD"),
    "/readyz": ("GET", "HEAD"),
    "/metrics": ("GET", "HEAD"),
}
_ROUTE_OF = {"/v1/rank": "rank", "/v1/events": "events", "/v1/items": "items"}
_HEALTH = ("/healthz", "/livez", "/readyz", "/metrics")
_ROUTE_PLACES = {route: place for place, route in enumerate(ROUTES)}
_STATUS_PLACES = {status: place for place, status in enumerate(STATUSES)}
_rank_decoder = msgspec.json.Decoder(RankRequest)
_rank_encoder = msgspec.json.Encoder()
_error_decoder = msgspec.json.Decoder(ErrorResponse)


class Routes:
    """Answers the requests of one worker. Belongs to one event loop.

    With ``has_access_log``, each request is in the server's log.
    """

    def __init__(
        self, service: Service, health: HealthReporter, *, has_access_log: bool = False
    ) -> None:
        self._service = service
        self._requests = service.counts["requests"]
        self._health = health
        slow_s = duration_ms(service.config.serving.slow_request) / 1000
        self._log = RequestLog(slow_s=slow_s, has_access_log=has_access_log)
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="long-list")

    def __call__(self, request: Request) -> Answer | Coroutine[Any, Any, Answer]:
        """The answer to a request, now or as a coroutine."""
        path = request.path
        if path == "/v1/rank" and request.method == "POST":
            return self._answered(request, self._rank)
        if path == "/v1/events" and request.method == "POST":
            return self._later(request, self._take_events)
        if path.startswith(USERS):
            if request.method != "DELETE":
                return self._counted(request, _not_allowed(request, ("DELETE",)))
            return self._later(request, self._erase_user)
        return self._answered(request, self._other)

    def count_refused(self, status: int) -> None:
        """Count a request that the protocol refused before it was whole."""
        self._count("other", status)
        self._log.refused(status)

    def close(self) -> None:
        """Begin no further long list; one that is being made ends with the process."""
        self._slow.shutdown(wait=False, cancel_futures=True)

    def _rank(self, request: Request) -> Answer | Coroutine[Any, Any, Answer]:
        asked = decode_request(request.body, _rank_decoder)
        if self._is_long(asked):
            return self._rank_long(request, asked)
        ranked = self._service.rank(asked, read_at=request.read_at)
        return Answer(200, _rank_encoder.encode(ranked))

    def _is_long(self, asked: RankRequest) -> bool:
        items = asked.items
        count = len(items) if items is not None else self._service.live_count()
        return count > (_LONG // 100 if asked.explain else _LONG)

    async def _rank_long(self, request: Request, asked: RankRequest) -> Answer:
        """Rank a long list in a thread, whose kernels let others go on."""

        def rank() -> Answer:
            ranked = self._service.rank(asked, read_at=request.read_at)
            whole = msgspec.structs.replace(ranked, items=in_pieces(ranked.items))
            return Answer(200, msgspec.json.encode(whole))

        return await asyncio.get_running_loop().run_in_executor(self._slow, rank)

    async def _take_events(self, request: Request) -> Answer:
        return json_answer(202, await self._service.take_events(request.body))

    async def _erase_user(self, request: Request) -> Answer:
        return json_answer(200, await self._service.erase_user(request.path.removeprefix(USERS)))

    def _other(self, request: Request) -> Answer | Coroutine[Any, Any, Answer]:
        if request.path.startswith(EXPERIMENTS):
            return self._assignment(request)
        methods = _METHODS.get(request.path)
        if methods is None:
            where = f"{request.method} {request.path}"
            what = "Not Found; see docs/serving.md for the routes"
            return problem_answer(404, Problem(where=where, what=what))
        if request.method not in methods:
            return _not_allowed(request, methods)
        if request.path == "/v1/items":
            return self._items(request)
        if request.path == "/healthz":
            health = self._health.health()
            return json_answer(200 if health.ok else 503, health)
        if request.path == "/livez":
            return Answer(200, b'{"alive":true}')
        if request.path == "/metrics":
            return Answer(200, exposition(self._service, self._health), CONTENT_TYPE)
        readiness = self._health.readiness()
        return json_answer(200 if readiness.ready else 503, readiness)

    def _assignment(self, request: Request) -> Answer:
        name, slash, rest = request.path.removeprefix(EXPERIMENTS).partition("/")
        if (slash, rest) != ("/", "assignment"):
            where = f"{request.method} {request.path}"
            what = f"Not Found; expected {EXPERIMENTS}NAME/assignment"
            return problem_answer(404, Problem(where=where, what=what))
        if request.method not in ("GET", "HEAD"):
            return _not_allowed(request, ("GET", "HEAD"))
        query = parse_qs(request.query, keep_blank_values=True)
        user, unit = (query.get(key, [None])[-1] for key in ("user", "unit"))
        return json_answer(200, self._service.assignment(name, user=user, unit=unit))

    def _items(self, request: Request) -> Answer | Coroutine[Any, Any, Answer]:
        query = parse_qs(request.query, keep_blank_values=True)
        limit = query.get("limit", [str(MAX_LISTED)])[-1]
        if not _WHOLE_NUMBER.fullmatch(limit):
            what = f"`{limit[:40]}` is not a whole number above 0, of at most 9 digits"
            raise BadRequestError(422, "?limit", what)
        surface = query.get("surface", ["default"])[-1]
        if int(limit) <= MAX_LISTED:
            return self._listed(surface, int(limit))
        run = asyncio.get_running_loop().run_in_executor
        return _awaited(run(self._slow, self._listed, surface, int(limit)))

    def _listed(self, surface: str, limit: int) -> Answer:
        live, rows = self._service.live_items(surface, limit)
        items = [
            LiveItemView(item=row.item, since=int(row.since), fields=row.fields) for row in rows
        ]
        return json_answer(200, ItemsResponse(live=live, items=in_pieces(items)))

    def _answered(
        self,
        request: Request,
        route: Callable[[Request], Answer | Coroutine[Any, Any, Answer]],
    ) -> Answer | Coroutine[Any, Any, Answer]:
        try:
            answer = route(request)
        except (BadRequestError, LogError, StateError) as error:
            answer = _refused(error)
        if isinstance(answer, Answer):
            return self._counted(request, answer)

        async def long(_request: Request) -> Answer:
            return await answer

        return self._later(request, long)

    async def _later(
        self, request: Request, route: Callable[[Request], Coroutine[Any, Any, Answer]]
    ) -> Answer:
        try:
            answer = await route(request)
        except (BadRequestError, LogError, StateError) as error:
            answer = _refused(error)
        return self._counted(request, answer)

    def _counted(self, request: Request, answer: Answer) -> Answer:
        path = request.path
        route = _ROUTE_OF.get(path)
        if route is None:
            route = "health" if path in _HEALTH else "other"
            route = "users" if path.startswith(USERS) else route
        self._count(route, answer.status)
        if answer.status >= 400 and route != "health":
            problem = _error_decoder.decode(answer.body).error
            kind = kind_of(route, answer.status)
            self._service.last_refused[kind] = f"{problem.where}: {problem.what}"
        self._log.ended(request, answer, route)
        return answer

    def _count(self, route: str, status: int) -> None:
        place = _STATUS_PLACES.get(status, len(STATUSES) - 1)
        self._requests[_ROUTE_PLACES[route], place] += 1


async def _awaited(coming: asyncio.Future[Answer]) -> Answer:
    return await coming


def _refused(error: BadRequestError | LogError | StateError) -> Answer:
    if isinstance(error, BadRequestError):
        return problem_answer(error.status, error.problem)
    where = "log" if isinstance(error, LogError) else "state"
    return problem_answer(500, Problem(where=where, what=str(error)))


def _not_allowed(request: Request, methods: tuple[str, ...]) -> Answer:
    problem = Problem(where="method", what=f"{request.method} is not allowed; send a {methods[0]}")
    return problem_answer(405, problem, (b"allow", ", ".join(methods).encode()))
