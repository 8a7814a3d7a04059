"""Runs a load test: inspects the server, starts the load, probes during the load, and reports.

Invariant: the load is fixed before it starts; due times do not depend on answers.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import msgspec

from liverank.errors import LoadTestError
from liverank.loadtest.crew import Crew, crew_for
from liverank.loadtest.histogram import Histogram, sum_of
from liverank.loadtest.objectives import Objective
from liverank.loadtest.plan import Plan
from liverank.loadtest.probes import Probes, probes_of
from liverank.loadtest.report import LoadReport, Run, report_on
from liverank.loadtest.target import Address, Target, target_at

_LOOK_S = 0.05
_PROBE_EVERY_S = 1.0
_PROBE_PREFIX = "loadtest-probe-"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """The load of all processes together; rates are per second."""

    rate: float | None
    """Rankings per second; None keeps all connections busy."""
    duration_s: float
    timeout_s: float
    workers: int
    connections: int
    seed: int
    candidates: int | None
    limit: int
    surface: str
    users: list[str]
    body: str | None
    check_every: int
    events_rate: float
    events_batch: int
    event_types: list[str]


@dataclass(frozen=True, slots=True)
class Edge:
    """Values that a run needs from its caller."""

    run: str
    """A unique name of the run."""
    is_stopped: Callable[[], bool]
    """Whether to end early, with the measurements so far."""
    now_ms: Callable[[], int]
    """The time for events."""
    on_progress: Callable[[str, float], None]


def run_load(
    address: Address, load: Load, objectives: Sequence[Objective], edge: Edge
) -> tuple[LoadReport, Histogram]:
    """Put a server under load; return the report, and the latencies of rankings.

    Raises LoadTestError if the server does not answer, or has nothing to rank.
    """
    with target_at(address) as target:
        items = _live_items(target, load)
        plans = plans_for(address, load, items, run=edge.run)
        probing = (
            probes_of(target, edge.run, surface=load.surface, now_ms=edge.now_ms)
            if load.events_rate
            else nullcontext()
        )
        with crew_for(plans) as crew, probing as probes:
            cpu_before = target.cpu_s()
            crew.begin()
            stopped = _watch(load, crew, probes, edge)
            results = crew.results()
            cpu_after = _last_cpu_s(target)
    run = Run(
        url=f"http://{address.host}:{address.port}",
        rate=load.rate,
        connections=sum(plan.connections for plan in plans),
        candidates=load.candidates and min(load.candidates, len(items)),
        live_items=len(items),
        objectives=objectives,
        has_events=load.events_rate > 0,
        server_cpu_s=_difference(cpu_before, cpu_after),
        lag=None if probes is None else probes.lag,
        unseen=0 if probes is None else probes.unseen,
        unended="" if probes is None else probes.unended,
        stopped=stopped,
    )
    return report_on(run, results), sum_of(one.rank.latency for one in results)


def plans_for(address: Address, load: Load, items: list[str], *, run: str) -> list[Plan]:
    """Divide a load among its processes."""
    return [
        Plan(
            host=address.host,
            port=address.port,
            worker=worker,
            seed=load.seed,
            run=run,
            rate=None if load.rate is None else load.rate / load.workers,
            duration_s=load.duration_s,
            timeout_s=load.timeout_s,
            connections=(load.connections + worker) // load.workers,
            candidates=load.candidates,
            limit=load.limit,
            surface=load.surface,
            users=load.users,
            items=items,
            body=load.body,
            check_every=load.check_every,
            events_rate=load.events_rate / load.workers,
            events_batch=load.events_batch,
            event_types=load.event_types,
        )
        for worker in range(load.workers)
    ]


def _live_items(target: Target, load: Load) -> list[str]:
    live = target.live_items(load.surface)
    items = [item for item in live if not item.startswith(_PROBE_PREFIX)]
    if not items and (load.events_rate or (load.candidates and load.body is None)):
        raise LoadTestError(
            f"nothing is live on surface {load.surface!r}: there is nothing to rank; send item "
            "events first, or give a --body"
        )
    return items


def _watch(load: Load, crew: Crew, probes: Probes | None, edge: Edge) -> bool:
    """Probe and show progress until the load is over; return whether it was stopped early."""
    began = time.monotonic()
    next_probe_s = _PROBE_EVERY_S
    while (passed_s := time.monotonic() - began) < load.duration_s and not edge.is_stopped():
        edge.on_progress("Under load", passed_s / load.duration_s)
        if probes is not None and passed_s >= next_probe_s:
            probes.probe()
            next_probe_s = max(next_probe_s, math.floor(time.monotonic() - began)) + _PROBE_EVERY_S
        time.sleep(_LOOK_S)
    edge.on_progress("Under load", 1.0)
    if edge.is_stopped():
        crew.stop()
    return edge.is_stopped()


def _last_cpu_s(target: Target) -> float | None:
    try:
        return target.cpu_s()
    except LoadTestError:  # the server is gone; the report lists the outcomes of the requests
        return None


def _difference(before: float | None, after: float | None) -> float | None:
    """The increase of a counter; None also if a process was restarted, since it restarts at 0."""
    return None if before is None or after is None or after < before else after - before
