"""Checks of a server's own log, as ``liverank serve --log-format json`` writes it.

The log is read once, line by line, so it may be of any length. Invariant: other lines (output of
other programs) are counted and skipped.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from liverank.cli.commands.doctor.checks.finding import Finding
from liverank.errors import ServingError
from liverank.serving.server_log.lines import Line

MAX_SHOWN = 60
"""Maximum number of shown events, the newest."""
MIN_ENDS = 3
"""Number of unexpected ends of a process from which on they are an error."""

_SHOWN = {
    "start", "ready", "end", "process_ended", "process_failed", "bundle_served", "bundle_refused",
    "fallback_began", "fallback_ended", "alarm", "alarm_ended", "log_unread", "log_folded_again",
    "rankings_lost", "snapshot_failed", "snapshot_unused", "fault", "other",
}  # fmt: skip
"""Events that are shown individually; others are only counted."""
_decoder = msgspec.json.Decoder(Line)


@dataclass(slots=True)
class LogSummary:
    """Summary of a server's log: counts by event, kind, level or route."""

    events: Counter[str] = field(default_factory=Counter)
    shown: list[Line] = field(default_factory=list)
    unread: int = 0
    """Number of lines that are not events."""
    refused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    fallbacks: Counter[str] = field(default_factory=Counter)
    """Rankings in ended periods of fallbacks, by fallback level."""
    reasons: dict[str, str] = field(default_factory=dict)
    slow: Counter[str] = field(default_factory=Counter)
    slowest_ms: float = 0.0
    alarms: Counter[str] = field(default_factory=Counter)
    alarm_seconds: Counter[str] = field(default_factory=Counter)
    last_alarm: dict[str, Line] = field(default_factory=dict)
    active_alarms: set[str] = field(default_factory=set)
    """Alarms that have not ended."""
    ends: Counter[str] = field(default_factory=Counter)
    """Unexpected ends of processes, by process and exit status."""
    killed: list[str] = field(default_factory=list)
    """Times of starts whose previous run has no end."""
    is_running: bool = False
    """Whether the last start has no end."""

    def add(self, line: Line) -> None:
        """Add an event."""
        fields, event = line.fields, line.event
        self.events[event] += 1
        if event in _SHOWN:
            self.shown.append(line)
            del self.shown[: -10 * MAX_SHOWN]
        if event == "start":
            if self.is_running:
                self.killed.append(line.time)
            self.is_running = True
            self.active_alarms.clear()
        elif event == "end":
            self.is_running = False
        elif event == "refused":
            kind = str(fields.get("kind"))
            self.refused[kind] += int(fields.get("count", 1))
            self.examples[kind] = str(fields.get("example") or "no example")
        elif event == "fallback_began":
            self.reasons[str(fields.get("rung"))] = str(fields.get("reason") or "unknown")
        elif event == "fallback_ended":
            self.fallbacks[str(fields.get("rung"))] += int(fields.get("count", 0))
        elif event == "slow_request":
            self.slow[str(fields.get("route"))] += 1 + int(fields.get("suppressed", 0))
            self.slowest_ms = max(self.slowest_ms, float(fields.get("ms", 0)))
        elif event == "alarm":
            name = str(fields.get("alarm"))
            self.alarms[name] += 1
            self.last_alarm[name] = line
            self.active_alarms.add(name)
        elif event == "alarm_ended":
            name = str(fields.get("alarm"))
            self.alarm_seconds[name] += round(float(fields.get("seconds", 0)))
            self.active_alarms.discard(name)
        elif event == "process_ended":
            self.ends[f"{fields.get('of')}, {fields.get('how')}"] += 1


def read_summary(file: Path) -> LogSummary:
    """Read a server's log. Raises ServingError if it is unreadable or has no events."""
    summary = LogSummary()
    try:
        with file.open("rb") as lines:
            for line in lines:
                try:
                    summary.add(_decoder.decode(line))
                except (msgspec.MsgspecError, ValueError, TypeError):
                    summary.unread += 1
    except OSError as error:
        raise ServingError(f"{file}: the server's log cannot be read: {error.strerror}") from None
    if not summary.events:
        raise ServingError(
            f"{file}: no line is an event of a server; write the log with "
            "`liverank serve --log-format json 2> FILE`"
        )
    return summary


def what_happened(summary: LogSummary) -> list[str]:
    """The newest events in order, and the counts of events that are not shown."""
    shown = summary.shown[-MAX_SHOWN:]
    lines = [f"{line.time} {line.process}: {line.message}" for line in shown]
    hidden = sum(summary.events[event] for event in _SHOWN) - len(shown)
    if hidden:
        lines.insert(0, f"... and {hidden:,} earlier events")
    for event, noun in (
        ("request", "requests"),
        ("erased", "erasures"),
        ("snapshot_taken", "snapshots"),
    ):
        if summary.events[event]:
            lines.append(f"{summary.events[event]:,} {noun}")
    return lines


def check_summary(summary: LogSummary) -> Iterator[Finding]:
    """Problems in the log, and what to do about them."""
    for at in summary.killed:
        yield Finding(
            "warning",
            f"the server was killed before its restart at {at}",
            "check the system's log (`dmesg`) for lack of memory or a restart of the machine",
        )
    yield from _check_processes(summary)
    for name, count in summary.alarms.items():
        last = summary.last_alarm[name]
        end = (
            "it has not ended"
            if name in summary.active_alarms
            else f"{summary.alarm_seconds[name]:,} s in all"
        )
        yield Finding(
            "warning",
            f"/healthz complained of `{name}` {count:,} times ({end}), the last time at "
            f"{last.time}: {last.fields.get('what')}",
            "see docs/serving.md#health for what to do about each cause",
        )
    for level, reason in summary.reasons.items():
        yield Finding(
            "warning",
            f"rankings were by `{level}`, {summary.fallbacks[level]:,} until it ended: {reason}",
            "see docs/serving.md#the-ladder for when that happens",
        )
    for kind, count in summary.refused.most_common():
        yield Finding(
            "warning",
            f"{count:,} refused ({kind}), the last: {summary.examples[kind]}",
            "inform the sender; the answers state what to send",
        )
    if summary.slow:
        routes = ", ".join(f"{count:,} of {route}" for route, count in summary.slow.most_common())
        yield Finding(
            "warning",
            f"slow requests: {routes}; the slowest took {summary.slowest_ms / 1000:.1f} s",
            "see `request_id` in the log for which; use more cores (`--workers`), or request less "
            "at a time",
        )
    if summary.events["fault"]:
        yield Finding(
            "warning",
            f"{summary.events['fault']:,} faults because of bugs in liverank",
            "report them, with the `traceback` in the log",
        )


def _check_processes(summary: LogSummary) -> Iterator[Finding]:
    for how, count in summary.ends.items():
        yield Finding(
            "error" if count >= MIN_ENDS else "warning",
            f"a process ended by itself {count:,} times ({how}), and was replaced",
            "if the signal is 9, check for lack of memory (`dmesg`); otherwise see the `fault` "
            "before it in the log",
        )
