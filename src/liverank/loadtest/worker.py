"""One load process: reads its plan, waits for the start, sends, and writes its result.

Run as ``python -m liverank.loadtest.worker``. On standard input it gets a line with the plan and,
once it has printed ``ready``, a line with the time to start (``time.monotonic_ns``); the end of the
input means stop. Its last line of output is a WorkerResult. Invariant: it ends by itself, at the
latest one timeout after the last request was due.
"""

import asyncio
import gc
import os
import signal
import sys
import time
from functools import partial

import msgspec
import uvloop

from liverank.loadtest.alarm import Alarm
from liverank.loadtest.answers import UNREADABLE, fallback_of, what_is_wrong
from liverank.loadtest.arrivals import Arrivals
from liverank.loadtest.histogram import Histogram
from liverank.loadtest.plan import MAX_WRONG, Plan, Tallied, WorkerResult
from liverank.loadtest.pool import Pool, Route
from liverank.loadtest.requests import EventRequests, RankRequests

_SWEEP_S = 0.1
_AFTER_STOP_S = 1.0
"""Time in seconds for pending requests after an early stop."""
_AT_ONCE = 64
"""Number of requests sent before answers are read again."""


class Stream:
    """Submits requests to a pool at their due times, and records its delays."""

    def __init__(
        self, pool: Pool, rate: float, *, bounds_ns: tuple[int, int], seed: tuple[int, ...]
    ) -> None:
        self.late = Histogram()
        self._pool = pool
        self._arrivals = Arrivals(rate, start_ns=bounds_ns[0], end_ns=bounds_ns[1], seed=seed)
        self._alarm = Alarm(asyncio.get_running_loop(), self._send_due, time.monotonic_ns)
        self._set_alarm()

    def stop(self) -> None:
        """Submit no further requests."""
        self._alarm.close()

    def _send_due(self) -> None:
        arrivals = self._arrivals
        for _ in range(_AT_ONCE):
            due_ns, now_ns = arrivals.next_ns, time.monotonic_ns()
            if due_ns is None or due_ns > now_ns:
                break
            self.late.record((now_ns - due_ns) // 1000)
            self._pool.submit(due_ns)
            arrivals.advance()
        self._set_alarm()

    def _set_alarm(self) -> None:
        if self._arrivals.next_ns is not None:
            self._alarm.set(self._arrivals.next_ns)


def read_ranking(check_every: int, request: bytes, body: bytes, tallied: Tallied) -> None:
    """Count the fallback level of a response, and check every n-th response in full."""
    fallback = fallback_of(body)
    if fallback is not None:
        tallied.fallbacks[fallback] = tallied.fallbacks.get(fallback, 0) + 1
    if tallied.answered % check_every == 0 or fallback == UNREADABLE:
        tallied.checked += 1
        wrong = what_is_wrong(request.partition(b"\r\n\r\n")[2], body)
        if wrong is not None:
            _count_wrong(tallied, "wrong answer", wrong)


def read_events_answer(_request: bytes, body: bytes, tallied: Tallied) -> None:
    """Read the response to a batch; a batch with refused events counts as an error."""
    tallied.checked += 1
    if b'"rejected":[]' not in body:
        _count_wrong(tallied, "rejected", body[:200].decode(errors="replace"))


def _count_wrong(tallied: Tallied, kind: str, what: str) -> None:
    tallied.errors[kind] = tallied.errors.get(kind, 0) + 1
    if len(tallied.wrong) < MAX_WRONG:
        tallied.wrong.append(what)


async def run_plan(plan: Plan, start_ns: int, stopped: asyncio.Event) -> WorkerResult:
    """Send the requests of a plan from a given time until it is over or stopped."""
    rank, events = _pools(plan)
    bounds_ns = start_ns, start_ns + int(plan.duration_s * 1e9)
    await asyncio.sleep(max(0, start_ns - time.monotonic_ns()) / 1e9)
    cpu_s = time.process_time()
    seed = (plan.seed, plan.worker)
    ranks = plan.rate and Stream(rank, plan.rate, bounds_ns=bounds_ns, seed=(*seed, 10))
    batches = plan.events_rate / plan.events_batch
    sends = batches and Stream(events, batches, bounds_ns=bounds_ns, seed=(*seed, 11))
    if plan.rate is None:
        rank.keep_busy()
    await _until(bounds_ns[1], stopped, (rank, events))
    seconds = (time.monotonic_ns() - start_ns) / 1e9
    for pool in (rank, events):
        pool.tallied.in_time = pool.tallied.answered
    for stream in (ranks, sends):
        if stream:
            stream.stop()
    rank.stop()
    wait_s = _AFTER_STOP_S if stopped.is_set() else plan.timeout_s + 2 * _SWEEP_S
    patience = time.monotonic_ns() + int(wait_s * 1e9)
    while rank.pending + events.pending and time.monotonic_ns() < patience:
        await asyncio.sleep(_SWEEP_S / 10)
        rank.sweep()
        events.sweep()
    rank.close()
    events.close()
    return WorkerResult(
        rank=_tally(rank, ranks.late if ranks else Histogram()),
        events=_tally(events, sends.late if sends else Histogram()),
        seconds=seconds,
        cpu_s=time.process_time() - cpu_s,
    )


def _pools(plan: Plan) -> tuple[Pool, Pool]:
    """The pools for rankings and for events."""
    route = partial(
        Route,
        host=plan.host,
        port=plan.port,
        connections=plan.connections,
        timeout_s=plan.timeout_s,
        now_ns=time.monotonic_ns,
    )
    loop = asyncio.get_running_loop()
    events = EventRequests(plan, now_ms=lambda: time.time_ns() // 1_000_000)
    return (
        Pool(
            route(make=RankRequests(plan).make, read=partial(read_ranking, plan.check_every)), loop
        ),
        Pool(route(make=events.make, read=read_events_answer), loop),
    )


async def _until(end_ns: int, stopped: asyncio.Event, pools: tuple[Pool, ...]) -> None:
    while not stopped.is_set() and (left_ns := end_ns - time.monotonic_ns()) > 0:
        try:
            await asyncio.wait_for(stopped.wait(), min(_SWEEP_S, left_ns / 1e9))
        except TimeoutError:
            for pool in pools:
                pool.sweep()


def _tally(pool: Pool, late: Histogram) -> Tallied:
    tally = pool.tallied
    tally.latency, tally.late = pool.latency.to_counts(), late.to_counts()
    return tally


async def _work(plan: Plan) -> WorkerResult:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    start: asyncio.Future[bytes] = loop.create_future()

    def on_input() -> None:
        line = os.read(sys.stdin.fileno(), 4096)
        if line and not start.done():
            start.set_result(line)
        elif not line:
            loop.remove_reader(sys.stdin)
            stopped.set()
            if not start.done():
                start.set_result(b"0")

    loop.add_reader(sys.stdin, on_input)
    print("ready", flush=True)  # noqa: T201  # to the process that started this one
    start_ns = int(await start)
    gc.collect()
    gc.freeze()
    gc.disable()  # a pause would look like a slow server
    return await run_plan(plan, start_ns, stopped)


def main() -> None:
    """Run one load process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the starter ends the input
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(_work(plan))
    os.set_blocking(sys.stdout.fileno(), True)  # a long result exceeds the pipe's buffer
    print(msgspec.json.encode(result).decode(), flush=True)  # noqa: T201  # as above


if __name__ == "__main__":
    main()
