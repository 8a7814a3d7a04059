"""Metrics of a server for Prometheus: the numbers of the board in its text format.

Invariant: any worker reports the metrics of all processes, and a counter never falls while the
server runs.
"""

from collections.abc import Iterator

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from liverank.serving.health import HealthReporter
from liverank.serving.processes.board import (
    BUCKETS_MS,
    LEVELS,
    ROUTES,
    STATUSES,
    Board,
    write_cpu,
)
from liverank.serving.service import Service

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

_WORKER_COUNTERS = (
    ("candidates", "liverank_candidates", "Candidates scored."),
    ("shed", "liverank_requests_shed", "Rankings refused because the server was overloaded."),
    (
        "late",
        "liverank_requests_late",
        "Rankings by popularity, because the model would have been too late.",
    ),
    ("rankings_logged", "liverank_rankings_logged", "Rankings appended to the log."),
    ("rankings_lost", "liverank_rankings_lost", "Rankings served that could not be logged."),
    ("shadowed", "liverank_shadowed", "Requests that a challenger in shadow scored."),
    (
        "shadow_failures",
        "liverank_shadow_failures",
        "Requests that a challenger in shadow could not score.",
    ),
)
_OUTCOMES = ("accepted", "duplicate", "rejected")


def exposition(service: Service, health: HealthReporter) -> bytes:
    """The metrics of all processes of a server, in Prometheus's text format."""
    write_cpu(service.counts)
    registry = CollectorRegistry()
    registry.register(_ServerCollector(service, health))
    text: bytes = generate_latest(registry)
    return text


class _ServerCollector(Collector):
    def __init__(self, service: Service, health: HealthReporter) -> None:
        self._service = service
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """All metric families."""
        board = self._service.board
        yield from _counters(board)
        yield _latencies(board)
        yield _processor_time(board)
        yield from self._gauges(board)

    def _gauges(self, board: Board) -> Iterator[Metric]:
        workers, folding = board.workers, board.folding
        yield _gauge(
            "liverank_rankings_queued",
            "Rankings that wait for the log.",
            workers["rankings_queued"],
        )
        yield _gauge("liverank_connections", "Open connections.", workers["connections"])
        yield _gauge("liverank_fold_seq", "Seq of the last event folded.", folding["seq"])
        yield _gauge("liverank_log_seq", "Seq of the last event of the log.", folding["last_seq"])
        yield _gauge(
            "liverank_fold_lag_seconds",
            "Largest possible age of an event that is not folded yet.",
            self._health.lag_s(),
        )
        yield _gauge(
            "liverank_healthy", "1 if /healthz reports ok, else 0.", float(self._health.health().ok)
        )
        yield _gauge(
            "liverank_simulated",
            "1 if time is simulated (not for real users), else 0.",
            float(self._service.simulation is not None),
        )
        if self._service.why_not_ready() is not None:
            return
        view = self._service.view()
        sizes = view.state.sizes
        for name, description in (
            ("rows", "Rows of feature state."),
            ("items", "Items in feature state."),
            ("bytes", "Bytes of feature state."),
            ("evicted", "Rows and histories evicted because memory was full."),
            ("lost", "Events dropped because memory was full."),
        ):
            yield _gauge(f"liverank_state_{name}", description, getattr(sizes, name))
        yield _gauge("liverank_live_items", "Items that are live.", view.live.count)
        bundle = view.ranker.level.bundle
        model = GaugeMetricFamily(
            "liverank_model_age_seconds", "Age of the served bundle.", labels=["version"]
        )
        if bundle is not None:
            age_s = (self._service.clock_ms() - bundle.manifest.created_ms) / 1000
            model.add_metric([bundle.version], age_s)
        yield model
        release = GaugeMetricFamily(
            "liverank_release_share",
            "Share of the people whom the challenger on trial serves, by version and stage.",
            labels=["version", "stage"],
        )
        if view.challenger is not None:
            trial = view.challenger.release
            release.add_metric([trial.version, trial.stage], trial.share)
        yield release


def _gauge(name: str, description: str, value: object) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, description, value=float(np.sum(value)))  # type: ignore[call-overload]


def _counters(board: Board) -> Iterator[Metric]:
    workers = board.workers
    requests = CounterMetricFamily(
        "liverank_requests", "Requests answered, by route and status.", labels=["route", "status"]
    )
    counts = workers["requests"].sum(axis=0)
    for route, of_route in zip(ROUTES, counts.tolist(), strict=True):
        for status, count in zip(STATUSES, of_route, strict=True):
            if count:
                requests.add_metric([route, str(status) if status else "other"], count)
    yield requests
    for field, name, description in _WORKER_COUNTERS:
        yield CounterMetricFamily(name, description, value=float(workers[field].sum()))
    events = CounterMetricFamily(
        "liverank_events", "Events received, by outcome.", labels=["outcome"]
    )
    for outcome in _OUTCOMES:
        events.add_metric([outcome], float(workers[f"events_{outcome}"].sum()))
    yield events
    undeclared = CounterMetricFamily(
        "liverank_undeclared_names",
        "Events received with a name that liverank.toml does not declare, by key and name.",
        labels=["key", "name"],
    )
    for key, name, count in board.undeclared.totals():
        undeclared.add_metric([key, name], count)
    yield undeclared


def _latencies(board: Board) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        "liverank_rank_seconds",
        "Time from a ranking request's last byte to its answer, by surface and fallback level.",
        labels=["surface", "rung"],
    )
    bounds = [*(str(bound / 1000) for bound in BUCKETS_MS), "+Inf"]
    latency, sums = board.latency.sum(axis=0), board.latency_us.sum(axis=0)
    for index, surface in enumerate(board.surfaces):
        for level, name in enumerate(LEVELS):
            counts = np.cumsum(latency[index, level]).tolist()
            if counts[-1]:
                family.add_metric(
                    [surface, name],
                    list(zip(bounds, counts, strict=True)),
                    float(sums[index, level]) / 1e6,
                )
    return family


def _processor_time(board: Board) -> CounterMetricFamily:
    family = CounterMetricFamily(
        "liverank_process_cpu_seconds", "Processor time, by process.", labels=["process"]
    )
    folding = board.folding
    family.add_metric(["supervisor"], int(folding["supervisor_cpu_us"]) / 1e6)
    family.add_metric(["fold"], int(folding["cpu_us"]) / 1e6)
    for index, worker in enumerate(board.workers):
        family.add_metric([f"worker-{index}"], int(worker["cpu_us"]) / 1e6)
    return family
