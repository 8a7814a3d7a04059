"""Health of a server: the present problems, as ``/healthz`` and ``/readyz`` report them.

Invariant: a problem is no longer reported as soon as its cause has passed.
"""

import numpy as np

from liverank.features.state.sizes import memory_warning
from liverank.quantities import duration_ms
from liverank.serving.http.messages import Health, Readiness, ReleaseHealth, StateHealth
from liverank.serving.log_trouble import messages_of
from liverank.serving.processes.channel import Troubles
from liverank.serving.service import Service
from liverank.serving.state.snapshots import newest_seq

_RECENT_LOSS_MS = 1_000
"""Milliseconds for which a lost ranking is reported."""
NO_BEAT_MS = 5_000
"""Milliseconds without a sign of life after which a worker is reported."""
_LONG_WAIT_MS = 1_500
"""Milliseconds of waiting for the log's lock from which on the wait is reported."""
_NO_HISTORY = (
    "a bundle is served, but the log has no history of users: rankings are guesses; check `path` "
    "in liverank.toml, or import the history with `liverank ingest`"
)


class HealthReporter:
    """The health of a server, reported by one of its workers.

    ``troubles`` are the latest problems that other processes reported.
    """

    def __init__(self, service: Service) -> None:
        self.troubles = Troubles()
        self.own_trouble: str | None = None
        """The reason why this worker does not rank by the current view, or None."""
        self.experiments_trouble: str | None = None
        """The reason why experiments do not run as configured, or None."""
        self._service = service

    def health(self) -> Health:
        """The health report for operators."""
        service, troubles = self._service, self.troubles
        workers = service.board.workers
        state, memory, unknown = None, None, None
        if service.why_not_ready() is None:
            view = service.view()
            folded = view.state
            state = StateHealth(**folded.sizes._asdict(), clamped=folded.clamped)
            memory = memory_warning(folded.sizes)
            if view.ranker.level.bundle is not None and not folded.sizes.rows:
                unknown = _NO_HISTORY
        refused, locked = self._refused_events(), self._log_locked()
        reported = (refused or locked, troubles.log, troubles.stale)
        reasons = "; ".join(one for one in reported if one is not None)
        log = reasons or self._behind() or unknown
        processes = troubles.folding or self._missing_workers() or self._silent_workers()
        rankings = service.writer.trouble or self._not_logged()
        if rankings is None and locked is not None and workers["rankings_queued"].any():
            rankings = (
                f"{workers['rankings_queued'].sum():,} rankings are not in the log yet: {locked}"
            )
        bundle = troubles.bundle or self.own_trouble
        bundle = bundle or self._flagged_workers("lacks_bundle", "load the bundle that is served")
        experiments = self.experiments_trouble
        wrong = (log, bundle, processes, rankings, experiments)
        return Health(
            ok=all(one is None for one in wrong),
            simulated=service.simulation is not None,
            log=log,
            bundle=bundle,
            processes=processes,
            rankings=rankings,
            experiments=experiments,
            release=self._release(),
            rankings_lost=int(workers["rankings_lost"].sum()),
            lag_s=round(self.lag_s(), 3),
            snapshot=troubles.snapshot,
            snapshot_seq=newest_seq(service.snapshots),
            memory=memory,
            state=state,
            pids=self.pids(),
        )

    def _release(self) -> ReleaseHealth | None:
        """The challenger on trial in this worker's view, or None."""
        service = self._service
        challenger = None if service.why_not_ready() else service.view().challenger
        if challenger is None:
            return None
        release = challenger.release
        return ReleaseHealth(
            version=release.version,
            stage=release.stage,
            share=release.share,
            since_ms=release.since_ms,
            trouble=challenger.trouble,
        )

    def readiness(self) -> Readiness:
        """Whether rankings can be answered, and by which model or fallback."""
        service = self._service
        reason = service.why_not_ready() or self._not_adopted()
        if reason is not None:
            return Readiness(ready=False, reason=reason)
        view = service.view()
        level = view.ranker.level
        return Readiness(
            ready=True,
            seq=view.state.seq,
            model=None if level.bundle is None else level.bundle.version,
            fallback=level.fallback,
            reason=level.reason,
        )

    def pids(self) -> dict[str, int]:
        """Process ids by process name; a missing process is omitted."""
        board = self._service.board
        pids = {"fold": int(board.folding["pid"])}
        for index, pid in enumerate(board.workers["pid"].tolist()):
            pids[f"worker-{index}"] = pid
        return {name: pid for name, pid in pids.items() if pid}

    def lag_s(self) -> float:
        """Largest possible age of an event that is not folded, seconds; 0 before the first view.

        It is the time since the whole log was folded, or since the last folded event arrived, so it
        also grows while the folding process does not read the log. In simulated time it is 0.
        """
        if self._service.simulation is not None:
            return 0.0  # everything is folded before an answer
        fresh_ms = int(self._service.board.folding["fresh_ms"])
        return max(self._service.clock_ms() - fresh_ms, 0) / 1000 if fresh_ms else 0.0

    def _refused_events(self) -> str | None:
        """The reason why events are refused, from the workers' last appends, or None."""
        message = messages_of(self._service.board.workers["refuses_events"].tolist())
        if message is None:
            return None
        return f"events are refused (acknowledged events are safe): {message}"

    def _log_locked(self) -> str | None:
        """A message if another process has held the log's write lock for some time, or None."""
        service = self._service
        waits_ms = int(service.board.workers["log_waits_ms"].max())
        if waits_ms < _LONG_WAIT_MS:
            return None
        return (
            f"another process has held the log's write lock for {waits_ms / 1000:.0f} s; look for "
            f"it with `fuser`: events wait for {service.config.serving.log_wait} "
            "(`serving.log_wait`) and are then refused, rankings wait in memory"
        )

    def _not_logged(self) -> str | None:
        """The reason why some worker does not log rankings, or None."""
        service = self._service
        message = messages_of(service.board.workers["lacks_log"].tolist())
        if message is not None:
            return f"rankings are not logged: {message}"
        lost_ms = int(service.board.workers["lost_ms"].max())
        if service.wall_ms() - lost_ms > _RECENT_LOSS_MS:
            return None
        return (
            "rankings are lost, because they are made faster than the log can store them; check "
            "the disk of the log, or log a share of them (`serving.log_rankings`)"
        )

    def _behind(self) -> str | None:
        """A message if rankings do not include the newest events of the log, or None."""
        lag_s, max_lag = self.lag_s(), self._service.config.serving.max_lag
        if 1000 * lag_s <= duration_ms(max_lag):
            return None
        return (
            f"rankings do not include events of the last {lag_s:.0f} s (`serving.max_lag` is "
            f"{max_lag}): the log is folded more slowly than it grows, or not at all; check the "
            "machine's processor time and the server's log, or else restart the server"
        )

    def _not_adopted(self) -> str | None:
        """A message if some workers cannot rank yet, or None."""
        workers = self._service.board.workers
        waiting = int(((workers["pid"] != 0) & (workers["view"] == 0)).sum())
        return f"{waiting} of {len(workers)} workers cannot rank yet" if waiting else None

    def _silent_workers(self) -> str | None:
        """A message if workers show no sign of life, or None."""
        beats = self._service.board.workers["beat_ms"]
        silent = (beats > 0) & (self._service.wall_ms() - beats > NO_BEAT_MS)
        named = ", ".join(map(str, np.flatnonzero(silent).tolist()))
        what = (
            "has done nothing for 5 s; see what its process waits for, or kill it: another starts"
        )
        return f"worker {named} {what}" if named else None

    def _flagged_workers(self, flag: str, what: str) -> str | None:
        """A message on the workers with a certain flag on the board, or None."""
        indexes = np.flatnonzero(self._service.board.workers[flag]).tolist()
        named = ", ".join(map(str, indexes))
        return f"worker {named} cannot {what}; the server's log says why" if indexes else None

    def _missing_workers(self) -> str | None:
        """A message if workers have ended and their replacements are not ready, or None."""
        workers = self._service.board.workers
        missing = (workers["pid"] == 0) | ((workers["beat_ms"] == 0) & (workers["view"] > 0))
        named = ", ".join(map(str, np.flatnonzero(missing).tolist()))
        what = "is missing and is being replaced; the server's log says why it ended"
        return f"worker {named} {what}" if named else None
