"""What is wrong with a server at present, in words.

Invariant: what is told here is true again by itself as soon as its cause has passed.
"""

import numpy as np

from liverank.features.sizes import what_was_let_go
from liverank.serving.http.messages import Health, Readiness, StateHealth
from liverank.serving.processes.channel import Troubles
from liverank.serving.service import Service
from liverank.serving.state.snapshots import newest_seq

_LOOKED_WITHIN_MS = 5_000
"""A folding process that has not looked at the log for so long is told."""


class HealthOf:
    """The health of a server, as one of its workers knows it.

    ``troubles`` is what the other processes told last.
    """

    def __init__(self, service: Service) -> None:
        self.troubles = Troubles()
        self.own_trouble: str | None = None
        """Why this worker does not rank by what it was told to, or None."""
        self._service = service

    def health(self) -> Health:
        """What somebody who looks after the server should know."""
        service, troubles = self._service, self.troubles
        workers = service.board.workers
        state, memory = None, None
        if service.why_not_ready() is None:
            folded = service.view().state
            state = StateHealth(**folded.sizes._asdict(), clamped=folded.clamped)
            memory = what_was_let_go(folded.sizes)
        log = troubles.log or troubles.stale or self._standing_still()
        processes = troubles.folding or self._missing_workers()
        rankings = service.writer.trouble or self._of_others("lacks_log", "log its rankings")
        bundle = troubles.bundle or self.own_trouble
        bundle = bundle or self._of_others("lacks_bundle", "load the bundle that is served")
        wrong = (log, bundle, processes, rankings)
        return Health(
            ok=all(one is None for one in wrong),
            log=log,
            bundle=bundle,
            processes=processes,
            rankings=rankings,
            rankings_lost=int(workers["rankings_lost"].sum()),
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
        rung = view.ranker.rung
        return Readiness(
            ready=True,
            seq=view.state.seq,
            model=None if rung.bundle is None else rung.bundle.version,
            fallback=rung.fallback,
            reason=rung.reason,
        )

    def pids(self) -> dict[str, int]:
        """The processes of the server by what they do; one that is missing is left out."""
        board = self._service.board
        pids = {"fold": int(board.folding["pid"])}
        for place, pid in enumerate(board.workers["pid"].tolist()):
            pids[f"worker-{place}"] = pid
        return {name: pid for name, pid in pids.items() if pid}

    def lag_s(self) -> float:
        """For how long the folding process has not looked at the log, or 0 before it began."""
        looked_ms = int(self._service.board.folding["looked_ms"])
        return max(self._service.clock_ms() - looked_ms, 0) / 1000 if looked_ms else 0.0

    def _standing_still(self) -> str | None:
        lag_s = self.lag_s()
        if 1000 * lag_s < _LOOKED_WITHIN_MS or self._service.why_not_ready() is not None:
            return None
        return f"the folding process has not looked at the log for {lag_s:.0f} s"

    def _not_adopted(self) -> str | None:
        """That there are workers which cannot rank yet, or None."""
        workers = self._service.board.workers
        waiting = int(((workers["pid"] != 0) & (workers["view"] == 0)).sum())
        return f"{waiting} of {len(workers)} workers cannot rank yet" if waiting else None

    def _of_others(self, lacks: str, what: str) -> str | None:
        """What some workers cannot do, by their flags on the board, or None."""
        places = np.flatnonzero(self._service.board.workers[lacks]).tolist()
        named = ", ".join(map(str, places))
        return f"worker {named} cannot {what}; the server's log says why" if places else None

    def _missing_workers(self) -> str | None:
        pids = self._service.board.workers["pid"].tolist()
        missing = [str(place) for place, pid in enumerate(pids) if not pid]
        return f"worker {', '.join(missing)} is missing; it is being replaced" if missing else None
