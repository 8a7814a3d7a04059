"""What a worker does with a request, without HTTP.

Invariant: a ranking is answered from one View and logged with its cut, its time and its model; one
that would come too late is answered by popularity, and one that is too late already is refused.
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
from liverank.events.log import EraseResult, Log
from liverank.events.schema.declared import declared_by
from liverank.quantities import duration_ms
from liverank.serving.experiments.asking import AssignmentResponse, assignment_of_somebody
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
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.deadline import NoDeadline, Pace, Pacing
from liverank.serving.ranking.ranked_items import ranked_items
from liverank.serving.ranking.ranker import View, rank
from liverank.serving.ranking.ranking_log import RankingWriter, is_sampled, ranking_event
from liverank.serving.ranking.reasons import explained
from liverank.serving.ranking.surfaces import SurfaceRules
from liverank.serving.server_log.events import write_event
from liverank.serving.server_log.fallbacks import Fallback
from liverank.serving.server_log.refusals import REJECTED
from liverank.serving.simulated.simulation import Simulation
from liverank.serving.state.erase import erase_from_log, remove_snapshots
from liverank.serving.state.live_table import LiveRow

_APPENDERS = 16
"""Threads that wait for the disk; batches that wait together share a commit."""
_KEPT = 2
"""The purpose by which rankings are chosen to be logged at all."""
MOST_EXPLAINED = 1_000
"""Items that a request may have explained: each takes the time and the memory of many others."""
_FORGOTTEN_POLL_S = 0.02
_LONGEST_REFOLD_S = 3600.0


class Service:
    """A worker's service. Its methods belong to one event loop, but ``rank`` to any thread.

    ``place`` is the worker's row on the board, ``snapshots`` the folder of the state's snapshots;
    ``clock_ms`` gives the time in Unix ms, but a ``simulation`` that of events and rankings.
    """

    def __init__(
        self,
        log: Log,
        config: Config,
        board: Board,
        place: int,
        *,
        snapshots: Path,
        clock_ms: Callable[[], int],
        simulation: Simulation | None = None,
    ) -> None:
        self.config = config
        self.board = board
        self.counts = board.workers[place]
        self.simulation = simulation
        self.wall_ms = clock_ms
        """The time by which processes are watched."""
        self.clock_ms = clock_ms if simulation is None else simulation.clock_ms
        """The time by which events and rankings count."""
        is_simulated = simulation is not None
        self.writer = RankingWriter(log, clock_ms=self.clock_ms, only_flushes=is_simulated)
        self.snapshots = snapshots
        self.last_fallback: dict[str, Fallback] = {}
        """The last request that each rung but the model answered."""
        self.last_refused: dict[str, str] = {}
        """The last refusal of each kind, in words."""
        self._place = place
        self._log = log
        self._view: View | None = None
        self._hashes = Hashes()
        self._pace: Pacing = NoDeadline() if is_simulated else Pace()
        self._counting = threading.Lock()  # long lists are ranked in a thread of their own
        self._prefix = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._appenders = ThreadPoolExecutor(_APPENDERS, thread_name_prefix="append")
        self._declared = declared_by(config)
        self._fields = config.requests.fields
        self._log_wait_s = duration_ms(config.serving.log_wait) / 1000
        self._surfaces = SurfaceRules(config)

    def adopt(self, view: View, number: int) -> None:
        """Rank from this view, of that number, from now on."""
        self._view = view
        self.counts["view"] = number
        self.counts["generation"] = view.generation

    def view(self) -> View:
        """What ranks now. Raises BadRequestError (503) before the log has been read."""
        if self._view is None:
            raise BadRequestError(503, "server", f"{self.why_not_ready()}; try again in a second")
        return self._view

    def why_not_ready(self) -> str | None:
        """Why nothing can be ranked yet, or None."""
        if self._view is not None:
            return None
        folding = self.board.folding
        reached, last = int(folding["reached"]), int(folding["last_seq"])
        return f"the log is being read, {reached:,} of {last:,} events so far"

    def rank(self, request: RankRequest, *, read_at: float) -> RankResponse:
        """Answer a request that was read at ``read_at``, and queue the ranking for the log.

        Raises BadRequestError: 422 for a surface that is not declared, for a field of another type
        than it is declared with and for too many items to explain, 503 before the log has been
        read and for a request that has waited for as long as an answer is of use.
        """
        began = time.perf_counter()
        if request.fields and self._fields:
            check_fields(request.fields, self._fields)
        limit, deadline_s = self._surfaces.of(request.surface)
        limit = request.limit or limit
        if request.deadline_ms is not None:
            deadline_s = request.deadline_ms / 1000
        view = self.view()
        count = int(view.live.count if request.items is None else len(request.items))
        if request.explain and min(limit, count) > MOST_EXPLAINED:
            what = f"at most {MOST_EXPLAINED:,} items are explained; ask for no more, or without it"
            raise BadRequestError(422, "$.explain", what)
        haste = self._pace.haste_of(
            now_s=began, waited_s=began - read_at, deadline_s=deadline_s, candidates=count
        )
        if haste is None:
            with self._counting:
                self.counts["shed"] += 1
            raise BadRequestError(
                503, "server", f"overloaded: the request waited {1000 * (began - read_at):.0f} ms"
            )
        request_id = request.id or self._new_id()
        at_ms = self.clock_ms()
        ranked = (rank if view.variants is None else view.variants.rank)(
            view,
            self._hashes,
            request,
            request_id=request_id,
            at_ms=at_ms,
            limit=limit,
            haste=haste,
        )
        if ranked.fallback is not None:
            last = Fallback(request_id, request.surface, ranked.reason)
            self.last_fallback[ranked.fallback] = last
        scored = len(ranked.candidates.hashes)
        if is_sampled(request_id, self.config.serving.log_rankings, _KEPT):
            self.writer.put(
                ranking_event(
                    request,
                    ranked,
                    request_id=request_id,
                    at_ms=at_ms,
                    generation=view.generation,
                    serving=self.config.serving,
                )
            )
        items = ranked_items(ranked)
        if request.explain:
            items = explained(view.bundle(ranked.model), ranked, items)
        ended = time.perf_counter()
        if ranked.model is not None:
            self._pace.learn(scored, ended - began)
        with self._counting:
            self.counts["late"] += haste.reason is not None
            self.counts["candidates"] += scored
            self.board.count_latency(self._place, request.surface, ranked.fallback, ended - read_at)
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

    def _new_id(self) -> str:
        """An id that no other ranking has."""
        return f"{self._prefix}{next(self._numbers):08x}"

    async def take_events(self, body: bytes) -> EventsResponse:
        """Take in a body of events; they are on disk when this returns.

        Raises BadRequestError, LogError.
        """
        take = partial(
            take_events,
            arrived_ms=self.clock_ms() if self.simulation is None else self.simulation.arrive,
            declared=self._declared,
            on_undeclared=partial(self.board.undeclared.count, self._place),
            until_s=time.monotonic() + self._log_wait_s,  # it may wait for a thread first
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
        """Where the last append failed, see whether one would work by now; waits for the disk."""
        if not self.counts["refuses_events"] and self.writer.trouble is None:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(self._appenders, self._log.try_writing)
        except LogError:
            return  # what is told stays true
        self.counts["refuses_events"] = LogTrouble.NONE
        self.writer.forgive()

    async def erase_user(self, user: str) -> ErasedUser:
        """Erase a user from the log, from what ranks and from the snapshots; takes a fold.

        What they do after it began is new, and taken in. Raises BadRequestError, LogError.
        """
        self.view()  # while the log is read for the first time, nothing can be folded anew
        loop, began = asyncio.get_running_loop(), time.perf_counter()
        erased, generation = await loop.run_in_executor(self._appenders, lambda: self._erase(user))
        until = time.perf_counter() + _LONGEST_REFOLD_S
        while self._oldest_generation() < generation:
            if time.perf_counter() > until:
                raise LogError(
                    "the user is no longer in the log, but what ranks has not been folded anew "
                    "without them for an hour; see /healthz, or restart the server"
                )
            await asyncio.sleep(_FORGOTTEN_POLL_S)
        await loop.run_in_executor(self._appenders, remove_snapshots, self.snapshots)
        seconds = time.perf_counter() - began
        what = f"a user was erased: {erased.rows:,} events of theirs, in {seconds:.1f} s"
        write_event("erased", what, rows=erased.rows, seconds=round(seconds, 1))
        return ErasedUser(user=user, erased_rows=erased.rows)

    def _erase(self, user: str) -> tuple[EraseResult, int]:
        """Erase a user from the log, rankings that wait included; and the generation after it."""
        self.writer.flush()
        erased = erase_from_log(self._log, user, at_ms=self.clock_ms())
        return erased, self._log.generation()

    def log_waits_ms(self) -> int:
        """For how long this worker has been waiting for another process that holds the log."""
        return int(1000 * self._log.waits_s())

    def _oldest_generation(self) -> int:
        """The oldest generation of the log that a worker ranks from."""
        workers = self.board.workers
        return int(workers["generation"][workers["pid"] != 0].min())

    def assignment(self, name: str, *, user: str | None, unit: str | None) -> AssignmentResponse:
        """What somebody gets of an experiment. Raises BadRequestError."""
        variants, at_ms = self.view().variants, self.clock_ms()
        return assignment_of_somebody(variants, name, user=user, unit=unit, at_ms=at_ms)

    def live_count(self) -> int:
        """How many items are live or have expired lately. Raises BadRequestError."""
        return self.view().live.count

    def live_items(self, surface: str, limit: int) -> tuple[int, list[LiveRow]]:
        """How many items are live on a surface, and the newest of them. Raises BadRequestError."""
        self._surfaces.of(surface)
        return self.view().live.newest(at_ms=self.clock_ms(), limit=limit)

    def close(self) -> None:
        """Write the rankings that wait. Nothing may be asked of it afterwards."""
        self._appenders.shutdown()
        self.writer.close()
