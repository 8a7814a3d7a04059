"""The type of endpoints, and the context of their handlers."""

from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias

from liverank.serving.health import HealthReporter
from liverank.serving.http.exchange import Answer, Request, problem_answer
from liverank.serving.http.messages import Problem
from liverank.serving.service import Service

READS = ("GET", "HEAD")
"""Methods of an endpoint that only reads; the protocol omits the body for HEAD."""


@dataclass(frozen=True, slots=True)
class EndpointContext:
    """The objects that handlers use; ``long_lists`` is the thread that builds long lists."""

    service: Service
    health: HealthReporter
    long_lists: ThreadPoolExecutor


Reply: TypeAlias = Answer | Coroutine[Any, Any, Answer]
"""An answer, now or as a coroutine."""
Handler: TypeAlias = Callable[[EndpointContext, Request], Reply]
"""Answers a request. May raise BadRequestError, LogError and StateError, also in its coroutine."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route.

    A ``path`` that ends with a slash matches every path that begins with it. A request with a
    method other than ``methods`` gets 405 without a call of ``handler``; no methods leave this
    check to the handler. ``counted_as`` is the name among ``board.ROUTES`` that metrics and the
    server's log use.
    """

    path: str
    methods: tuple[str, ...]
    handler: Handler
    counted_as: str = "other"


def method_not_allowed(request: Request, methods: tuple[str, ...]) -> Answer:
    """The answer (405) to a request with a method that is not one of these."""
    problem = Problem(where="method", what=f"{request.method} is not allowed; send a {methods[0]}")
    return problem_answer(405, problem, (b"allow", ", ".join(methods).encode()))


def not_found(request: Request, advice: str) -> Answer:
    """The answer (404) to a request for a path that does not exist."""
    where = f"{request.method} {request.path}"
    return problem_answer(404, Problem(where=where, what=f"Not Found; {advice}"))
