"""Checks of a running server, by what it reports over HTTP.

Invariant: a server that does not answer gives one finding, and no further check is made.
"""

import http.client
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from liverank.cli.commands.doctor.checks.finding import Finding, split_message
from liverank.errors import ServingError

TIMEOUT_S = 5.0
MIN_SHARE = 0.01
"""Minimum share of requests, or of events, that is reported."""

_OTHERWISE = {
    "log": "see the server's own log, and the disk of the event log",
    "bundle": "go back with `liverank rollback`, or train again with `liverank train`",
    "processes": "see the server's own log for why it ended; it is started again by itself",
    "rankings": "see the server's own log, and the disk of the event log",
    "experiments": "restore or train the bundles that it names, then restart the server",
    "snapshot": "see the disk of the project; a restart takes longer until it works",
    "memory": "raise `features.memory`",
}
_ERRORS = ("log", "bundle", "processes", "rankings", "experiments")


@dataclass(frozen=True, slots=True)
class Answers:
    """A server's answers: its health, its readiness, and its metrics by name and labels."""

    health: dict[str, Any]
    readiness: dict[str, Any]
    metrics: dict[tuple[str, tuple[str, ...]], float]

    def total(self, name: str, *labels: str) -> float:
        """The sum of a metric over all labels, or over those that include these values."""
        return sum(
            value
            for (metric, its_labels), value in self.metrics.items()
            if metric == name and set(labels) <= set(its_labels)
        )


def ask(url: str) -> Answers:
    """Request health, readiness and metrics. Raises ServingError if the server does not answer."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ServingError(
            f"{url}: expected the address of a server, such as http://localhost:8080"
        )
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=TIMEOUT_S)
    try:
        bodies = [_body(connection, path) for path in ("/healthz", "/readyz", "/metrics")]
        health, readiness = (msgspec.json.decode(body, type=dict[str, Any]) for body in bodies[:2])
        metrics = _metrics(bodies[2].decode())
    except (OSError, http.client.HTTPException) as error:
        what = str(error) or type(error).__name__
        raise ServingError(f"no server answers at {url}: {what}") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise ServingError(f"{url}: the answers are not those of a rank server: {error}") from None
    finally:
        connection.close()
    return Answers(health, readiness, metrics)


def check_health(answers: Answers) -> Iterator[Finding]:
    """The problems that ``/healthz`` reports."""
    for key, otherwise in _OTHERWISE.items():
        message = answers.health.get(key)
        if message:
            severity = "error" if key in _ERRORS else "warning"
            yield split_message(severity, f"{key}: {message}", otherwise)  # type: ignore[arg-type]
    release = answers.health.get("release") or {}
    if release.get("trouble"):
        yield split_message(
            "warning",
            f"release: {release['trouble']}",
            "see `liverank autopilot status`; `liverank autopilot pause` ends the trial",
        )
    if answers.health.get("simulated"):
        yield Finding(
            "warning",
            "the server's time is simulated: only events move its clock",
            "start it without `--simulated` for real users",
        )


def check_readiness(answers: Answers) -> Iterator[Finding]:
    """Whether the server ranks, and with the promoted bundle."""
    readiness = answers.readiness
    if not readiness.get("ready"):
        yield Finding(
            "error",
            f"the server cannot rank yet: {readiness.get('reason')}",
            "wait; if the number of events read does not grow, see the server's own log",
        )
    elif readiness.get("fallback") and not answers.health.get("bundle"):
        yield Finding(
            "warning",
            f"rankings are by `{readiness['fallback']}`: {readiness.get('reason')}",
            "put a bundle into service with `liverank train` or `liverank promote`",
        )


def check_requests(answers: Answers) -> Iterator[Finding]:
    """Rankings that were late, refused or not logged, and failed requests, since the start."""
    rank = answers.total("liverank_requests_total", "rank")
    shed = answers.total("liverank_requests_shed_total")
    late = answers.total("liverank_requests_late_total")
    lost = answers.total("liverank_rankings_lost_total")
    failed = answers.total("liverank_requests_total", "500")
    faster = "use more cores (`--workers`), name fewer candidates, or train a faster model"
    if shed > MIN_SHARE * rank:
        what = (
            f"{shed:,.0f} of {rank:,.0f} rankings were refused, because the server was overloaded"
        )
        yield Finding("error", what, faster)
    if late > MIN_SHARE * rank:
        what = f"{late:,.0f} of {rank:,.0f} rankings were by popularity, to meet their deadlines"
        yield Finding("warning", what, f"{faster}; or raise `surfaces.NAME.deadline`")
    if lost:
        what = f"{lost:,.0f} rankings were served but not logged, so nothing is learned from them"
        yield Finding(
            "warning", what, "see the server's own log for why; they are not logged later"
        )
    if failed:
        what = f"{failed:,.0f} requests failed because of a bug in liverank"
        yield Finding("warning", what, "report the faults in the server's own log")


def check_events(answers: Answers) -> Iterator[Finding]:
    """Events that were refused since the start."""
    refused = answers.total("liverank_events_total", "rejected")
    received = answers.total("liverank_events_total")
    if refused > MIN_SHARE * received:
        yield Finding(
            "warning",
            f"{refused:,.0f} of {received:,.0f} events were refused",
            "read `rejected` in the answers of POST /v1/events, which lists them with reasons",
        )


SERVER_CHECKS = (check_health, check_readiness, check_requests, check_events)


def _body(connection: http.client.HTTPConnection, path: str) -> bytes:
    connection.request("GET", path)
    return connection.getresponse().read()


def _metrics(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
