"""Where each microsecond of a request goes: the server's own functions, timed alone on one core.

The parts are those of a request for 55 named candidates and of the events that come with it at
the published rates. What is left to what a whole server spends is its network, its event loop and
waiting threads. This file follows the server's modules, and changes with them.
"""

import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from liverank.serving.state.log_fold import SLICE_ROWS, Folded
from liverank.serving.http.events_in import take_events
from liverank.serving.ranking.ranker import Ranked, _candidates, _read, _tie_breaks, make_ranker
from liverank.serving.ranking.ranking_log import ranking_event
from liverank.serving.http.messages import RankedItem, RankRequest, RankResponse, decode_request

from liverank.events.event import Interaction, Ranking
from liverank.events.log import Log
from serve.loads import EVENTS_RATE, PUBLISHED_RATE
from serve.served_world import Served

CANDIDATES, LIMIT, TURNS = 55, 50, 400
EVENTS_A_REQUEST = EVENTS_RATE / PUBLISHED_RATE
EVENTS_A_BATCH, RANKINGS_A_BATCH, EVENTS_A_FOLD = 20, 10, 40
"""How many share a body, a commit and a turn of the fold at the published rates."""
_BATCHES = 40

_decoder = msgspec.json.Decoder(RankRequest)
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Sample:
    """What requests are made of: people, and what is live."""

    users: list[str]
    live: list[str]

    def body(self, generator: np.random.Generator) -> bytes:
        """The body of a request for random candidates."""
        chosen = generator.choice(len(self.live), min(CANDIDATES, len(self.live)), replace=False)
        items = [self.live[place] for place in chosen]
        user = self.users[generator.integers(len(self.users))]
        return _encoder.encode({"user": user, "items": items, "limit": LIMIT})


def time_stages(served: Served, users: list[str], *, at_ms: int) -> dict[str, float]:
    """Processor microseconds a request by stage: medians for the request, means for the log."""
    sample = Sample(users, served.live(at_ms))
    stages, rankings = _time_request(served, sample, at_ms)
    with tempfile.TemporaryDirectory() as folder, Log.open(Path(folder) / "log") as log:
        stages |= _time_log(served, sample, log, rankings, at_ms)
    return stages


def _time_request(
    served: Served, sample: Sample, at_ms: int
) -> tuple[dict[str, float], list[Ranking]]:
    """Stages of the hot path, each of requests that nobody had before; and their rankings."""
    ranker, model = make_ranker(served.rung, served.folded.layout), served.bundle.model
    generator, clock = np.random.default_rng(0), _Clock()
    rankings = []
    for _ in range(TURNS):
        body, name = sample.body(generator), secrets.token_hex(12)
        clock.start()
        request = decode_request(body, _decoder)
        clock.lap("decode the request")
        candidates, dropped = _candidates(served.folded, request, at_ms)
        ties = _tie_breaks(name, candidates.hashes)
        clock.lap("find the candidates, hash their ids")
        assert ranker.program is not None
        columns = _read(served.folded, ranker.program, request, candidates, at_ms)
        clock.lap("read the features")
        scores = model.answers(columns)
        clock.lap("score")
        order = np.lexsort((ties, -scores))[:LIMIT]
        values = scores[order].tolist()
        items = [
            RankedItem(item=candidates.ids[place], score=values[position], position=position)
            for position, place in enumerate(order.tolist())
        ]
        clock.lap("order, make the list")
        ranked = Ranked(items, candidates.ids, model="-", fallback=None, reason=None,
                        dropped=dropped, cut=served.folded.seq, vectors=columns)  # fmt: skip
        _encoder.encode(_response(name, ranked))
        clock.lap("encode the answer")
        rankings.append(
            ranking_event(
                request,
                ranked,
                request_id=name,
                at_ms=at_ms,
                generation=1,
                serving=served.config.serving,
            )
        )
        clock.lap("make the ranking's record")
    return clock.medians(), rankings


def _time_log(
    served: Served, sample: Sample, log: Log, rankings: list[Ranking], at_ms: int
) -> dict[str, float]:
    """What the log costs a request: rankings and events appended, and followed by the fold."""
    generator = np.random.default_rng(1)
    append_s, events_s = [], []
    for batch in range(_BATCHES):
        some = rankings[batch * RANKINGS_A_BATCH :][:RANKINGS_A_BATCH]
        append_s.append(_cpu(lambda some=some: log.append(some, arrived_ms=at_ms)) / len(some))
    for _ in range(_BATCHES):
        events = [_an_event(sample, generator, at_ms) for _ in range(EVENTS_A_BATCH)]
        body = b"\n".join(map(msgspec.json.encode, events))
        events_s.append(
            _cpu(lambda body=body: take_events(log, body, arrived_ms=at_ms))
            / EVENTS_A_BATCH
            * EVENTS_A_REQUEST
        )
    follow_s = _follow(served, log)
    return {
        "append the ranking": statistics.mean(append_s) * 1e6,
        f"take in {EVENTS_A_REQUEST:.1f} events": statistics.mean(events_s) * 1e6,
        "follow the log, fold": follow_s * 1e6,
    }


def _follow(served: Served, log: Log) -> float:
    """Processor seconds a request of following a log of their rankings and events.

    It is folded into the state that serves, so that it misses the caches as a server does.
    """
    rankings = EVENTS_A_FOLD / EVENTS_A_REQUEST
    rows = min(EVENTS_A_FOLD + round(rankings), SLICE_ROWS)
    piece = Folded(served.folded.layout, served.config).read_slice(log, max_rows=rows)
    spent = []
    while piece is not None:
        began = time.process_time()
        served.folded.fold(piece)
        piece = served.folded.read_slice(log, max_rows=rows)
        spent.append((time.process_time() - began) / rankings)
    return statistics.mean(spent[1:-1])


def _response(name: str, ranked: Ranked) -> RankResponse:
    return RankResponse(
        id=name,
        surface="default",
        variant=None,
        model=ranked.model,
        items=ranked.items,
        fallback=None,
        fallback_reason=None,
        dropped=ranked.dropped,
        took_ms=1.0,
    )


def _an_event(sample: Sample, generator: np.random.Generator, at_ms: int) -> Interaction:
    return Interaction(
        time=at_ms,
        type="impression",
        user=sample.users[generator.integers(len(sample.users))],
        item=sample.live[generator.integers(len(sample.live))],
    )


def _cpu(work: Callable[[], object]) -> float:
    """Processor seconds of all threads."""
    began = time.process_time()
    work()
    return time.process_time() - began


class _Clock:
    """Laps of a path that is walked many times."""

    def __init__(self) -> None:
        self._us: dict[str, list[float]] = {}
        self._last = 0

    def start(self) -> None:
        """Begin to count."""
        self._last = time.perf_counter_ns()

    def lap(self, name: str) -> None:
        """Note that a part is over, and begin with the next."""
        now = time.perf_counter_ns()
        self._us.setdefault(name, []).append((now - self._last) / 1000)
        self._last = time.perf_counter_ns()

    def medians(self) -> dict[str, float]:
        """Median microseconds of each part."""
        return {name: statistics.median(times) for name, times in self._us.items()}
