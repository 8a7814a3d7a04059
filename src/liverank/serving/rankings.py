"""Rankings on their way back into the log.

A ranking is answered first and logged a moment later, by one thread, in batches. Invariant: what
was queued when ``close`` is called is on disk when it returns, or was counted as lost, and why is
in the server's own log.
"""

import logging
import math
import queue
import threading
from collections.abc import Callable

from liverank.config import Serving
from liverank.errors import LogBusyError, LogError
from liverank.events.event import Ranking
from liverank.events.log import Log
from liverank.features.hashing import hash_id
from liverank.serving.ranker import Ranked
from liverank.serving.wire import RankRequest

ALWAYS_LOGGED = 200
"""Candidates up to this many are always logged when a list was cut from them."""
MAX_QUEUED = 100_000
"""Rankings that wait at most; more are lost, and counted."""
_BATCH = 1_000
_GATHER_S = 0.01
"""How long a batch gathers: rankings share a commit."""
_BUSY_TRIES = 5

_logger = logging.getLogger("liverank.serving")


def ranking_event(
    request: RankRequest,
    ranked: Ranked,
    *,
    request_id: str,
    at_ms: int,
    generation: int,
    serving: Serving,
) -> Ranking:
    """The event of a served list; ``generation`` is that of the log that was folded for it.

    Of the lists cut from more than ALWAYS_LOGGED candidates, a share of ``serving.log_candidates``
    logs these too, the rest logs how many they were; of those that a bundle ranked, a share of
    ``serving.log_vectors`` logs what it read, with all candidates. Which ones depends on the
    request id alone.
    """
    items = [item.item for item in ranked.items]
    scores = [item.score for item in ranked.items]
    keeps_vectors = (
        ranked.vectors is not None
        and len(ranked.vectors) > 0
        and _is_sampled(f"vectors:{request_id}", serving.log_vectors)
    )
    was_cut = len(items) < len(ranked.scored)
    keeps_candidates = was_cut and (
        len(ranked.scored) <= ALWAYS_LOGGED
        or request.explain
        or keeps_vectors
        or _is_sampled(request_id, serving.log_candidates)
    )
    return Ranking(
        time=at_ms,
        id=request_id,
        user=request.user,
        items=items,
        surface=request.surface,
        model=ranked.fallback if ranked.model is None else ranked.model,
        cut=ranked.cut,
        generation=generation,
        scores=scores if all(map(math.isfinite, scores)) else None,
        candidates=ranked.scored if keeps_candidates else None,
        candidate_count=len(ranked.scored) if was_cut and not keeps_candidates else None,
        vectors=_packed(ranked, ranked.scored if was_cut else items) if keeps_vectors else None,
        fields=request.fields,
    )


def _is_sampled(text: str, share: float) -> bool:
    return hash_id(text) < share * 2.0**64


def _packed(ranked: Ranked, order: list[str]) -> bytes:
    """What the model read of these items: little-endian float32[items, features]."""
    assert ranked.vectors is not None
    places = {item: place for place, item in enumerate(ranked.scored)}
    return ranked.vectors[[places[item] for item in order]].astype("<f4").tobytes()


class RankingWriter:
    """Appends rankings to the log in a thread of its own. ``put`` never waits and never fails."""

    def __init__(self, log: Log, *, clock_ms: Callable[[], int]) -> None:
        self.lost = 0
        """Rankings that could not be logged."""
        self._log = log
        self._clock_ms = clock_ms
        self._queue: queue.SimpleQueue[Ranking | threading.Event | None] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write, name="rankings", daemon=True)
        self._thread.start()

    def put(self, ranking: Ranking) -> None:
        """Queue a ranking for the log."""
        if self._queue.qsize() >= MAX_QUEUED:
            self.lost += 1
        else:
            self._queue.put(ranking)

    def flush(self) -> None:
        """Wait until what is queued by now is on disk, or counted as lost."""
        written = threading.Event()
        self._queue.put(written)
        while not written.wait(_GATHER_S) and self._thread.is_alive():
            pass

    def close(self) -> None:
        """Write what is queued and stop."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join()

    def _write(self) -> None:
        ended = False
        while not ended:
            batch = [self._queue.get()]
            self._closing.wait(_GATHER_S)
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            ended = None in batch
            rankings = [ranking for ranking in batch if isinstance(ranking, Ranking)]
            if rankings:
                self._append(rankings)
            for one in batch:
                if isinstance(one, threading.Event):
                    one.set()

    def _append(self, rankings: list[Ranking]) -> None:
        for attempt in range(_BUSY_TRIES):
            try:
                self._log.append(rankings, arrived_ms=self._clock_ms())
            except LogBusyError as error:
                if attempt + 1 == _BUSY_TRIES:
                    self._lose(rankings, error)
            except LogError as error:
                self._lose(rankings, error)
                return
            else:
                return

    def _lose(self, rankings: list[Ranking], error: LogError) -> None:
        self.lost += len(rankings)
        _logger.error("%d rankings were served but not logged: %s", len(rankings), error)
