"""Shadow: a challenger scores some of the requests that a worker has answered, and serves nothing.

In real time, a comparison is made after the answer was sent, when no request waits, in another
thread, and takes at most MAX_SHARE of a worker's time. In simulated time, a hash of the request id
decides which requests are compared. Invariant: no answer depends on a comparison.
"""

import asyncio
import threading
import time

import numpy as np
from numpy.typing import NDArray

from liverank.errors import StateBusyError
from liverank.events.autopilot_steps import step_of
from liverank.events.event import AutopilotStep
from liverank.experiments.release import Release
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.ranker import View
from liverank.serving.ranking.ranking_log import SHADOW_SAMPLE, is_sampled
from liverank.serving.releases.comparison import Comparison, Sample, compare
from liverank.serving.reports import ShadowReport
from liverank.serving.server_log.events import write_event

MAX_SHARE = 0.02
"""Share of a worker's time that comparisons take at most."""
SIMULATED_SHARE = 0.25
"""Share of the requests that are compared in simulated time."""
LOOK_S = 0.05
"""Pause between two comparisons in real time; one ranking waits for each."""
REPORT_MS, FIRST_REPORT_MS = 60_000, 2_000
"""Time of the event clock between two reports, and from the first comparison to the first one."""


class Shadow:
    """The comparisons of one worker, whose row of the board is ``counts``."""

    def __init__(self, counts: np.void, *, is_simulated: bool) -> None:
        self._counts = counts
        self._is_simulated = is_simulated
        self._waiting: Sample | None = None
        self._due_s = 0.0
        self._adding = threading.Lock()
        self._release: Release | None = None
        self._sums = _Sums()
        self._report_ms = 0

    def offer(
        self,
        view: View,
        request: RankRequest,
        request_id: str,
        at_ms: int,
        items: NDArray[np.uint64],
    ) -> None:
        """Offer a ranking from this view with a challenger, which is compared or not.

        ``items`` uint64[n] are the hashes of the candidates.
        """
        assert view.challenger is not None
        if len(items) == 0 or not view.challenger.is_compared:
            return
        if self._is_simulated:
            if is_sampled(request_id, SIMULATED_SHARE, SHADOW_SAMPLE):
                self._compare(Sample(view, request, request_id, at_ms, items))
        elif self._waiting is None and time.perf_counter() >= self._due_s:
            self._waiting = Sample(view, request, request_id, at_ms, items)

    async def look(self, *, is_busy: bool) -> None:
        """Compare the request that waits for it, if any; forget it if the worker ``is_busy``."""
        sample, self._waiting = self._waiting, None
        if sample is None or is_busy:
            return
        began = time.perf_counter()
        await asyncio.to_thread(self._compare, sample)
        ended = time.perf_counter()
        self._due_s = ended + (ended - began) * (1 / MAX_SHARE - 1)

    def report(self, at_ms: int) -> AutopilotStep | None:
        """The report on the comparisons since the last one, if it is due; it then begins again."""
        with self._adding:
            release, sums = self._release, self._sums
            if release is None or not sums.seen or at_ms < self._report_ms:
                return None
            self._report_ms, self._sums = at_ms + REPORT_MS, _Sums()
        report = sums.report(release, is_simulated=self._is_simulated)
        reason = f"challenger {release.version} scored {report.requests:,} requests in shadow"
        if report.failures:
            reason += f", and could not score {report.failures:,}"
        if report.trouble is not None:
            reason += f": {report.trouble}"
        return step_of("shadowed", at_ms=at_ms, reason=reason, model=release.version, detail=report)

    def _compare(self, sample: Sample) -> None:
        """Compare one sample, and add the result; a fault of the challenger is a failure."""
        challenger = sample.view.challenger
        assert challenger is not None
        result: Comparison | None = None
        trouble = challenger.trouble
        if challenger.ranker is not None:
            try:
                result = compare(sample, challenger.ranker)
            except StateBusyError:
                return  # says nothing about the challenger
            except Exception as error:
                trouble = f"it failed: {error!r}"
                what = f"challenger {challenger.release.version} cannot score a request"
                write_event("fault", what, is_fault=True)
        with self._adding:
            if self._release != challenger.release:
                self._release, self._sums = challenger.release, _Sums()
                self._report_ms = sample.at_ms + FIRST_REPORT_MS
            is_scored = self._sums.add(result, trouble)
            self._counts["shadowed" if is_scored else "shadow_failures"] += 1


class _Sums:
    """Sums of comparisons."""

    def __init__(self) -> None:
        self.requests = self.failures = self.candidates = 0
        self.champion_us = self.challenger_us = self.overlap = 0.0
        self.score = self.champion_score = 0.0
        self.trouble: str | None = None

    @property
    def seen(self) -> int:
        """Requests that were scored, or could not be."""
        return self.requests + self.failures

    def add(self, one: Comparison | None, trouble: str | None) -> bool:
        """Add a comparison, or None for a failure; returns whether the challenger scored all."""
        if one is None or np.isnan(one.score):
            self.failures += 1
            self.trouble = trouble or "it gives scores that are not finite numbers"
            return False
        self.requests += 1
        self.candidates += one.candidates
        self.champion_us += one.champion_us
        self.challenger_us += one.challenger_us
        self.overlap += one.overlap_at_10
        self.score += one.score
        self.champion_score += one.champion_score
        return True

    def report(self, release: Release, *, is_simulated: bool) -> ShadowReport:
        """The report of these sums."""
        is_timed = not is_simulated
        return ShadowReport(
            champion=release.champion,
            requests=self.requests,
            failures=self.failures,
            candidates=self.candidates,
            champion_us=self._mean(self.champion_us) if is_timed else None,
            challenger_us=self._mean(self.challenger_us) if is_timed else None,
            overlap_at_10=self._mean(self.overlap),
            mean_score=self._mean(self.score),
            mean_champion_score=self._mean(self.champion_score),
            trouble=self.trouble,
        )

    def _mean(self, total: float) -> float | None:
        """A sum per request; None without requests, or if it is unknown."""
        return None if not self.requests or np.isnan(total) else total / self.requests
