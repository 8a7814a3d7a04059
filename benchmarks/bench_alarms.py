"""False alarms in quiet worlds, hours until each of six faults is found, and what watching costs.

Bias: the worlds are ours and people's habits in them do not change; a real product has holidays and
launches. Thresholds were set by looking at worlds of other seeds: 1 to 13, 100 to 111, 200 to 211.
"""

import argparse
import copy
import json
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import watched_world as watched
from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.counts.hours import HOUR_MS
from liverank.autopilot.monitoring.monitor import Monitor
from liverank.events.frame import events_of
from liverank.events.log import Log
from liverank.simulator.faults import Fault, FaultKind

DAYS = 21
BROKEN_DAY, MENDED_DAY = 14.0, 16.0
FAULTS: tuple[tuple[FaultKind, float, str], ...] = (
    ("no_impressions", 0.6, "volume:impression"),
    ("no_impressions", 1.0, "volume:impression"),
    ("field_type", 1.0, "field_type:items.topics"),
    ("bot", 1.0, "bot:bot"),
    ("clock", 1.0, "clock:interactions"),
    ("language_gone", 1.0, "category:items.language=es"),
    ("label_falls", 0.5, "label:join"),
)


def main() -> None:
    """Run all parts and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=12)
    parser.add_argument("--broken", type=int, default=4, help="worlds that are also broken")
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    arguments = parser.parse_args()
    began = time.process_time()
    quiet: list[str] = []
    hours: dict[tuple[str, int], list[float | None]] = {}
    others: list[str] = []
    for number in range(arguments.worlds):
        seed, people = 300 + number, (400, 600, 1000)[number % 3]
        monitor, alarms = watch_quiet(seed, people)
        quiet += [f"seed {seed}: {alarm.title}" for alarm in alarms]
        if number < arguments.broken * 3 and number % 3 != 0:
            for kind, share, key in FAULTS:
                found, wrong = delay_h(monitor, seed, people, kind, share, key)
                hours.setdefault((f"{kind} {share:g}", people), []).append(found)
                others += [f"seed {seed}, {kind}: {one}" for one in wrong]
        watched.steps.cache_clear()
    print(f"{len(quiet)} alarms in {2 * arguments.worlds} quiet world-weeks", *quiet, sep="\n  ")
    print("| fault | people | found | hours until found, median | most |")
    print("| --- | --- | --- | --- | --- |")
    for (fault, people), delays in sorted(hours.items()):
        known = [one for one in delays if one is not None]
        median, most = (statistics.median(known), max(known)) if known else (None, None)
        print(f"| {fault} | {people:,} | {len(known)} of {len(delays)} | {median} | {most} |")
    print(f"{len(others)} alarms of another key", *others, sep="\n  ")
    costs = cost()
    if arguments.out:
        delays_of = {f"{fault}, {people}": delays for (fault, people), delays in hours.items()}
        figures = {"false": quiet, "delay_h": delays_of, "wrong": others, **costs}
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"{time.process_time() - began:.0f} s of processor time")


def watch_quiet(seed: int, people: int) -> tuple[Monitor, list[Alarm]]:
    """A monitor after two weeks, and the alarms of the second and third week."""
    events = watched.frame(watched.steps(seed, people, DAYS))
    monitor = Monitor(watched.config())
    parts = [int(events["arrived"].search_sorted(watched.day_ms(day))) for day in (7, 14)]
    first, second, third = events[: parts[0]], events[parts[0] : parts[1]], events[parts[1] :]
    watched.watch(monitor, first, from_ms=watched.day_ms(0), to_ms=watched.day_ms(7))
    looks = watched.watch(monitor, second, from_ms=watched.day_ms(7), to_ms=watched.day_ms(14))
    kept = copy.deepcopy(monitor)
    looks += watched.watch(monitor, third, from_ms=watched.day_ms(14), to_ms=watched.day_ms(DAYS))
    return kept, list({alarm.key: alarm for _, alarms in looks for alarm in alarms}.values())


def delay_h(
    monitor: Monitor, seed: int, people: int, kind: FaultKind, share: float, key: str
) -> tuple[float | None, set[str]]:
    """Hours until a fault is found, None if it is not; and other alarms."""
    fault = Fault(
        kind=kind,
        share=share,
        from_ms=watched.day_ms(BROKEN_DAY),
        to_ms=watched.day_ms(MENDED_DAY),
    )
    until_ms = watched.day_ms(MENDED_DAY + 1)
    parts = tuple(
        part for part in watched.steps(seed, people, DAYS) if fault.from_ms < part[0] <= until_ms
    )
    events = watched.frame(parts, (fault,), first_seq=monitor.seq + 1)
    looks = watched.watch(copy.deepcopy(monitor), events, from_ms=fault.from_ms, to_ms=until_ms)
    named = [end_ms for end_ms, alarms in looks if any(alarm.key == key for alarm in alarms)]
    found = (named[0] - fault.from_ms) / HOUR_MS if named else None
    return found, {alarm.key for _, alarms in looks for alarm in alarms} - {key}


def cost() -> dict[str, float]:
    """Microseconds an event of following a log in large and in small steps."""
    events = watched.frame(watched.steps(99, 2000, 3))
    with TemporaryDirectory() as directory, Log.open(Path(directory), syncs=False) as log:
        log.append(list(events_of(events)), arrived_ms=watched.day_ms(3))
        log.compact()
        began = time.process_time()
        for _ in log.read():
            pass
        read_s = time.process_time() - began
        monitor = Monitor(watched.config())
        began = time.process_time()
        monitor.follow(log)
        follow_s = time.process_time() - began
    began = time.process_time()
    monitor = Monitor(watched.config())
    watched.watch(monitor, events, from_ms=watched.day_ms(0), to_ms=watched.day_ms(3))
    hourly_s = time.process_time() - began
    count = len(events)
    figures = {
        "follow_us": 1e6 * follow_s / count,
        "read_us": 1e6 * read_s / count,
        "hourly_us": 1e6 * hourly_s / count,
        "counts_mb": monitor.view(0).table.nbytes / 1e6,
    }
    print(
        f"follow: {figures['follow_us']:.1f} us an event (to read all columns: "
        f"{figures['read_us']:.1f}); by hour, with checks: {figures['hourly_us']:.1f} us; counts: "
        f"{figures['counts_mb']:.2f} MB"
    )
    return figures


if __name__ == "__main__":
    main()
