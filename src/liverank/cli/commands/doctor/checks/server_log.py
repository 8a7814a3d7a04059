"""Checks of a server's own log, as ``liverank serve --log-format json`` writes it.

The log is read once, line by line, whatever its length. Invariant: lines of anything else (what was
printed around it) are passed over and counted, never guessed at.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from liverank.cli.commands.doctor.checks.finding import Finding
from liverank.errors import ServingError
from liverank.serving.server_log.lines import Line

MOST_SHOWN = 60
"""Lines of what happened that are shown, the newest."""
OFTEN = 3
"""A process that ended so often is an error."""

_SHOWN = {
    "start", "ready", "end", "process_ended", "process_failed", "bundle_served", "bundle_refused",
    "fallback_began", "fallback_ended", "alarm", "alarm_ended", "log_unread", "log_folded_again",
    "rankings_lost", "snapshot_failed", "snapshot_unused", "fault", "other",
}  # fmt: skip
"""Events that are shown one by one; of the others only how many there were."""
_decoder = msgspec.json.Decoder(Line)


@dataclass(slots=True)
class LogSummary:
    """What a server's log holds; counts are by event, or by what they are of."""

    events: Counter[str] = field(default_factory=Counter)
    shown: list[Line] = field(default_factory=list)
    unread: int = 0
    """Lines that are no events."""
    refused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    fallbacks: Counter[str] = field(default_factory=Counter)
    """Rankings by a fallback that has ended, by its level."""
    reasons: dict[str, str] = field(default_factory=dict)
    slow: Counter[str] = field(default_factory=Counter)
    slowest_ms: float = 0.0
    alarms: Counter[str] = field(default_factory=Counter)
    alarm_seconds: Counter[str] = field(default_factory=Counter)
    last_alarm: dict[str, Line] = field(default_factory=dict)
    going_on: set[str] = field(default_factory=set)
    """Alarms that have not ended."""
    ends: Counter[str] = field(default_factory=Counter)
    """How processes ended that nobody stopped."""
    killed: list[str] = field(default_factory=list)
    """When the server was started again without having ended."""
    is_running: bool = False
    """The last start has no end."""

    def add(self, line: Line) -> None:
        """Add an event."""
        fields, event = line.fields, line.event
        self.events[event] += 1
        if event in _SHOWN:
            self.shown.append(line)
            del self.shown[: -10 * MOST_SHOWN]
        if event == "start":
            if self.is_running:
                self.killed.append(line.time)
            self.is_running = True
            self.going_on.clear()
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
            self.going_on.add(name)
        elif event == "alarm_ended":
            name = str(fields.get("alarm"))
            self.alarm_seconds[name] += round(float(fields.get("seconds", 0)))
            self.going_on.discard(name)
        elif event == "process_ended":
            self.ends[f"{fields.get('of')}, {fields.get('how')}"] += 1


def read_summary(file: Path) -> LogSummary:
    """Read a server's log. Raises ServingError where it cannot be read, or holds no event."""
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
            f"{file}: no line of it is an event of a server; write the log with "
            "`liverank serve --log-format json 2> FILE`"
        )
    return summary


def what_happened(summary: LogSummary) -> list[str]:
    """What happened, in the order it did, and how often what is not shown one by one."""
    shown = summary.shown[-MOST_SHOWN:]
    lines = [f"{line.time} {line.process}: {line.message}" for line in shown]
    hidden = sum(summary.events[event] for event in _SHOWN) - len(shown)
    if hidden:
        lines.insert(0, f"... and {hidden:,} earlier events")
    for event, words in (
        ("request", "requests"),
        ("erased", "erasures"),
        ("snapshot_taken", "snapshots"),
    ):
        if summary.events[event]:
            lines.append(f"{summary.events[event]:,} {words}")
    return lines


def check_summary(summary: LogSummary) -> Iterator[Finding]:
    """All that went wrong while the log was written, and what to do about it."""
    for at in summary.killed:
        yield Finding(
            "warning",
            f"the server that was started again at {at} had not ended in order: it was killed",
            "see the system's log for a lack of memory (`dmesg`) or a restart of the machine",
        )
    yield from _check_processes(summary)
    for name, count in summary.alarms.items():
        last = summary.last_alarm[name]
        end = (
            "it goes on"
            if name in summary.going_on
            else f"{summary.alarm_seconds[name]:,} s in all"
        )
        yield Finding(
            "warning",
            f"/healthz complained of `{name}` {count:,} times ({end}), the last time at "
            f"{last.time}: {last.fields.get('what')}",
            "docs/serving.md#health says for each cause what to do",
        )
    for level, reason in summary.reasons.items():
        yield Finding(
            "warning",
            f"rankings were by `{level}`, {summary.fallbacks[level]:,} until it ended: {reason}",
            "docs/serving.md#the-ladder says when that happens",
        )
    for kind, count in summary.refused.most_common():
        yield Finding(
            "warning",
            f"{count:,} refused ({kind}), the last: {summary.examples[kind]}",
            "tell whoever sends them; the answers say what to send",
        )
    if summary.slow:
        routes = ", ".join(f"{count:,} of {route}" for route, count in summary.slow.most_common())
        yield Finding(
            "warning",
            f"slow requests: {routes}; the slowest took {summary.slowest_ms / 1000:.1f} s",
            "see `request_id` in the log for which; use more cores (`--workers`), or ask for less "
            "at a time",
        )
    if summary.events["fault"]:
        yield Finding(
            "warning",
            f"{summary.events['fault']:,} faults of the server's own",
            "report them, with the `traceback` in the log",
        )


def _check_processes(summary: LogSummary) -> Iterator[Finding]:
    for how, count in summary.ends.items():
        yield Finding(
            "error" if count >= OFTEN else "warning",
            f"a process ended by itself {count:,} times ({how}), and was replaced",
            "where the signal is 9, look for a lack of memory (`dmesg`); else see the `fault` "
            "before it in the log",
        )
