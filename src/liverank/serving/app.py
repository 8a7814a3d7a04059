"""The rank server over HTTP: the hot routes in raw ASGI, the others in Starlette.

Invariant: every answer is JSON; a refusal says where in the request and what is wrong.
"""

import logging
import re

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from liverank.errors import LogError, StateError
from liverank.serving.http import Disconnected, read_body, require_method, send_json, send_problem
from liverank.serving.http.messages import (
    BadRequestError,
    ErrorResponse,
    ItemsResponse,
    LiveItemView,
    Problem,
    RankRequest,
    Readiness,
    decode_request,
)
from liverank.serving.server import Server

MAX_LISTED = 1_000
"""Items that ``/v1/items`` lists when the request names no limit."""

USERS = "/v1/users/"
"""What an id of a user follows; it may hold anything, slashes and line ends too."""

_WHOLE_NUMBER = re.compile("0*[1-9][0-9]{0,8}")
_logger = logging.getLogger("liverank.serving")
_rank_decoder = msgspec.json.Decoder(RankRequest)


def make_app(server: Server) -> ASGIApp:
    """The ASGI application of a server; its lifespan starts and stops it."""
    max_bytes = server.config.serving.max_body_mb * 1_000_000
    others = _other_routes(server)

    async def post_rank(scope: Scope, receive: Receive, send: Send) -> None:
        require_method(scope, "POST")
        body = await read_body(receive, max_bytes=max_bytes)
        await send_json(send, 200, server.rank(decode_request(body, _rank_decoder)))

    async def post_events(scope: Scope, receive: Receive, send: Send) -> None:
        require_method(scope, "POST")
        body = await read_body(receive, max_bytes=max_bytes)
        await send_json(send, 202, await server.take_events(body))

    async def delete_user(scope: Scope, _receive: Receive, send: Send) -> None:
        require_method(scope, "DELETE")
        await send_json(send, 200, await server.erase_user(scope["path"].removeprefix(USERS)))

    hot = {"/v1/rank": post_rank, "/v1/events": post_events}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(server, receive, send)
            return
        path = scope.get("path", "")
        handler = delete_user if path.startswith(USERS) else hot.get(path)
        if handler is None or scope["type"] != "http":
            await others(scope, receive, send)
            return
        try:
            await handler(scope, receive, send)
        except BadRequestError as error:
            await send_problem(send, error.status, error.problem)
        except (LogError, StateError) as error:
            _logger.error("%s", error)
            where = "log" if isinstance(error, LogError) else "state"
            await send_problem(send, 500, Problem(where=where, what=str(error)))
        except Disconnected:
            return

    return app


async def _live(server: Server, receive: Receive, send: Send) -> None:
    """Follow the ASGI lifespan: start, then stop when told to."""
    await receive()
    server.start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await server.stop()
    await send({"type": "lifespan.shutdown.complete"})


def _other_routes(server: Server) -> Starlette:
    current = server.current

    async def healthz(_request: Request) -> Response:
        return _json(200, server.health())

    async def readyz(_request: Request) -> Response:
        reason = current.why_not_ready()
        if reason is not None:
            return _json(503, Readiness(ready=False, reason=reason))
        view = current.view()
        bundle = view.ranker.rung.bundle
        return _json(
            200,
            Readiness(
                ready=True,
                seq=view.folded.seq,
                model=None if bundle is None else bundle.version,
                fallback=view.ranker.rung.fallback,
                reason=view.ranker.rung.reason,
            ),
        )

    async def items(request: Request) -> Response:
        limit = request.query_params.get("limit", str(MAX_LISTED))
        if not _WHOLE_NUMBER.fullmatch(limit):
            what = f"`{limit[:40]}` is not a whole number above 0, of at most 9 digits"
            raise BadRequestError(422, "?limit", what)
        live = server.live_items(request.query_params.get("surface", "default"))
        return _json(
            200,
            ItemsResponse(
                live=len(live),
                items=[
                    LiveItemView(item=name, since=int(item.since), fields=item.fields)
                    for name, item in live[: int(limit)]
                ],
            ),
        )

    routes = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/v1/items", items),
        ],
        exception_handlers={BadRequestError: _refused, HTTPException: _no_such_route},
    )
    routes.router.redirect_slashes = False  # a redirect has no JSON
    return routes


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, BadRequestError)
    return _json(error.status, ErrorResponse(error.problem))


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = f"{error.detail}; see docs/serving.md for the routes"
    problem = Problem(where=f"{request.method} {request.url.path}", what=what)
    return _json(error.status_code, ErrorResponse(problem))


def _json(status: int, content: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")
