"""A monitor that follows a log as it grows, and one that starts later and reads what it needs."""

from pathlib import Path

import pytest

import watched_world as watched
from liverank.autopilot.monitoring import monitor as module
from liverank.autopilot.monitoring.counts.hours import HOUR_MS, HOURS
from liverank.autopilot.monitoring.monitor import Monitor
from liverank.events.event import Interaction
from liverank.events.log import Log
from liverank.simulator.faults import Fault, Faults
from liverank.simulator.world.world import START_MS

DAYS = 4


def test_alarms_are_the_same_whenever_the_log_was_followed_and_after_a_restart(
    tmp_path: Path,
) -> None:
    fault = Fault(kind="clock", from_ms=watched.day_ms(3), to_ms=watched.day_ms(DAYS))
    faults = Faults([fault])
    early, seen = Monitor(watched.config()), []
    with Log.open(tmp_path, syncs=False) as log:
        for number, (end_ms, part) in enumerate(watched.steps(7, 300, DAYS)):
            log.append(faults.broken(part), arrived_ms=end_ms - 1)
            if number % 9 == 0:
                early.follow(log)
                seen.append((end_ms, early.alarms(end_ms)))
        log.compact()
        late = Monitor(watched.config())
        late.follow(log)
        again = [(end_ms, late.alarms(end_ms)) for end_ms, _ in seen]
        early.follow(log)
        assert early.seq == late.seq == log.last_seq()
    keys = {alarm.key for _, alarms in seen for alarm in alarms}
    assert keys == {"clock:interactions"}
    assert again == seen


def test_history_that_was_imported_counts_at_its_own_time(tmp_path: Path) -> None:
    past = [event for _, part in watched.steps(7, 300, DAYS) for event in part]
    end_ms = watched.day_ms(DAYS)
    with Log.open(tmp_path, syncs=False) as log:
        log.append(past, arrived_ms=end_ms)
        monitor = Monitor(watched.config())
        monitor.follow(log)
        assert monitor.alarms(end_ms) == []
        assert monitor.view(end_ms // HOUR_MS).total("events")[-1] < len(past) / 10


def test_a_monitor_that_starts_reads_the_last_fifteen_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ROWS", 10)
    with Log.open(tmp_path, syncs=False) as log:
        for hour in range(0, 2 * HOURS, 4):
            at_ms = START_MS + hour * HOUR_MS
            log.append([Interaction(time=at_ms, type="join", user="u", item="r")], arrived_ms=at_ms)
        monkeypatch.setattr(module, "MOST_EVENTS", 40)
        assert 2 * HOURS // 4 - 50 <= module.first_seq(log) <= 2 * HOURS // 4 - 40
        monkeypatch.undo()
        monkeypatch.setattr(module, "_ROWS", 10)
        first = module.first_seq(log)
        monitor = Monitor(watched.config())
        monitor.follow(log)
    assert 2 * HOURS // 4 - HOURS // 4 - 25 <= first <= 2 * HOURS // 4 - HOURS // 4
    newest = (START_MS + (2 * HOURS - 4) * HOUR_MS) // HOUR_MS
    assert monitor.view(newest).of("label", "join").sum() == HOURS // 4
