"""Where each microsecond of a request goes: the server's own functions, timed alone on one core.

The parts are those of a request for 55 named candidates and of the events that come with it at
the published rates. What is left to what a whole server spends is its network, its event loop and
waiting threads. This file follows the server's modules, and changes with them.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import uvloop

from liverank.events.event import Interaction, ServedRanking
from liverank.events.log import Log
from liverank.features.hashing import hash_id
from liverank.serving.http.events_in import take_events
from liverank.serving.http.exchange import Answer
from liverank.serving.http.messages import RankedItem, RankRequest, RankResponse, decode_request
from liverank.serving.http.protocol import HttpProtocol
from liverank.serving.http.server import HttpServer, Limits
from liverank.serving.ranking.candidates import Hashes, candidates_of
from liverank.serving.ranking.order_kernel import best_positions
from liverank.serving.ranking.ranker import NO_LIMIT, RankedList, _read
from liverank.serving.ranking.ranking_log import GATHER_S, ranking_event
from liverank.serving.state.live_table import LivePublisher
from liverank.serving.state.log_fold import STEP_ROWS, FoldedLog
from serve.loads import EVENTS_RATE, PUBLISHED_RATE
from serve.served_world import Served

CANDIDATES, LIMIT, TURNS = 55, 50, 400
EVENTS_A_REQUEST = EVENTS_RATE / PUBLISHED_RATE
EVENTS_A_BATCH, RANKINGS_A_BATCH, EVENTS_A_FOLD = 20, round(PUBLISHED_RATE * GATHER_S / 2), 40
"""How many share a body, a commit (of one worker of two) and a turn of the fold at those rates."""
_BATCHES = 40
_WARM_UP = 50
"""Requests before those that count."""
_HTTP = b"POST /v1/rank HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"

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
    stages, rankings, answer = _time_request(served, sample, at_ms)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        http_us = runner.run(_time_http(sample.body(np.random.default_rng(2)), answer))
    stages = {"HTTP, without the sockets": http_us, **stages}
    with tempfile.TemporaryDirectory() as folder, Log.open(Path(folder) / "log") as log:
        stages |= _time_log(served, sample, log, rankings, at_ms)
    return stages


def _time_request(
    served: Served, sample: Sample, at_ms: int
) -> tuple[dict[str, float], list[ServedRanking], bytes]:
    """Stages of the hot path, each of requests that nobody had before.

    Also the rankings of those, and an answer.
    """
    view, hashes, model = served.view(), Hashes(), served.bundle.model
    generator, clock, rankings, answer = np.random.default_rng(0), _Clock(), [], b""
    assert view.ranker.program is not None
    hashes.of(sample.live)  # as a server knows them that has run for a while
    for turn in range(_WARM_UP + TURNS):
        body, name = sample.body(generator), f"stages{turn:018x}"
        clock.start()
        request = decode_request(body, _decoder)
        clock.lap("decode the request")
        candidates, dropped = candidates_of(request, view.live, hashes, at_ms=at_ms)
        clock.lap("find the candidates, hash their ids")
        columns, cut = _read(view, view.ranker.program, request, candidates, at_ms, NO_LIMIT)
        clock.lap("read the features")
        scores = model.answers(columns)
        clock.lap("score")
        order = best_positions(
            scores, np.empty(0), candidates.hashes, np.uint64(hash_id(name)), LIMIT
        ).tolist()
        names, best = candidates.names(order), scores[order]
        clock.lap("order")
        answer = _encoder.encode(_response(name, names, best.tolist()))
        clock.lap("make and encode the answer")
        ranked = RankedList(candidates, order, names, best, "-", None, None, dropped, cut, columns)
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
    return clock.medians(_WARM_UP), rankings[_WARM_UP:], answer


async def _time_http(body: bytes, answer: bytes) -> float:
    """Microseconds from the bytes of a request to those of an answer that is there at once."""
    server = HttpServer(lambda _request: Answer(200, answer), limits=Limits())
    await server.start()
    protocol = HttpProtocol(server)
    protocol.connection_made(_Nowhere())
    wire = b"%scontent-length: %d\r\n\r\n%s" % (_HTTP, len(body), body)
    spent = []
    for _ in range(_WARM_UP + TURNS):
        began = time.perf_counter_ns()
        protocol.data_received(wire)
        await asyncio.sleep(0)
        spent.append((time.perf_counter_ns() - began) / 1000)
    protocol.connection_lost(None)
    await server.stop(within_s=0.0)
    return statistics.median(spent[_WARM_UP:])


class _Nowhere(asyncio.Transport):
    """Sends nothing to nobody."""

    def write(self, data: bytes) -> None:
        """Take note of nothing."""

    def is_reading(self) -> bool:
        """Whether it reads."""
        return True

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return False

    def close(self) -> None:
        """Do nothing."""


def _time_log(
    served: Served, sample: Sample, log: Log, rankings: list[ServedRanking], at_ms: int
) -> dict[str, float]:
    """What the log costs a request: rankings and events appended, and followed by the fold."""
    generator = np.random.default_rng(1)
    append_s, events_s = [], []
    for begin in range(0, len(rankings) - RANKINGS_A_BATCH + 1, RANKINGS_A_BATCH):
        some = rankings[begin : begin + RANKINGS_A_BATCH]
        append_s.append(
            _cpu(lambda some=some: log.append_served(some, arrived_ms=at_ms)) / len(some)
        )
    for _ in range(_BATCHES):
        events = [_an_event(sample, generator, at_ms) for _ in range(EVENTS_A_BATCH)]
        body = b"\n".join(map(msgspec.json.encode, events))
        events_s.append(
            _cpu(lambda body=body: take_events(log, body, arrived_ms=at_ms))
            / EVENTS_A_BATCH
            * EVENTS_A_REQUEST
        )
    coming = [
        [_an_event(sample, generator, at_ms) for _ in range(EVENTS_A_FOLD)] for _ in range(_BATCHES)
    ]
    follow_s = _follow(served, log, coming)
    return {
        "append the ranking": statistics.mean(append_s) * 1e6,
        f"take in {EVENTS_A_REQUEST:.1f} events": statistics.mean(events_s) * 1e6,
        "follow the log, fold": follow_s * 1e6,
    }


def _follow(served: Served, log: Log, events: list[list[Interaction]]) -> float:
    """Processor seconds a request of following a log, as these batches of events come to it.

    It is folded into the state that serves, so that it misses the caches as a server does.
    """
    rankings = EVENTS_A_FOLD / EVENTS_A_REQUEST
    piece = FoldedLog(served.folded.layout, served.config).read_next(log, max_rows=STEP_ROWS)
    if piece is None:
        raise RuntimeError("the log of the stages is empty")
    served.folded.fold(piece)
    publisher = LivePublisher(served.folded.live)
    spent = []
    for batch in events:
        log.append(batch, arrived_ms=batch[0].at_ms)
        began = time.process_time()
        piece = served.folded.read_next(log, max_rows=STEP_ROWS)
        if piece is not None:
            served.folded.fold(piece)
            publisher.publish()
        spent.append((time.process_time() - began) / rankings)
    return statistics.mean(spent[1:])


def _response(name: str, names: list[str], scores: list[float]) -> RankResponse:
    return RankResponse(
        id=name,
        surface="default",
        variant=None,
        model="-",
        items=list(map(RankedItem, names, scores, range(len(names)))),
        fallback=None,
        fallback_reason=None,
        dropped={},
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

    def medians(self, warm_up: int) -> dict[str, float]:
        """Median microseconds of each part, but for the first so many."""
        return {name: statistics.median(times[warm_up:]) for name, times in self._us.items()}
