"""What is wrong with a server at present, in words.

Invariant: what is told here is true again by itself as soon as its cause has passed.
"""

import numpy as np

from liverank.features.state.sizes import what_was_let_go
from liverank.quantities import duration_ms
from liverank.serving.http.messages import Health, Readiness, StateHealth
from liverank.serving.log_trouble import words_of
from liverank.serving.processes.channel import Troubles
from liverank.serving.service import Service
from liverank.serving.state.snapshots import newest_seq

_JUST_LOST_MS = 1_000
"""Rankings that were lost so lately are being lost."""
NO_BEAT_MS = 5_000
"""A worker that has not shown for so long that it lives is told."""
_LONG_WAIT_MS = 1_500
"""A wait for another process that holds the log is told from then on."""
_KNOWS_NOBODY = (
    "a bundle is served, but the log knows nobody: rankings are guesses; check `path` in "
    "liverank.toml, or bring in the history with `liverank ingest`"
)


class HealthReporter:
    """The health of a server, as one of its workers knows it.

    ``troubles`` is what the other processes told last.
    """

    def __init__(self, service: Service) -> None:
        self.troubles = Troubles()
        self.own_trouble: str | None = None
        """Why this worker does not rank by what it was told to, or None."""
        self.experiments_trouble: str | None = None
        """Why experiments are not all as their config says, or None."""
        self._service = service

    def health(self) -> Health:
        """What somebody who looks after the server should know."""
        service, troubles = self._service, self.troubles
        workers = service.board.workers
        state, memory, unknown = None, None, None
        if service.why_not_ready() is None:
            view = service.view()
            folded = view.state
            state = StateHealth(**folded.sizes._asdict(), clamped=folded.clamped)
            memory = what_was_let_go(folded.sizes)
            if view.ranker.level.bundle is not None and not folded.sizes.rows:
                unknown = _KNOWS_NOBODY
        refused, held = self._refused(), self._held()
        told = [one for one in (refused or held, troubles.log, troubles.stale) if one is not None]
        log = "; ".join(told) or self._behind() or unknown
        processes = troubles.folding or self._missing_workers() or self._silent_workers()
        rankings = service.writer.trouble or self._not_logged()
        if rankings is None and held is not None and workers["rankings_queued"].any():
            rankings = (
                f"{workers['rankings_queued'].sum():,} rankings are not in the log yet: {held}"
            )
        bundle = troubles.bundle or self.own_trouble
        bundle = bundle or self._of_others("lacks_bundle", "load the bundle that is served")
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
            rankings_lost=int(workers["rankings_lost"].sum()),
            lag_s=round(self.lag_s(), 3),
            snapshot=troubles.snapshot,
            snapshot_seq=newest_seq(service.snapshots),
            memory=memory,
            state=state,
            pids=self.pids(),
        )

    def readiness(self) -> Readiness:
        """Whether rankings can be answered, and by what."""
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
        """The processes of the server by what they do; one that is missing is left out."""
        board = self._service.board
        pids = {"fold": int(board.folding["pid"])}
        for place, pid in enumerate(board.workers["pid"].tolist()):
            pids[f"worker-{place}"] = pid
        return {name: pid for name, pid in pids.items() if pid}

    def lag_s(self) -> float:
        """How old the oldest event may be that is not folded, in seconds; 0 before there is a view.

        It counts from when all of the log was folded last, or from the arrival of the last event
        that is folded, so it also grows while the folding process does not look at the log. In
        simulated time it is 0.
        """
        if self._service.simulation is not None:
            return 0.0  # what is answered is folded
        fresh_ms = int(self._service.board.folding["fresh_ms"])
        return max(self._service.clock_ms() - fresh_ms, 0) / 1000 if fresh_ms else 0.0

    def _refused(self) -> str | None:
        """Why events are refused, by what the workers' last appends came to, or None."""
        words = words_of(self._service.board.workers["refuses_events"].tolist())
        if words is None:
            return None
        return f"events are refused (what was acknowledged before is safe): {words}"

    def _held(self) -> str | None:
        """That another process has held the log's write lock for a while, or None."""
        service = self._service
        waits_ms = int(service.board.workers["log_waits_ms"].max())
        if waits_ms < _LONG_WAIT_MS:
            return None
        return (
            f"another process has held the log's write lock for {waits_ms / 1000:.0f} s; look for "
            f"it with `fuser`: events wait for {service.config.serving.log_wait} "
            "(`serving.log_wait`) and are refused then, rankings wait in memory"
        )

    def _not_logged(self) -> str | None:
        """Why rankings are not being logged by some worker, or None."""
        service = self._service
        words = words_of(service.board.workers["lacks_log"].tolist())
        if words is not None:
            return f"rankings are not logged: {words}"
        lost_ms = int(service.board.workers["lost_ms"].max())
        if service.wall_ms() - lost_ms > _JUST_LOST_MS:
            return None
        return (
            "rankings are lost, as more come than the log takes; look at the disk of the log, or "
            "log a share of them (`serving.log_rankings`)"
        )

    def _behind(self) -> str | None:
        """That rankings lack what came into the log lately, or None."""
        lag_s, most = self.lag_s(), self._service.config.serving.max_lag
        if 1000 * lag_s <= duration_ms(most):
            return None
        return (
            f"rankings know nothing of the last {lag_s:.0f} s (`serving.max_lag` is {most}): the "
            "log is folded more slowly than it grows, or not at all; see whether the machine is "
            "short of processor time and what the server's log says, and restart it otherwise"
        )

    def _not_adopted(self) -> str | None:
        """That there are workers which cannot rank yet, or None."""
        workers = self._service.board.workers
        waiting = int(((workers["pid"] != 0) & (workers["view"] == 0)).sum())
        return f"{waiting} of {len(workers)} workers cannot rank yet" if waiting else None

    def _silent_workers(self) -> str | None:
        """That workers do not come round to what they must do, or None."""
        beats = self._service.board.workers["beat_ms"]
        silent = (beats > 0) & (self._service.wall_ms() - beats > NO_BEAT_MS)
        named = ", ".join(map(str, np.flatnonzero(silent).tolist()))
        what = "has done nothing for 5 s; see what its process waits for, or end it: another starts"
        return f"worker {named} {what}" if named else None

    def _of_others(self, lacks: str, what: str) -> str | None:
        """What some workers cannot do, by their flags on the board, or None."""
        places = np.flatnonzero(self._service.board.workers[lacks]).tolist()
        named = ", ".join(map(str, places))
        return f"worker {named} cannot {what}; the server's log says why" if places else None

    def _missing_workers(self) -> str | None:
        """That workers have ended, and those in their places do not work yet, or None."""
        workers = self._service.board.workers
        missing = (workers["pid"] == 0) | ((workers["beat_ms"] == 0) & (workers["view"] > 0))
        named = ", ".join(map(str, np.flatnonzero(missing).tolist()))
        what = "is missing and is being replaced; the server's log says why it ended"
        return f"worker {named} {what}" if named else None
