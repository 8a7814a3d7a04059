"""What is served, kept current: the log is followed as it grows, bundles as they are promoted.

When events are taken from the log (a user was erased, old ones expired), it is folded again while
workers rank from what was folded before. The few newest events are read and folded in one thread;
long stretches are read, and bundles loaded, in others.
Invariant: what is served has the layout of its bundle, and is replaced as a whole.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from liverank.config import Config
from liverank.errors import BundleError, LogError, StateError
from liverank.events.log import Log
from liverank.features.layout.layout import Layout
from liverank.serving.experiments.arm_counts import ArmCounts, count_arms
from liverank.serving.ranking.fallback import FallbackLevel
from liverank.serving.server_log.events import write_event
from liverank.serving.simulated.simulation import Simulation
from liverank.serving.state.live_table import LivePublisher
from liverank.serving.state.log_fold import SLICE_ROWS, STEP_ROWS, FoldedLog, fold_log
from liverank.serving.state.promoted import is_outdated, next_rung, promoted_version, write_swap
from liverank.serving.state.snapshots import load_newest

POLL_S = 0.02
"""How often the log is looked at for new events."""
PROMOTED_POLL_S = 1.0
"""How often the pointer to the current bundle is looked at."""
GENERATION_POLL_S = 0.1
"""How often we look whether events were taken from the log."""
EXPERIMENTS_POLL_S = 0.2
"""How often we look whether something became of an experiment."""
EXPIRE_S = 30.0
"""How often the table of live items is freed of those that expired."""
RETRY_S = 0.5
"""How long the fold waits after an error of the log."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served: the folded log, the rung that ranks it, and its live items, published."""

    folded: FoldedLog
    publisher: LivePublisher
    rung: FallbackLevel
    generation: int
    """Of the log, when the fold began: a later one lacks events that were folded."""
    arms: ArmCounts | None = None
    """Popularity for each variant; None where the config names no experiments."""


class Current:
    """What is served at present. Belongs to one event loop.

    ``bundles`` is the root of the bundles to follow, or None to stay on ``rung``; ``snapshots`` the
    folder of snapshots to start from, if any. ``clock_ms`` gives the time in Unix ms. ``on_change``
    is told of all that is to be served from then on, ``on_look`` of each look at the log and the
    seq reached; ``before_batch`` is called before each batch that is folded while others read.
    With a ``simulation``, nothing is followed but in its turns.
    """

    def __init__(
        self,
        log: Log,
        config: Config,
        rung: FallbackLevel,
        layout: Layout,
        *,
        bundles: Path | None,
        snapshots: Path | None = None,
        clock_ms: Callable[[], int],
        on_change: Callable[[Serving], None],
        on_look: Callable[[int], None] = lambda _seq: None,
        before_batch: Callable[[], None] | None = None,
        simulation: Simulation | None = None,
    ) -> None:
        self.log_trouble: str | None = None
        """Why what is served lags behind the log, or None."""
        self.bundle_trouble: str | None = rung.reason if rung.promoted is not None else None
        """Why the bundle that was promoted last is not served, or None."""
        self.stale_trouble: str | None = None
        """Why rankings still know events that were taken from the log, or None."""
        self.fresh_ms = 0
        """All that the log held at this time, Unix ms, is folded; 0 before there is anything."""
        self._log = log
        self._config = config
        self._rung = rung
        self._layout = layout
        self._bundles = bundles
        self._snapshots = snapshots
        self._clock_ms = clock_ms
        self._on_change = on_change
        self._on_look = on_look
        self._before_batch = before_batch
        self._simulation = simulation
        self._serving: Serving | None = None
        self._is_stopping = False
        self._replacing = asyncio.Lock()

    async def run(self) -> None:
        """Fold the log, then follow it and the bundles until cancelled.

        Raises LogError when the log cannot be read to its end at first; later ones are trouble
        that is told and retried.
        """
        try:
            self._serve(await asyncio.to_thread(self._make, self._rung, self._layout))
        finally:
            self._is_stopping = self._serving is None
        try:
            if self._simulation is not None:
                await self._follow_turns(self._simulation)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_log())
                tasks.create_task(self._follow_generations())
                tasks.create_task(self._forget_expired())
                tasks.create_task(self._follow_experiments())
                if self._bundles is not None:
                    tasks.create_task(self._follow_bundles(self._bundles))
        finally:
            self._is_stopping = True

    @property
    def serving(self) -> Serving:
        """What is served. Only once there is something: see ``on_change``."""
        assert self._serving is not None
        return self._serving

    def _serve(self, serving: Serving) -> None:
        self._serving = serving
        self._on_change(serving)

    async def _reach(self, generation: int) -> None:
        """Serve nothing of an earlier generation of the log.

        Raises LogError when the log cannot be folded again; what is served stays.
        """
        async with self._replacing:
            if self.serving.generation < generation:
                layout = self.serving.folded.layout
                self._serve(await asyncio.to_thread(self._make, self._rung, layout, anew=True))
                what = "the log was folded again, without what was taken from it"
                write_event("log_folded_again", what, generation=generation)

    async def _follow_log(self) -> None:
        """Fold what arrives, one slice a turn."""
        while True:
            is_behind = await self._fold_some()
            await asyncio.sleep(0 if is_behind else POLL_S)

    async def _fold_some(self) -> bool:
        """Fold one slice of what arrived; returns whether there may be more."""
        serving, at_ms = self.serving, self._clock_ms()
        try:
            piece = serving.folded.read_few(self._log, max_rows=STEP_ROWS)
        except LogError as error:
            if self.log_trouble is None:
                write_event("log_unread", f"the log is not being followed: {error}")
            self.log_trouble = str(error)
            await asyncio.sleep(RETRY_S)
            return True
        self.log_trouble = None
        if piece is not None:
            serving.folded.fold(piece, batch=SLICE_ROWS, before=self._before_batch)
            serving.publisher.publish()
            if serving.arms is not None:
                serving.arms.take(piece)
        # the oldest event that is not folded yet came no earlier than the last one that is
        self.fresh_ms = at_ms if piece is None else max(self.fresh_ms, piece.arrived_ms)
        self._on_look(serving.folded.seq)
        return piece is not None

    async def _follow_turns(self, simulation: Simulation) -> None:
        """Bring all that is served up to date, whenever that is asked for and never else."""
        expired_ms = 0
        simulation.fold_wakeup.listen()
        while True:
            number = await simulation.next_turn()
            await self._look_at_generation()
            if self._bundles is not None and is_outdated(self._bundles, self._rung):
                await self._look_at_bundles(self._bundles)
            while await self._fold_some():
                pass
            await self._look_at_experiments()
            if self._clock_ms() >= expired_ms + 1000 * EXPIRE_S:
                expired_ms = self._clock_ms()
                self._expire()
            simulation.end_turn(number)

    async def _forget_expired(self) -> None:
        """Let the table of live items lose those that expired: readers pass over them anyway."""
        while True:
            await asyncio.sleep(EXPIRE_S)
            self._expire()

    def _expire(self) -> None:
        self.serving.folded.live.candidates(at_ms=self._clock_ms())
        self.serving.publisher.publish()

    async def _follow_experiments(self) -> None:
        """Rank as experiments are, a moment after something became of one."""
        while True:
            await asyncio.sleep(EXPERIMENTS_POLL_S)
            await self._look_at_experiments()

    async def _look_at_experiments(self) -> None:
        arms = self.serving.arms
        if arms is None or not arms.is_due(self._clock_ms()):
            return
        try:
            async with self._replacing:
                counted = await asyncio.to_thread(
                    count_arms, self._log, self._config, at_ms=self._clock_ms()
                )
                if counted is not None:
                    counted.catch_up(self._log)
                self._serve(replace(self.serving, arms=counted))
        except (LogError, StateError) as error:
            what = f"experiments are as before, since the log cannot be read: {error}"
            write_event("log_unread", what)
            await asyncio.sleep(RETRY_S)

    async def _follow_generations(self) -> None:
        """Forget what was erased, a moment after it was, and a fold."""
        while True:
            await asyncio.sleep(GENERATION_POLL_S)
            await self._look_at_generation()

    async def _look_at_generation(self) -> None:
        try:
            await self._reach(self._log.generation())
        except (LogError, StateError) as error:
            if self.stale_trouble is None:
                write_event("log_unread", f"the log cannot be folded again: {error}")
            self.stale_trouble = f"what was taken from the log still ranks: {error}"
        else:
            self.stale_trouble = None

    async def _follow_bundles(self, root: Path) -> None:
        """Serve what is promoted, about a second after it was."""
        while True:
            await asyncio.sleep(PROMOTED_POLL_S)
            await self._look_at_bundles(root)

    async def _look_at_bundles(self, root: Path) -> None:
        try:
            promoted = await asyncio.to_thread(promoted_version, root, self._rung)
        except BundleError as error:
            if self.bundle_trouble is None:
                write_event("bundle_refused", f"bundles are not being followed: {error}")
            self.bundle_trouble = str(error)
            return
        rung = await asyncio.to_thread(next_rung, root, promoted, self._rung)
        if rung is None:
            self.bundle_trouble = self._rung.reason if self._rung.promoted is not None else None
            return
        try:
            async with self._replacing:
                await self._adopt(rung)
        except (LogError, StateError) as error:
            what = f"bundle {rung.promoted} is not served: the log cannot be folded for it"
            trouble = f"{what}: {error}"
            if trouble != self.bundle_trouble:
                write_event("bundle_refused", trouble, promoted=rung.promoted)
            self.bundle_trouble = trouble

    async def _adopt(self, rung: FallbackLevel) -> None:
        """Rank by another rung; the log is folded again when its layout differs."""
        serving = self.serving
        layout = serving.folded.layout if rung.bundle is None else rung.bundle.spec.layout
        if layout == serving.folded.layout:
            self._serve(replace(serving, rung=rung))
        else:
            self._serve(await asyncio.to_thread(self._make, rung, layout))
        write_swap(self._rung, rung)
        self._rung = rung
        self.bundle_trouble = rung.reason if rung.promoted is not None else None

    def _make(self, rung: FallbackLevel, layout: Layout, *, anew: bool = False) -> Serving:
        """Fold the log, from the newest snapshot that fits; takes its time.

        ``anew`` where none can fit, as the log has changed.
        """
        generation = self._log.generation()
        start = None
        if self._snapshots is not None and not anew:
            start = load_newest(self._log, layout, self._config, self._snapshots)
        begun = None if start is None else start.folded
        folded = fold_log(self._log, layout, self._config, begun=begun, goes_on=self._goes_on)
        arms = count_arms(self._log, self._config, at_ms=self._clock_ms())
        return Serving(folded, LivePublisher(folded.live), rung, generation, arms)

    def _goes_on(self, seq: int) -> bool:
        if self._serving is None:
            self._on_look(seq)
        return not self._is_stopping
