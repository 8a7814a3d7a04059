"""Runs a short load test on a server of the project, with the product's load test."""

import secrets
from collections.abc import Callable

from rich.console import Console

from liverank.cli.project.clock import now_ms
from liverank.loadtest.run import Edge, Load, run_load
from liverank.loadtest.target import parse_address
from liverank.proof.page.facts import LoadFigures
from liverank.simulator.life.life import Life
from liverank.simulator.simulate import SURFACE

_RATE = 200.0
"""Lists per second: enough to measure tails in ten seconds, far below two cores' capacity."""


def measure_load(
    address: str, life: Life, seconds: int, on_progress: Callable[[str, float], None]
) -> LoadFigures:
    """Request lists of all live rooms for this world's people, at a fixed rate.

    Raises LoadTestError if the server does not answer.
    """
    load = Load(
        rate=_RATE,
        duration_s=float(seconds),
        timeout_s=10.0,
        workers=1,
        connections=16,
        seed=1,
        candidates=None,
        limit=20,
        surface=SURFACE,
        users=list(life.world.people.ids),
        body=None,
        check_every=100,
        events_rate=0.0,
        events_batch=20,
        event_types=["impression"],
    )
    edge = Edge(secrets.token_hex(4), lambda: False, now_ms, on_progress)
    report, _ = run_load(parse_address(address), load, [], edge)
    return LoadFigures(
        seconds=report.seconds,
        answered=report.rank.answered,
        per_second=report.rank.per_second,
        p50_ms=report.rank.latency_ms.p50,
        p99_ms=report.rank.latency_ms.p99,
        errors=sum(report.rank.errors.values()),
        candidates=report.live_items,
    )


def show_load_figures(load: LoadFigures, console: Console) -> None:
    """Print the figures in one line."""
    p50, p99 = (
        "unknown" if value is None else f"{value:.1f} ms" for value in (load.p50_ms, load.p99_ms)
    )
    console.print(
        f"{load.answered:,} lists of {load.candidates} live rooms each, {load.per_second:.0f} a "
        f"second: half within {p50}, 99 % within {p99}, {load.errors} errors",
        soft_wrap=True,
    )
