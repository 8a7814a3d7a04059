"""The rank server without HTTP: what it does with a request.

Invariant: a ranking is answered from one View and logged with its cut, its time and its model.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from liverank.config import Config, Surface
from liverank.events.log import Erased, Log
from liverank.features.sizes import what_was_let_go
from liverank.serving.http.events_in import take_events
from liverank.serving.http.messages import (
    BadRequestError,
    ErasedUser,
    EventsResponse,
    Health,
    RankRequest,
    RankResponse,
    StateHealth,
)
from liverank.serving.ranking.ranker import rank
from liverank.serving.ranking.ranking_log import RankingWriter, ranking_event
from liverank.serving.state.current import Current, View
from liverank.serving.state.erase import erase_from_log, remove_snapshots
from liverank.serving.state.live_items import LiveItem
from liverank.serving.state.snapshot_process import SnapshotTaker
from liverank.serving.state.snapshots import newest_seq

_APPENDERS = 16
"""Threads that wait for the disk; batches that wait together share a commit."""

_logger = logging.getLogger("liverank.serving")


class Server:
    """A running rank server. Its methods belong to one event loop.

    ``snapshots`` is the folder of the state's, ``taker`` who takes them. ``clock_ms`` gives the
    time in Unix ms. ``on_ready`` is told when rankings can be answered, ``on_failure`` why they
    never will. What fails later is trouble that ``/healthz`` tells, while rankings are still
    answered from what was folded.
    """

    def __init__(
        self,
        log: Log,
        config: Config,
        current: Current,
        *,
        snapshots: Path,
        taker: SnapshotTaker | None = None,
        clock_ms: Callable[[], int],
        on_ready: Callable[[View], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self.config = config
        self.current = current
        self.writer = RankingWriter(log, clock_ms=clock_ms)
        self.taker = taker
        self._log = log
        self._snapshots = snapshots
        self._clock_ms = clock_ms
        self._on_ready = on_ready
        self._on_failure = on_failure
        self._appenders = ThreadPoolExecutor(_APPENDERS, thread_name_prefix="append")
        self._erasing = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None
        self._taking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to fold the log, in the background."""
        self._following = asyncio.create_task(self.current.run(self._on_ready))
        self._following.add_done_callback(self._ended)
        if self.taker is not None:
            self._taking = asyncio.create_task(self.taker.run())

    async def stop(self) -> None:
        """Stop following the log, give up a snapshot at hand, and write the rankings that wait."""
        tasks = [task for task in (self._following, self._taking) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await asyncio.to_thread(self.writer.close)
        self._appenders.shutdown()

    def rank(self, request: RankRequest) -> RankResponse:
        """Answer a request, and queue the ranking for the log. Raises BadRequestError."""
        began = time.perf_counter()
        limit = self._limit(request)
        view = self.current.view()
        request_id = request.id or secrets.token_hex(12)
        at_ms = self._clock_ms()
        ranked = rank(
            view.ranker, view.folded, request, request_id=request_id, at_ms=at_ms, limit=limit
        )
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
        return RankResponse(
            id=request_id,
            surface=request.surface,
            variant=None,
            model=ranked.model,
            items=ranked.items,
            fallback=ranked.fallback,
            fallback_reason=ranked.reason,
            dropped=ranked.dropped,
            took_ms=round(1000 * (time.perf_counter() - began), 3),
        )

    async def take_events(self, body: bytes) -> EventsResponse:
        """Take in a body of events; they are on disk when this returns.

        Raises BadRequestError, LogError.
        """
        loop = asyncio.get_running_loop()
        arrived_ms = self._clock_ms()
        response = await loop.run_in_executor(
            self._appenders, lambda: take_events(self._log, body, arrived_ms=arrived_ms)
        )
        self.current.wake()
        return response

    async def erase_user(self, user: str) -> ErasedUser:
        """Erase a user from the log, from what ranks and from the snapshots; takes a fold.

        What they do after it began is new, and taken in. Raises BadRequestError, LogError.
        """
        self.current.view()  # while the log is read for the first time, nothing can be folded anew
        async with self._erasing:
            erased, generation = await asyncio.to_thread(self._erase, user)
        await self.current.reach(generation)
        await asyncio.to_thread(remove_snapshots, self._snapshots)
        return ErasedUser(user=user, erased_rows=erased.rows)

    def _erase(self, user: str) -> tuple[Erased, int]:
        """Erase a user from the log, rankings that wait included; and the generation after it."""
        self.writer.flush()
        erased = erase_from_log(self._log, user, at_ms=self._clock_ms())
        return erased, self._log.generation()

    def live_items(self, surface: str) -> list[tuple[str, LiveItem]]:
        """What is live on a surface, the newest first. Raises BadRequestError."""
        self._check_surface(surface)
        return self.current.view().folded.live.newest(at_ms=self._clock_ms())

    def health(self) -> Health:
        """What somebody who looks after the server should know."""
        current, taker = self.current, self.taker
        trouble = current.log_trouble or current.stale_trouble
        state, memory = None, None
        if current.why_not_ready() is None:
            folded = current.view().folded.state
            state = StateHealth(**folded.sizes._asdict(), clamped=folded.clamped)
            memory = what_was_let_go(folded.sizes)
        return Health(
            ok=trouble is None and current.bundle_trouble is None,
            log=trouble,
            bundle=current.bundle_trouble,
            rankings_lost=self.writer.lost,
            snapshot=None if taker is None else taker.trouble,
            snapshot_seq=newest_seq(self._snapshots),
            memory=memory,
            state=state,
        )

    def _limit(self, request: RankRequest) -> int:
        self._check_surface(request.surface)
        return request.limit or self.config.surfaces.get(request.surface, Surface()).limit

    def _check_surface(self, surface: str) -> None:
        """Where the config names surfaces, a request is for one of them, or for the default."""
        surfaces = self.config.surfaces
        if surfaces and surface not in surfaces and surface != "default":
            raise BadRequestError(
                422,
                "$.surface",
                f"no surface `{surface}`; expected default, {', '.join(surfaces)}, or declare it "
                "under [surfaces] in liverank.toml",
            )

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or (error := task.exception()) is None:
            return
        if self.current.why_not_ready() is not None:
            self._on_failure(error)
            return
        _logger.critical("the log is no longer followed", exc_info=error)
        self.current.log_trouble = f"no longer followed: {error!r}; restart the server"
