"""A worker's service without HTTP: ranks requests, takes events, erases users.

Invariant: a ranking is answered from one View and logged with its cut, its time and its model; if
the model would answer too late, popularity ranks, and a request whose deadline has nearly passed
during an overload is refused.
"""

import asyncio
import itertools
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from liverank.config import Config
from liverank.errors import LogError
from liverank.events.log import Log
from liverank.events.schema.declared import declared_by
from liverank.quantities import duration_ms
from liverank.serving.erase_user import erase_everywhere
from liverank.serving.experiments.asking import AssignmentResponse, find_assignment
from liverank.serving.experiments.variants import rank_for
from liverank.serving.http.events_in import take_events
from liverank.serving.http.messages import (
    BadRequestError,
    ErasedUser,
    EventsResponse,
    RankRequest,
    RankResponse,
    check_fields,
)
from liverank.serving.log_trouble import LogTrouble, trouble_of
from liverank.serving.processes.board import Board
from liverank.serving.ranking.admission import check_explained, time_limit_of
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.deadline import DeadlinePolicy, EnforcedDeadline, NoDeadline
from liverank.serving.ranking.ranked_items import ranked_items
from liverank.serving.ranking.ranker import RankedList, TimeLimit, View
from liverank.serving.ranking.ranking_log import RankingWriter, queue_ranking
from liverank.serving.ranking.surfaces import SurfaceRules
from liverank.serving.ranking.what_if import with_reasons
from liverank.serving.releases.shadow import Shadow
from liverank.serving.server_log.fallbacks import Fallback
from liverank.serving.server_log.refusals import REJECTED
from liverank.serving.simulated.simulation import Simulation
from liverank.serving.state.live_table import LiveRow

_APPENDERS = 16
"""Number of threads that append events; batches that wait at the same time share a commit."""


class Service:
    """The service of one worker. Its methods belong to one event loop; ``rank`` is thread-safe.

    ``worker`` is the index of the worker's row on the board, ``snapshots`` the folder of state
    snapshots, ``clock_ms`` gives the time in Unix ms. With a ``simulation``, events and rankings
    use its time instead.
    """

    def __init__(
        self,
        log: Log,
        config: Config,
        board: Board,
        worker: int,
        *,
        snapshots: Path,
        clock_ms: Callable[[], int],
        simulation: Simulation | None = None,
    ) -> None:
        self.config = config
        self.board = board
        self.counts = board.workers[worker]
        self.simulation = simulation
        self.wall_ms = clock_ms
        """Gives the real time in Unix ms, for monitoring processes."""
        self.clock_ms = clock_ms if simulation is None else simulation.clock_ms
        """Gives the time of events and rankings in Unix ms."""
        is_simulated = simulation is not None
        self.writer = RankingWriter(log, clock_ms=self.clock_ms, only_flushes=is_simulated)
        self.snapshots = snapshots
        self.last_fallback: dict[str, Fallback] = {}
        """The last request that each fallback level answered, by the level's name."""
        self.last_refused: dict[str, str] = {}
        """The message of the last refusal of each kind."""
        self.shadow = Shadow(self.counts, is_simulated=is_simulated)
        """Compares a challenger in shadow with what was served."""
        self._worker = worker
        self._log = log
        self._view: View | None = None
        self._hashes = Hashes()
        self._deadline: DeadlinePolicy = NoDeadline() if is_simulated else EnforcedDeadline()
        self._counting = threading.Lock()  # long lists are ranked in a separate thread
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._appenders = ThreadPoolExecutor(_APPENDERS, thread_name_prefix="append")
        self._declared = declared_by(config)
        self._fields = config.requests.fields
        self._log_wait_s = duration_ms(config.serving.log_wait) / 1000
        self._surfaces = SurfaceRules(config)

    def adopt(self, view: View, number: int) -> None:
        """Rank from ``view``, the view with this number, from now on."""
        self._view = view
        self.counts["view"] = number
        self.counts["generation"] = view.generation

    def view(self) -> View:
        """The view that ranks now. Raises BadRequestError (503) before the log has been read."""
        if self._view is None:
            raise BadRequestError(503, "server", f"{self.why_not_ready()}; try again in a second")
        return self._view

    def why_not_ready(self) -> str | None:
        """Why nothing can be ranked yet, or None if it can."""
        if self._view is not None:
            return None
        reached, last = (int(self.board.folding[name]) for name in ("reached", "last_seq"))
        return f"the log is being read, {reached:,} of {last:,} events so far"

    def rank(self, request: RankRequest, *, read_at: float) -> RankResponse:
        """Answer a request that was read at ``read_at``, and queue the ranking for the log.

        ``read_at`` is of ``time.perf_counter``. Raises BadRequestError: 422 for an undeclared
        surface, for a field of another type than its declared one and for too many items to
        explain; 503 before the log has been read and for a request whose deadline has nearly
        passed during an overload.
        """
        began = time.perf_counter()
        if request.fields and self._fields:
            check_fields(request.fields, self._fields)
        most_items, deadline_s = self._surfaces.of(request.surface)
        limit = request.limit or most_items
        champion = view = self.view()
        time_limit = self._time_limit(request, view, limit, deadline_s, read_at)
        request_id, at_ms = request.id or self._new_id(), self.clock_ms()
        if champion.challenger is not None:
            view = champion.challenger.view_of(request.user, champion)
        ranked = rank_for(view)(
            view,
            self._hashes,
            request,
            request_id=request_id,
            at_ms=at_ms,
            limit=limit,
            time_limit=time_limit,
        )
        if ranked.fallback is not None:
            last = Fallback(request_id, request.surface, ranked.reason)
            self.last_fallback[ranked.fallback] = last
        queue_ranking(
            self.writer,
            request,
            ranked,
            request_id=request_id,
            at_ms=at_ms,
            generation=view.generation,
            serving=self.config.serving,
        )
        items = ranked_items(ranked)
        if request.explain:
            items = with_reasons(view.bundle(ranked.model), ranked, items)
        ended = time.perf_counter()
        if ranked.model is not None:
            self._deadline.record_ranking(len(ranked.candidates.hashes), ended - began)
        if champion.challenger is not None:
            self.shadow.offer(champion, request, request_id, at_ms, ranked.candidates.hashes)
        self._count(request, ranked, ended - read_at, is_late=time_limit.skip_reason is not None)
        return RankResponse(
            id=request_id,
            surface=request.surface,
            variant=ranked.variant,
            model=ranked.model,
            items=items,
            fallback=ranked.fallback,
            fallback_reason=ranked.reason,
            dropped=ranked.dropped,
            took_ms=round(1000 * (ended - began), 3),
        )

    def _time_limit(
        self, request: RankRequest, view: View, limit: int, deadline_s: float, read_at: float
    ) -> TimeLimit:
        """The remaining time of a request.

        Raises BadRequestError: 422 for too many items to explain, 503 if it waited too long.
        """
        count = view.live.count if request.items is None else len(request.items)
        check_explained(request, count, limit)
        now_s = time.perf_counter()
        time_limit = time_limit_of(
            self._deadline,
            request,
            candidates=count,
            deadline_s=deadline_s,
            now_s=now_s,
            waited_s=now_s - read_at,
        )
        if time_limit is None:
            with self._counting:
                self.counts["shed"] += 1
            raise BadRequestError(
                503, "server", f"overloaded: the request waited {1000 * (now_s - read_at):.0f} ms"
            )
        return time_limit

    def _count(
        self, request: RankRequest, ranked: RankedList, waited_s: float, *, is_late: bool
    ) -> None:
        """Count a ranking that was answered after ``waited_s``."""
        with self._counting:
            self.counts["late"] += is_late
            self.counts["candidates"] += len(ranked.candidates.hashes)
            self.board.count_latency(self._worker, request.surface, ranked.fallback, waited_s)

    def _new_id(self) -> str:
        """An id that no other ranking has."""
        return f"{self._prefix}{next(self._numbers):08x}"

    async def take_events(self, body: bytes) -> EventsResponse:
        """Append the events of a request body to the log; they are on disk when this returns.

        Raises BadRequestError, LogError.
        """
        take = partial(
            take_events,
            arrived_ms=self.clock_ms() if self.simulation is None else self.simulation.arrive,
            declared=self._declared,
            on_undeclared=partial(self.board.undeclared.count, self._worker),
            until_s=time.monotonic() + self._log_wait_s,  # waiting for a free thread counts
        )
        try:
            response = await asyncio.get_running_loop().run_in_executor(
                self._appenders, take, self._log, body
            )
        except (BadRequestError, LogError) as error:
            cause = error.__context__ if isinstance(error, BadRequestError) else error
            if isinstance(cause, LogError):
                self.counts["refuses_events"] = trouble_of(cause)
            raise
        self.counts["refuses_events"] = LogTrouble.NONE
        self.counts["events_accepted"] += response.accepted
        self.counts["events_duplicate"] += response.duplicates
        self.counts["events_rejected"] += len(response.rejected)
        if response.rejected:
            self.last_refused[REJECTED] = response.rejected[0].reason
        return response

    async def try_writing(self) -> None:
        """After a failed append, test whether the log can be written again; waits for the disk."""
        if not self.counts["refuses_events"] and self.writer.trouble is None:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._appenders, self._log.try_writing)
        except LogError:
            return  # the reported trouble still holds
        self.counts["refuses_events"] = LogTrouble.NONE
        self.writer.clear_trouble()

    async def erase_user(self, user: str) -> ErasedUser:
        """Erase a user from the log, from served state and from snapshots.

        Takes as long as folding the whole log. Raises BadRequestError, LogError.
        """
        self.view()  # raises while the log is read for the first time
        return await erase_everywhere(
            self._log,
            user,
            board=self.board,
            writer=self.writer,
            snapshots=self.snapshots,
            executor=self._appenders,
            clock_ms=self.clock_ms,
        )

    def log_waits_ms(self) -> int:
        """Milliseconds for which this worker has been waiting for the log's lock."""
        return int(1000 * self._log.waits_s())

    def assignment(self, name: str, *, user: str | None, unit: str | None) -> AssignmentResponse:
        """The variant of an experiment that a user or unit gets. Raises BadRequestError."""
        variants, at_ms = self.view().variants, self.clock_ms()
        return find_assignment(variants, name, user=user, unit=unit, at_ms=at_ms)

    def live_count(self) -> int:
        """Number of items that are live or recently expired. Raises BadRequestError."""
        return self.view().live.count

    def live_items(self, surface: str, limit: int) -> tuple[int, list[LiveRow]]:
        """Number of live items, and the newest of them. Raises BadRequestError."""
        self._surfaces.of(surface)
        return self.view().live.newest(at_ms=self.clock_ms(), limit=limit)

    def close(self) -> None:
        """Write queued rankings and stop; the service must not be used afterwards."""
        self._appenders.shutdown()
        self.writer.close()
