"""Keeps served state up to date: follows new events of the log and promoted bundles.

When events are removed from the log (a user was erased, old events expired), the log is folded
again while workers rank from the previous state. New events are read and folded in the event loop's
thread, a few at a time; long stretches are read, and bundles loaded, in other threads.
Invariant: served state has the layout of its bundle, and is replaced as a whole.
"""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

from liverank.config import Config
from liverank.errors import BundleError, LogError, StateError
from liverank.events.log import Log
from liverank.features.layout.layout import Layout
from liverank.serving.experiments.arm_counts import count_arms
from liverank.serving.ranking.fallback import FallbackLevel
from liverank.serving.server_log.events import write_event
from liverank.serving.simulated.simulation import Simulation
from liverank.serving.state import pauses, promoted
from liverank.serving.state.live_table import LivePublisher
from liverank.serving.state.log_fold import SLICE_ROWS, STEP_ROWS, fold_log
from liverank.serving.state.served_state import ServedState, UpdateCallbacks, UpdateSources
from liverank.serving.state.snapshots import load_newest
from liverank.serving.state.trials import Trials


class StateUpdater:
    """Owns the state that is served, and updates it. Belongs to one event loop.

    It begins with ``level`` and a state of ``layout``.
    """

    def __init__(
        self,
        log: Log,
        config: Config,
        level: FallbackLevel,
        layout: Layout,
        *,
        sources: UpdateSources,
        callbacks: UpdateCallbacks,
    ) -> None:
        self.log_trouble: str | None = None
        """The reason why served state lags behind the log, or None."""
        self.bundle_trouble: str | None = level.reason if level.promoted is not None else None
        """The reason why the bundle that was promoted last is not served, or None."""
        self.stale_trouble: str | None = None
        """The reason why rankings still include events that were removed from the log, or None."""
        self.fresh_ms = 0
        """Unix ms up to which all events of the log are folded; 0 before the first fold."""
        self._log = log
        self._config = config
        self._level = level
        self._layout = layout
        self._bundles = sources.bundles
        self._snapshots = sources.snapshots
        self._clock_ms, self._simulation = sources.clock_ms, sources.simulation
        self._callbacks = callbacks
        self._served: ServedState | None = None
        self._is_stopping = False
        self._replacing = asyncio.Lock()

    async def run(self) -> None:
        """Fold the log, then follow it and the bundles until cancelled.

        Raises LogError when the first fold cannot read the log to its end; later errors are
        reported as trouble, and retried.
        """
        try:
            self._serve(await asyncio.to_thread(self._make_state, self._level, self._layout))
        finally:
            self._is_stopping = self._served is None
        try:
            if self._simulation is not None:
                await self._follow_turns(self._simulation)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_log())
                tasks.create_task(self._follow_generations())
                tasks.create_task(self._follow_expiry())
                tasks.create_task(self._follow_experiments())
                if self._bundles is not None:
                    tasks.create_task(self._follow_bundles(self._bundles))
        finally:
            self._is_stopping = True

    @property
    def served(self) -> ServedState:
        """The state that is served; must not be read before the first ``on_change``."""
        assert self._served is not None
        return self._served

    def _serve(self, state: ServedState) -> None:
        self._served = state
        if state.trials is not None:
            state.trials.served = state.trials.release
        self._callbacks.on_change(state)

    async def _reach_generation(self, generation: int) -> None:
        """Fold the log again if the served state is of an earlier generation.

        Raises LogError if the log cannot be folded again; the served state is then kept.
        """
        async with self._replacing:
            if self.served.generation < generation:
                layout = self.served.folded.layout
                make = partial(self._make_state, self._level, layout, use_snapshot=False)
                self._serve(await asyncio.to_thread(make))
                what = "the log was folded again, without the events that were removed from it"
                write_event("log_folded_again", what, generation=generation)

    async def _follow_log(self) -> None:
        """Fold new events, one slice at a time."""
        while True:
            is_behind = await self._fold_some()
            await asyncio.sleep(0 if is_behind else pauses.POLL_S)

    async def _fold_some(self) -> bool:
        """Fold one slice of new events; returns whether there may be more."""
        state, at_ms = self.served, self._clock_ms()
        try:
            log_slice = state.folded.read_next(self._log, max_rows=STEP_ROWS)
            if state.trials is not None:
                state.trials.refresh(self._log)
        except LogError as error:
            if self.log_trouble is None:
                write_event("log_unread", f"the log is not being followed: {error}")
            self.log_trouble = str(error)
            await asyncio.sleep(pauses.RETRY_S)
            return True
        self.log_trouble = None
        if log_slice is not None:
            before = self._callbacks.before_batch
            state.folded.fold(log_slice, batch=SLICE_ROWS, before=before)
            if state.arms is not None:
                state.arms.count_slice(log_slice)
            state.publisher.publish()
            if state.trials is not None:
                state.trials.follow(log_slice)
        # an event that is not folded yet arrived no earlier than the last folded one
        self.fresh_ms = at_ms if log_slice is None else max(self.fresh_ms, log_slice.arrived_ms)
        self._callbacks.on_look(state.folded.seq)
        if state.trials is not None and state.trials.release != state.trials.served:
            self._serve(state)
        return log_slice is not None

    async def _follow_turns(self, simulation: Simulation) -> None:
        """Update everything once in each turn of a simulation, and at no other time."""
        expired_ms = 0
        simulation.fold_wakeup.listen()
        while True:
            number = await simulation.next_turn()
            await self._look_at_generation()
            if self._bundles is not None and promoted.is_outdated(self._bundles, self._level):
                await self._look_at_bundles(self._bundles)
            while await self._fold_some():
                pass
            if self._bundles is not None:
                await self._fit_challenger(self._bundles)
            await self._look_at_experiments()
            if self._clock_ms() >= expired_ms + 1000 * pauses.EXPIRE_S:
                expired_ms = self._clock_ms()
                self._expire()
            simulation.end_turn(number)

    async def _follow_expiry(self) -> None:
        """Periodically remove expired items from the table of live items; readers skip them."""
        while True:
            await asyncio.sleep(pauses.EXPIRE_S)
            self._expire()

    def _expire(self) -> None:
        self.served.folded.live.candidates(at_ms=self._clock_ms())
        self.served.publisher.publish()

    async def _follow_experiments(self) -> None:
        """Follow changes of experiments: their starts, steps and ends."""
        while True:
            await asyncio.sleep(pauses.EXPERIMENTS_POLL_S)
            await self._look_at_experiments()

    async def _look_at_experiments(self) -> None:
        arms = self.served.arms
        if arms is None or not arms.is_due(self._clock_ms()):
            return
        try:
            async with self._replacing:
                counted = await asyncio.to_thread(
                    count_arms, self._log, self._config, at_ms=self._clock_ms()
                )
                if counted is not None:
                    counted.catch_up(self._log)
                self._serve(replace(self.served, arms=counted))
        except (LogError, StateError) as error:
            what = f"experiments stay as they were, since the log cannot be read: {error}"
            write_event("log_unread", what)
            await asyncio.sleep(pauses.RETRY_S)

    async def _follow_generations(self) -> None:
        """Fold the log again soon after events were removed from it."""
        while True:
            await asyncio.sleep(pauses.GENERATION_POLL_S)
            await self._look_at_generation()

    async def _look_at_generation(self) -> None:
        try:
            await self._reach_generation(self._log.generation())
        except (LogError, StateError) as error:
            if self.stale_trouble is None:
                write_event("log_unread", f"the log cannot be folded again: {error}")
            self.stale_trouble = f"rankings still use events removed from the log: {error}"
        else:
            self.stale_trouble = None

    async def _follow_bundles(self, root: Path) -> None:
        """Serve each promoted bundle, about a second after its promotion."""
        while True:
            await asyncio.sleep(pauses.PROMOTED_POLL_S)
            await self._look_at_bundles(root)
            await self._fit_challenger(root)

    async def _fit_challenger(self, root: Path) -> None:
        """While no bundle serves, fold the log again for a challenger that needs another layout."""
        version = self.served.unfitted
        if version is None:
            return
        layout = await asyncio.to_thread(promoted.layout_of, root, version)
        try:
            async with self._replacing:
                state = self.served
                if layout is not None and layout != state.folded.layout:
                    state = await asyncio.to_thread(self._make_state, self._level, layout)
                if state.trials is not None:
                    state.trials.fitted = version
                self._serve(state)
        except (LogError, StateError) as error:
            write_event("log_unread", f"the log cannot be folded for a challenger: {error}")

    async def _look_at_bundles(self, root: Path) -> None:
        try:
            pointer = await asyncio.to_thread(promoted.promoted_now, root, self._level)
        except BundleError as error:
            if self.bundle_trouble is None:
                write_event("bundle_refused", f"bundles are not being followed: {error}")
            self.bundle_trouble = str(error)
            return
        level = await asyncio.to_thread(promoted.next_level, root, pointer, self._level)
        if level is None:
            self.bundle_trouble = self._level.reason if self._level.promoted is not None else None
            return
        try:
            async with self._replacing:
                await self._adopt(level)
        except (LogError, StateError) as error:
            what = f"bundle {level.promoted} is not served: the log cannot be folded for it"
            trouble = f"{what}: {error}"
            if trouble != self.bundle_trouble:
                write_event("bundle_refused", trouble, promoted=level.promoted)
            self.bundle_trouble = trouble

    async def _adopt(self, level: FallbackLevel) -> None:
        """Switch to another level; fold the log again if it needs another layout."""
        state = self.served
        layout = state.folded.layout if level.bundle is None else level.bundle.spec.layout
        if layout == state.folded.layout:
            self._serve(replace(state, level=level))
        else:
            self._serve(await asyncio.to_thread(self._make_state, level, layout))
        promoted.write_swap(self._level, level)
        self._level = level
        self.bundle_trouble = level.reason if level.promoted is not None else None

    def _make_state(
        self, level: FallbackLevel, layout: Layout, *, use_snapshot: bool = True
    ) -> ServedState:
        """Fold the log, starting from the newest snapshot that fits; may take minutes.

        Without ``use_snapshot``, the whole log is folded: no snapshot fits a log that has changed.
        """
        generation = self._log.generation()
        start = None
        if self._snapshots is not None and use_snapshot:
            start = load_newest(self._log, layout, self._config, self._snapshots)
        folded = fold_log(
            self._log,
            layout,
            self._config,
            start=None if start is None else start.folded,
            keep_going=self._keep_going,
        )
        arms = count_arms(self._log, self._config, at_ms=self._clock_ms())
        trials = None if self._bundles is None else Trials(self._log)
        return ServedState(folded, LivePublisher(folded.live), level, generation, arms, trials)

    def _keep_going(self, seq: int) -> bool:
        if self._served is None:
            self._callbacks.on_look(seq)
        return not self._is_stopping
