"""Makes the view that a worker ranks from: maps the shared memory, and loads bundles.

Invariant: a view is whole when it is returned; it was ranked from once, so its kernels are
compiled.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from liverank.errors import BundleError
from liverank.features.state.state import State
from liverank.quantities import duration_ms
from liverank.serving.experiments.arm_counts import half_life_ms
from liverank.serving.experiments.arm_table import ArmTable
from liverank.serving.experiments.loading import load_variants
from liverank.serving.experiments.variants import Variants
from liverank.serving.health import HealthReporter
from liverank.serving.http.messages import RankRequest
from liverank.serving.processes.channel import NewView
from liverank.serving.processes.deployment import Deployment
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.fallback import FallbackLevel, fixed_level
from liverank.serving.ranking.ranker import View, make_ranker, rank
from liverank.serving.releases.challenger import with_challenger
from liverank.serving.server_log.events import write_event
from liverank.serving.service import Service
from liverank.serving.state.live_table import LiveTable


class ViewMaker:
    """Makes the views of the worker with this index, in any thread, one at a time."""

    def __init__(
        self, deployment: Deployment, service: Service, health: HealthReporter, index: int
    ) -> None:
        self.trouble: str | None = None
        """The reason why the last view is not as it should be, or None."""
        self._deployment = deployment
        self._service = service
        self._health = health
        self._index = index

    def make(self, message: NewView, fds: list[int]) -> View:
        """The view of a message and its descriptors. Raises LiverankError."""
        self.trouble = None
        state = State(message.layout, fd=fds[0])
        state.is_abandoned = self._is_abandoned(message)
        state.ask_for_gap = self._ask_for_gap
        expire_after_ms = duration_ms(self._deployment.config.serving.expire_after)
        live = LiveTable(
            expire_after_ms=expire_after_ms, fd=fds[1], is_abandoned=state.is_abandoned
        )
        state.store.close()
        live.close()
        ranker = make_ranker(self._level_of(message), message.layout)
        variants = self._load_variants(message, state, fds[2]) if len(fds) > 2 else None
        autopilot = self._deployment.config.autopilot
        explore = autopilot.explore if autopilot is not None and message.explores else 0.0
        view = View(state, live, ranker, message.generation, variants, explore)
        request = RankRequest(user="-", items=["-"])
        rank(view, Hashes(), request, request_id="-", at_ms=0, limit=1)
        return with_challenger(
            view, message.release, root=self._deployment.bundles, before=self._before()
        )

    def _before(self) -> View | None:
        """The view that ranks at present, or None."""
        return None if self._service.why_not_ready() else self._service.view()

    def _is_abandoned(self, message: NewView) -> Callable[[], bool]:
        folding = self._service.board.folding
        return lambda: int(folding["incarnation"]) != message.incarnation

    def _load_variants(self, message: NewView, state: State, fd: int) -> Variants:
        """Load the variants of experiments; ``/healthz`` reports failures."""
        deployment, before = self._deployment, self._before()
        table = ArmTable(half_life_ms=half_life_ms(deployment.config), fd=fd)
        table.close()
        variants = load_variants(
            deployment.config,
            message.changes,
            state,
            table,
            root=deployment.bundles,
            before=None if before is None else before.variants,
        )
        self._health.experiments_trouble = variants.trouble
        return variants

    def _ask_for_gap(self, seconds: float) -> None:
        """Ask the fold for a pause long enough for a read of ``seconds``; 0 withdraws the request.

        If two threads read at once, one may withdraw the other's request, which then asks again.
        """
        self._service.counts["wants_gap_us"] = int(1e6 * seconds)

    def _level_of(self, message: NewView) -> FallbackLevel:
        """The fallback level of a message, or the next lower one if its bundle no longer loads.

        A bundle that is already loaded is not loaded again.
        """
        if message.bundle is None:
            return FallbackLevel(None, message.fallback, message.reason, message.promoted)
        directory, before = Path(message.bundle), self._before()
        present = None if before is None else before.ranker.level
        if present is not None and present.bundle is not None and present.directory == directory:
            return replace(
                present, fallback=message.fallback, reason=message.reason, promoted=message.promoted
            )
        try:
            bundle = fixed_level(directory).bundle
        except BundleError as error:
            self.trouble = reason = f"the bundle no longer loads: {error}"
            if reason != self._health.own_trouble:
                write_event("bundle_refused", f"worker {self._index}: {reason}")
            last = None if present is None else present.bundle
            if present is not None and last is not None and last.spec.layout == message.layout:
                return replace(
                    present, fallback="previous", reason=reason, promoted=message.promoted
                )
            return FallbackLevel(None, "popular", reason, message.promoted)
        return FallbackLevel(bundle, message.fallback, message.reason, message.promoted, directory)
