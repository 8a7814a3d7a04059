"""Requests in simulated time: a request that moves the clock is answered after a turn.

Invariant: when events, or the first ranking of a later time, are answered, the log holds all
earlier rankings in order and then the events, and the worker ranks from all of it.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

from liverank.serving.http.exchange import Answer, Request, problem_answer
from liverank.serving.http.messages import Problem
from liverank.serving.processes.board import Board
from liverank.serving.service import Service
from liverank.serving.simulated.simulation import Simulation

HEADER = (b"liverank-simulated", b"true")
"""Header of every answer of a simulated server."""
_AT = re.compile("at=([0-9]{1,15})")

_NOTHING = b'{"accepted":0,"duplicates":0,"rejected":[]}'

Routes = Callable[[Request], Answer | Coroutine[Any, Any, Answer]]


class Lockstep:
    """Wraps ``routes``, and calls them once the clock has reached the time of a request.

    Belongs to the event loop of the only worker.
    """

    def __init__(
        self,
        routes: Routes,
        service: Service,
        board: Board,
        simulation: Simulation,
        *,
        report: Callable[[], None] = lambda: None,
    ) -> None:
        """``report`` writes what the server reports into the log, before the clock moves."""
        self._report = report
        self._routes = routes
        self._service = service
        self._folding = board.folding
        self._simulation = simulation
        self._turn = asyncio.Lock()
        self._current_query = ""
        simulation.worker_wakeup.listen()

    def __call__(self, request: Request) -> Answer | Coroutine[Any, Any, Answer]:
        """The answer to a request, now or as a coroutine."""
        if request.method == "POST":
            if request.path == "/v1/events":
                return self._events(request)
            if (
                request.path == "/v1/rank"
                and request.query
                and request.query != self._current_query
            ):
                return self._rank_later(request)
        return _marked(self._routes(request))

    async def _events(self, request: Request) -> Answer:
        """Append events, if any, and answer when they are folded."""
        async with self._turn:
            at_ms = self._time_of(request.query)
            if at_ms is None:
                return self._refused(request.query)
            self._report()
            self._service.writer.flush()
            if request.body:
                answer = await _of(self._routes(request))
            else:
                answer = _with_header(Answer(202, _NOTHING))
            self._simulation.advance(at_ms)
            await self._take_turn()
            if at_ms == self._simulation.clock_ms():
                self._current_query = request.query
        return answer

    async def _rank_later(self, request: Request) -> Answer:
        """Rank at the time in the query, which is now or later."""
        async with self._turn:
            at_ms = self._time_of(request.query)
            if at_ms is None:
                return self._refused(request.query)
            if at_ms > self._simulation.clock_ms():
                self._report()
                self._service.writer.flush()
                self._simulation.advance(at_ms)
                await self._take_turn()
            self._current_query = request.query
        return await _of(self._routes(request))

    def _time_of(self, query: str) -> int | None:
        """The time in a query, now if it is empty; None if it is not allowed."""
        now_ms = self._simulation.clock_ms()
        if not query:
            return now_ms
        match = _AT.fullmatch(query)
        at_ms = -1 if match is None else int(match[1])
        return at_ms if at_ms >= now_ms else None

    def _refused(self, query: str) -> Answer:
        what = (
            f"`{query[:40]}`; expected at=MS, Unix milliseconds from {self._simulation.clock_ms()} "
            "on: that is the simulated time of this server, which never goes back"
        )
        return _with_header(problem_answer(422, Problem(where="?at", what=what)))

    async def _take_turn(self) -> None:
        """Wait until this worker ranks from all due events of the log."""
        self._current_query = ""
        number = self._simulation.request_turn()
        counts, folding = self._service.counts, self._folding
        while not self._simulation.has_ended(number) or counts["view"] < folding["view"]:
            await self._simulation.worker_wakeup.wait()


def _marked(
    answer: Answer | Coroutine[Any, Any, Answer],
) -> Answer | Coroutine[Any, Any, Answer]:
    return _with_header(answer) if isinstance(answer, Answer) else _of(answer)


async def _of(answer: Answer | Coroutine[Any, Any, Answer]) -> Answer:
    return _with_header(answer if isinstance(answer, Answer) else await answer)


def _with_header(answer: Answer) -> Answer:
    answer.headers = (*answer.headers, HEADER)
    return answer
