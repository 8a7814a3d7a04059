"""Logs rankings: samples them, builds their events, and appends these in batches in a thread.

A ranking is answered first and logged a moment later. Invariant: a ranking that was queued before
``close`` is on disk when ``close`` returns, or was counted as lost with the reason in the server's
own log. A process that is killed loses the rankings queued in the last GATHER_S (in simulated time:
since the last ``flush``).
"""

import math
import threading
from collections import deque
from collections.abc import Callable

import xxhash

from liverank.config import Serving
from liverank.errors import EventError, LiverankError, LogBusyError, LogError
from liverank.events.event import Fields, ServedRanking
from liverank.events.log import Log
from liverank.experiments.interleaving.teams import TEAMS_FIELD
from liverank.serving.http.messages import RankRequest
from liverank.serving.log_trouble import LogTrouble, trouble_of
from liverank.serving.ranking.ranker import RankedList
from liverank.serving.server_log.events import write_event

ALWAYS_LOGGED = 200
"""Number of candidates up to which they are always logged with a cut list."""
MAX_QUEUED = 50_000
"""Maximum number of rankings that wait for the log; others are lost, and counted."""
GATHER_S = 0.08
"""Seconds in which rankings gather into a batch, which shares a commit and a row of the log."""
_BATCH = 2_000
_BUSY_TRIES = 5
_CANDIDATES_SAMPLE, _VECTORS_SAMPLE, _LOGGED_SAMPLE, SHADOW_SAMPLE, EXPLORED_SAMPLE = range(5)
"""Numbers of the random samples of request ids; each is drawn independently."""


def queue_ranking(
    writer: "RankingWriter",
    request: RankRequest,
    ranked: RankedList,
    *,
    request_id: str,
    at_ms: int,
    generation: int,
    serving: Serving,
) -> None:
    """Queue a ranking for the log, if it is in the sample of ``serving.log_rankings``.

    The arguments are those of ``ranking_event``.
    """
    if is_sampled(request_id, serving.log_rankings, _LOGGED_SAMPLE):
        event = ranking_event(
            request,
            ranked,
            request_id=request_id,
            at_ms=at_ms,
            generation=generation,
            serving=serving,
        )
        writer.put(event)


def ranking_event(
    request: RankRequest,
    ranked: RankedList,
    *,
    request_id: str,
    at_ms: int,
    generation: int,
    serving: Serving,
) -> ServedRanking:
    """The event of a served list; ``generation`` is that of the log that was folded for it.

    If a list was cut from more than ALWAYS_LOGGED candidates, a share ``serving.log_candidates`` of
    such lists logs the candidates, the others only their number. A share ``serving.log_vectors`` of
    the lists that a bundle ranked logs the features it read, and all candidates. The request id
    alone determines the samples.
    """
    items, scores, scored = ranked.items, ranked.scores, len(ranked.candidates.hashes)
    keeps_vectors = (
        ranked.vectors is not None
        and scored > 0
        and is_sampled(request_id, serving.log_vectors, _VECTORS_SAMPLE)
    )
    was_cut = len(items) < scored
    keeps_candidates = was_cut and (
        scored <= ALWAYS_LOGGED
        or request.explain
        or keeps_vectors
        or is_sampled(request_id, serving.log_candidates, _CANDIDATES_SAMPLE)
    )
    vectors = None
    if keeps_vectors:
        assert ranked.vectors is not None
        rows = ranked.vectors if was_cut else ranked.vectors[ranked.order]
        vectors = rows.astype("<f4").tobytes()
    return ServedRanking(
        time=at_ms,
        id=request_id,
        user=request.user,
        items=items,
        surface=request.surface,
        variant=ranked.variant,
        model=ranked.model or ranked.fallback or ranked.policy,
        cut=ranked.cut,
        generation=generation,
        scores=scores if math.isfinite(scores.sum()) else None,
        propensities=ranked.propensities,
        candidates=ranked.candidates.all_names() if keeps_candidates else None,
        candidate_count=scored if was_cut and not keeps_candidates else None,
        vectors=vectors,
        fields=fields_of(request, ranked),
    )


def fields_of(request: RankRequest, ranked: RankedList) -> Fields:
    """The request's fields, and for an interleaved list the source of each item."""
    if ranked.teams is None:
        return request.fields
    return {**request.fields, TEAMS_FIELD: ranked.teams}


def is_sampled(request_id: str, share: float, sample: int) -> bool:
    """Whether a request belongs to a random sample of this share of all requests.

    Different numbers ``sample`` give independent samples.

    >>> [is_sampled("q1", share, 0) for share in (0.0, 1.0)]
    [False, True]
    """
    if share <= 0.0 or share >= 1.0:
        return share >= 1.0
    text = request_id.encode("utf-8", "surrogatepass")
    return xxhash.xxh3_64_intdigest(text, seed=sample) < share * 2.0**64


class RankingWriter:
    """Appends rankings to the log in its own thread. ``put`` never waits and never fails.

    With ``only_flushes``, there is no thread: any number of rankings wait for the next ``flush``.
    """

    def __init__(
        self, log: Log, *, clock_ms: Callable[[], int], only_flushes: bool = False
    ) -> None:
        self.lost = 0
        """Rankings that could not be logged."""
        self.logged = 0
        self.trouble: str | None = None
        """The reason why the last batch could not be logged, or None."""
        self.trouble_code = LogTrouble.NONE
        """The same trouble as a number."""
        self._log = log
        self._clock_ms = clock_ms
        self._queue: deque[ServedRanking] = deque()
        self._appending = 0  # rankings that are being appended
        self._ended = threading.Event()
        self._writing = threading.Lock()
        self._max_queued = math.inf if only_flushes else MAX_QUEUED
        self._thread = threading.Thread(target=self._run, name="rankings", daemon=True)
        if not only_flushes:
            self._thread.start()

    @property
    def queued(self) -> int:
        """Rankings that wait for the log."""
        return len(self._queue) + self._appending

    def put(self, ranking: ServedRanking) -> None:
        """Queue a ranking for the log."""
        if len(self._queue) >= self._max_queued:
            self.lost += 1
        else:
            self._queue.append(ranking)

    def flush(self) -> None:
        """Write the rankings that are queued now; returns when they are on disk or lost."""
        with self._writing:
            waiting = len(self._queue)
            while waiting > 0:
                self._appending = min(waiting, _BATCH)
                self._append([self._queue.popleft() for _ in range(self._appending)])
                waiting -= self._appending
                self._appending = 0

    def close(self) -> None:
        """Write the queued rankings and stop."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self.flush()

    def _run(self) -> None:
        while not self._ended.wait(GATHER_S):
            if self._queue:
                self.flush()

    def _append(self, rankings: list[ServedRanking]) -> None:
        for attempt in range(_BUSY_TRIES):
            try:
                self._log.append_served(rankings, arrived_ms=self._clock_ms())
            except EventError as error:
                self._append_each(rankings, error)
                return
            except LogBusyError as error:
                if attempt + 1 == _BUSY_TRIES:
                    self._lose(rankings, error)
            except LogError as error:
                self._lose(rankings, error)
                return
            else:
                self.logged += len(rankings)
                self.clear_trouble()
                return

    def _append_each(self, rankings: list[ServedRanking], error: EventError) -> None:
        """Append a batch one by one, because at least one of its rankings is refused."""
        if len(rankings) == 1:
            self._lose(rankings, error)
            return
        for ranking in rankings:
            self._append([ranking])

    def clear_trouble(self) -> None:
        """Clear the trouble, because the log can be written again."""
        self.trouble, self.trouble_code = None, LogTrouble.NONE

    def _lose(self, rankings: list[ServedRanking], error: LiverankError) -> None:
        self.lost += len(rankings)
        if self.trouble is None:
            what = f"{len(rankings):,} rankings were served but not logged: {error}"
            write_event("rankings_lost", what, count=len(rankings))
        self.trouble, self.trouble_code = str(error), trouble_of(error)
