"""What ranks now, kept current: the log is followed as it grows, bundles as they are promoted.

When events are taken from the log (a user was erased, old ones expired), it is folded anew beside
the View that ranks meanwhile.

The event loop's thread folds and ranks in turns, so each ranking sees one consistent cut; reading
the log and loading bundles happen in other threads.
Invariant: a View's folded log and ranker have the same layout, and a View is replaced as a whole.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from liverank.bundle import store
from liverank.config import Config
from liverank.errors import BundleError, LogError, StateError
from liverank.events.log import Log
from liverank.features.layout import Layout
from liverank.serving.http.messages import BadRequestError, RankRequest
from liverank.serving.ranking.fallback import Rung, choose_rung
from liverank.serving.ranking.ranker import Ranker, make_ranker, rank
from liverank.serving.state.log_fold import SLICE_ROWS, Folded, Slice, compile_fold, fold_log
from liverank.serving.state.snapshots import load_newest

POLL_S = 0.02
"""How often the log is looked at for events of other processes; our own wake the fold at once."""
PROMOTED_POLL_S = 1.0
"""How often the pointer to the current bundle is looked at."""
GENERATION_POLL_S = 1.0
"""How often we look whether another process took events from the log."""
RETRY_S = 0.5
"""How long the fold waits after an error of the log."""

_logger = logging.getLogger("liverank.serving")


@dataclass(frozen=True, slots=True)
class View:
    """What a ranking is made from."""

    folded: Folded
    ranker: Ranker
    generation: int
    """Of the log, when the fold began: a later one lacks events that were folded."""


class Current:
    """The current View. Belongs to one event loop.

    ``bundles`` is the root of the bundles to follow, or None to stay on ``rung``; ``snapshots`` the
    folder of snapshots to start from, if any.
    """

    def __init__(
        self,
        log: Log,
        config: Config,
        rung: Rung,
        layout: Layout,
        *,
        bundles: Path | None,
        snapshots: Path | None = None,
    ) -> None:
        self.log_trouble: str | None = None
        """Why the view lags behind the log, or None."""
        self.bundle_trouble: str | None = None
        """Why it does not rank by the bundle that was promoted last, or None."""
        self.stale_trouble: str | None = None
        """Why the view still knows events that were taken from the log, or None."""
        self._log = log
        self._config = config
        self._rung = rung
        self._layout = layout
        self._bundles = bundles
        self._snapshots = snapshots
        self._view: View | None = None
        self._reached = 0
        self._is_stopping = False
        self._appended = asyncio.Event()
        self._replacing = asyncio.Lock()

    async def run(self, on_ready: Callable[[View], None]) -> None:
        """Fold the log, then follow it and the bundles until cancelled.

        Raises LogError when the log cannot be read to its end at first; later ones are trouble
        that is told and retried.
        """
        try:
            self._view = await asyncio.to_thread(self._make_view, self._rung, self._layout)
        finally:
            self._is_stopping = self._view is None
        on_ready(self._view)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_log())
                tasks.create_task(self._follow_generations())
                if self._bundles is not None:
                    tasks.create_task(self._follow_bundles(self._bundles))
        finally:
            self._is_stopping = True

    def view(self) -> View:
        """What ranks now. Raises BadRequestError (503) before the log has been read."""
        if self._view is None:
            raise BadRequestError(503, "server", f"{self.why_not_ready()}; try again in a second")
        return self._view

    def why_not_ready(self) -> str | None:
        """Why nothing can be ranked yet, or None."""
        if self._view is not None:
            return None
        return f"the log is being read, {self._reached:,} of {self._log.last_seq():,} events so far"

    def wake(self) -> None:
        """Look at the log now."""
        self._appended.set()

    async def reach(self, generation: int) -> None:
        """Return once no ranking is made from an earlier generation of the log.

        Raises LogError when the log cannot be folded anew; the old view ranks on.
        """
        async with self._replacing:
            if self.view().generation < generation:
                layout = self.view().folded.layout
                self._view = await asyncio.to_thread(self._make_view, self._rung, layout, anew=True)
                _logger.info("the log was folded anew, as of generation %d", generation)

    async def _follow_log(self) -> None:
        """Fold what arrives, one slice a turn."""
        while True:
            self._appended.clear()
            folded = self.view().folded
            piece = await self._next_slice(folded)
            if piece is not None:
                folded.fold(piece)
                continue
            try:
                await asyncio.wait_for(self._appended.wait(), POLL_S)
            except TimeoutError:
                continue

    async def _next_slice(self, folded: Folded) -> Slice | None:
        try:
            piece = await asyncio.to_thread(folded.read_slice, self._log, max_rows=SLICE_ROWS)
        except LogError as error:
            if self.log_trouble is None:
                _logger.error("the log is not being followed: %s", error)
            self.log_trouble = str(error)
            await asyncio.sleep(RETRY_S)
            return None
        self.log_trouble = None
        return piece

    async def _follow_generations(self) -> None:
        """Forget what another process erased, a second or so after it did, and a fold."""
        while True:
            await asyncio.sleep(GENERATION_POLL_S)
            try:
                await self.reach(await asyncio.to_thread(self._log.generation))
            except (LogError, StateError) as error:
                if self.stale_trouble is None:
                    _logger.error("the log cannot be folded anew: %s", error)
                self.stale_trouble = f"what was taken from the log still ranks: {error}"
            else:
                self.stale_trouble = None

    async def _follow_bundles(self, root: Path) -> None:
        """Serve what is promoted, about a second after it was."""
        while True:
            await asyncio.sleep(PROMOTED_POLL_S)
            try:
                promoted = await asyncio.to_thread(store.current, root)
            except BundleError as error:
                if self.bundle_trouble is None:
                    _logger.error("bundles are not being followed: %s", error)
                self.bundle_trouble = str(error)
                continue
            if promoted != self._rung.promoted:
                rung = await asyncio.to_thread(choose_rung, root)
                try:
                    async with self._replacing:
                        await self._adopt(rung)
                except (LogError, StateError) as error:
                    _logger.error("the log cannot be folded for a bundle: %s", error)
                    self.bundle_trouble = f"the log cannot be folded for it: {error}"

    async def _adopt(self, rung: Rung) -> None:
        """Rank by another rung; the log is folded again when its layout differs."""
        folded = self.view().folded
        layout = folded.layout if rung.bundle is None else rung.bundle.spec.layout
        if layout == folded.layout:
            ranker = await asyncio.to_thread(make_ranker, rung, layout)
            self._view = View(folded, ranker, self.view().generation)
        else:
            self._view = await asyncio.to_thread(self._make_view, rung, layout)
        self._rung, self.bundle_trouble = rung, rung.reason
        _logger.info("serving bundle %s", None if rung.bundle is None else rung.bundle.version)

    def _make_view(self, rung: Rung, layout: Layout, *, anew: bool = False) -> View:
        """Fold the log and rank once, so that all kernels are compiled; takes its time.

        From the newest snapshot that fits, or ``anew`` where none can, as the log has changed.
        """
        compile_fold(layout, self._config)
        generation = self._log.generation()
        start = None
        if self._snapshots is not None and not anew:
            start = load_newest(self._log, layout, self._config, self._snapshots)
        begun = None if start is None else start.folded
        folded = fold_log(self._log, layout, self._config, begun=begun, goes_on=self._goes_on)
        ranker = make_ranker(rung, layout)
        request = RankRequest(user="-", items=["-"])
        rank(ranker, folded, request, request_id="-", at_ms=0, limit=1)
        return View(folded, ranker, generation)

    def _goes_on(self, seq: int) -> bool:
        self._reached = seq
        return not self._is_stopping
