"""The report of a load test: figures of all processes, and notes on their validity.

Invariant: a figure that was not measured is null, and ``notes`` gives the reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from liverank.loadtest.histogram import Histogram, sum_of
from liverank.loadtest.objectives import Objective, ObjectiveResult, judge
from liverank.loadtest.plan import Tallied, WorkerResult, merged

MOST_LATE_MS = 1.0
"""Largest 99th percentile of send delays; above it the figures describe the load generator."""


class Quantiles(msgspec.Struct, frozen=True, rename={"p99_9": "p99.9"}):
    """Quantiles in milliseconds; null if nothing was measured."""

    p50: float | None
    p90: float | None
    p99: float | None
    p99_9: float | None
    max: float | None
    mean: float | None


class Requests(msgspec.Struct, frozen=True):
    """Outcomes of one kind of request."""

    sent: int
    answered: int
    per_second: float
    """Rate of requests answered before the end of the sending time."""
    latency_ms: Quantiles
    """Latencies from the due times; a request that timed out counts with its waiting time."""
    statuses: dict[str, int]
    errors: dict[str, int]
    fallbacks: dict[str, int]
    retries: int
    connections: int
    """Number of connections opened over the run."""
    checked: int
    """Number of answers that were decoded and checked in full."""
    wrong: list[str]


class FoldLag(msgspec.Struct, frozen=True):
    """Milliseconds from the acknowledgement of an end until a ranking dropped the item."""

    probes: int
    unseen: int
    p50: float | None
    p99: float | None
    max: float | None


class Generator(msgspec.Struct, frozen=True):
    """Measurements of the load processes."""

    cpu_us: float | None
    """CPU time of the load processes per request."""
    late_ms: Quantiles | None
    """Delays from due times until requests were handled; null in a closed loop."""
    kept_up: bool


class LoadReport(msgspec.Struct, frozen=True):
    """The whole report of a load test."""

    ok: bool
    url: str
    seconds: float
    rate: float | None
    """Requested rate; null for as many as possible."""
    workers: int
    connections: int
    candidates: int | None
    live_items: int
    rank: Requests
    events: Requests | None
    fold_lag_ms: FoldLag | None
    server_cpu_us: float | None
    """The server's total CPU time per answered ranking."""
    generator: Generator
    objectives: list[ObjectiveResult]
    notes: list[str]
    stopped: bool
    """Whether the run ended early, by Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Run:
    """The requested load, and measurements outside the load processes."""

    url: str
    rate: float | None
    connections: int
    candidates: int | None
    live_items: int
    objectives: Sequence[Objective]
    has_events: bool
    server_cpu_s: float | None
    """CPU time of the server over the run."""
    lag: Histogram | None
    unseen: int
    unended: str
    """Probe items that are still live, in words."""
    stopped: bool


def report_on(run: Run, results: Sequence[WorkerResult]) -> LoadReport:
    """Build the report from the results of a run's processes."""
    rank, events = merged([one.rank for one in results]), merged([one.events for one in results])
    seconds = max(one.seconds for one in results)
    generator = _generator(results, rank, events)
    cpu_us = None
    if run.server_cpu_s is not None and rank.answered:
        cpu_us = round(1e6 * run.server_cpu_s / rank.answered, 1)
    ranked = _requests(rank, seconds)
    sent = _requests(events, seconds) if run.has_events else None
    lag = _fold_lag(run)
    figures = _figures(ranked, sent, lag, generator, cpu_us)
    judged = [judge(objective, figures) for objective in run.objectives]
    is_right = ranked.answered > 0 and not ranked.wrong
    return LoadReport(
        ok=is_right and all(one.met for one in judged),
        url=run.url,
        seconds=round(seconds, 3),
        rate=run.rate,
        workers=len(results),
        connections=run.connections,
        candidates=run.candidates,
        live_items=run.live_items,
        rank=ranked,
        events=sent,
        fold_lag_ms=lag,
        server_cpu_us=cpu_us,
        generator=generator,
        objectives=judged,
        notes=_notes(run, generator, cpu_us),
        stopped=run.stopped,
    )


def quantiles_ms(histogram: Histogram) -> Quantiles:
    """The usual quantiles, in ms."""
    p50, p90, p99, p99_9, most = (
        _ms(histogram.quantile_us(share)) for share in (0.5, 0.9, 0.99, 0.999, 1.0)
    )
    mean = histogram.mean_us()
    return Quantiles(p50, p90, p99, p99_9, most, None if mean is None else round(mean / 1000, 3))


def _requests(tallied: Tallied, seconds: float) -> Requests:
    return Requests(
        sent=tallied.sent,
        answered=tallied.answered,
        per_second=round(tallied.in_time / seconds, 1) if seconds > 0 else 0.0,
        latency_ms=quantiles_ms(sum_of([tallied.latency])),
        statuses=tallied.statuses,
        errors=tallied.errors,
        fallbacks=tallied.fallbacks,
        retries=tallied.retried,
        connections=tallied.opened,
        checked=tallied.checked,
        wrong=tallied.wrong,
    )


def _generator(results: Sequence[WorkerResult], rank: Tallied, events: Tallied) -> Generator:
    late = sum_of((rank.late, events.late))
    lateness = quantiles_ms(late) if late.count else None
    requests = rank.sent + events.sent
    cpu_s = sum(one.cpu_s for one in results)
    kept_up = lateness is None or lateness.p99 is None or lateness.p99 <= MOST_LATE_MS
    return Generator(round(1e6 * cpu_s / requests, 1) if requests else None, lateness, kept_up)


def _fold_lag(run: Run) -> FoldLag | None:
    lag = run.lag
    if lag is None:
        return None
    p50, p99, most = (_ms(lag.quantile_us(share)) for share in (0.5, 0.99, 1.0))
    return FoldLag(lag.count + run.unseen, run.unseen, p50, p99, most)


def _figures(
    rank: Requests,
    events: Requests | None,
    lag: FoldLag | None,
    generator: Generator,
    cpu_us: float | None,
) -> dict[str, float | None]:
    """The figures that objectives may use."""
    figures: dict[str, float | None] = dict(msgspec.to_builtins(rank.latency_ms))
    figures |= {
        "rate": rank.per_second,
        "errors": sum(rank.errors.values()),
        "fallbacks": sum(rank.fallbacks.values()),
        "retries": rank.retries,
        "cpu_us": cpu_us,
        "late_p99": None if generator.late_ms is None else generator.late_ms.p99,
    }
    if events is not None:
        latencies = msgspec.to_builtins(events.latency_ms)
        figures |= {f"events_{name}": value for name, value in latencies.items()}
        figures |= {"events_rate": events.per_second, "events_errors": sum(events.errors.values())}
    if lag is not None and not lag.unseen:
        figures |= {"fold_lag_p50": lag.p50, "fold_lag_p99": lag.p99, "fold_lag_max": lag.max}
    return figures


def _notes(run: Run, generator: Generator, cpu_us: float | None) -> list[str]:
    notes = []
    if not generator.kept_up:
        assert generator.late_ms is not None
        notes.append(
            f"The generator did not keep up: at p99 it handled requests {generator.late_ms.p99} ms "
            "after they were due. These latencies are its own as much as the server's; give it "
            "more processors or --workers, or ask for a lower --rate"
        )
    if cpu_us is None:
        notes.append(
            "The server's processor time is unknown: GET /metrics has no "
            "liverank_process_cpu_seconds_total"
        )
    if run.unseen:
        notes.append(f"{run.unseen} probes were not seen to end; fold lag has no bound")
    if run.unended:
        notes.append(
            f"Probe items could not be ended, and are live until they expire: {run.unended}"
        )
    if run.stopped:
        notes.append("Stopped early: figures are of the requests until then")
    return notes


def _ms(value_us: int | None) -> float | None:
    return None if value_us is None else value_us / 1000
