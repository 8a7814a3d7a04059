"""Each check on made counts: when it is quiet, when it is not, and what the alarm is named."""

import numpy as np
import polars as pl
import pytest

import watched_world as watched
from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.checks.calibration import calibration
from liverank.autopilot.monitoring.checks.drift import drift
from liverank.autopilot.monitoring.checks.servers import disk, fallbacks, memory
from liverank.autopilot.monitoring.counts.hours import HOUR_MS
from liverank.autopilot.monitoring.monitor import CHECKS, Monitor
from liverank.autopilot.monitoring.view import Check
from liverank.config import Config, parse_config
from liverank.events.autopilot_steps import step_of
from liverank.events.event import AutopilotStep, Event, Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.simulator.world.world import START_MS

DAYS = 12
HOURS = DAYS * 24


def monitored(
    events: list[Event],
    *,
    hours: int = HOURS,
    config: Config | None = None,
    checks: tuple[Check, ...] = CHECKS,
) -> dict[int, list[Alarm]]:
    """The alarms at the end of each hour, counted from the beginning."""
    rows = sorted(events, key=lambda event: event.at_ms)
    frame = frame_of(rows, seqs=range(1, len(rows) + 1))
    monitor = Monitor(config or watched.config(), checks=checks)
    looks = watched.watch(
        monitor,
        frame.with_columns(arrived=pl.col("time")),
        from_ms=START_MS,
        to_ms=START_MS + hours * HOUR_MS,
    )
    return {(end_ms - START_MS) // HOUR_MS: alarms for end_ms, alarms in looks}


def at(hour: float) -> int:
    return START_MS + round(hour * HOUR_MS)


def reports(hours: int = HOURS, **changed: object) -> list[Event]:
    """A report every hour; a callable gives the value of an hour."""
    return [
        watched.report(
            at(hour + 1),
            hour,
            **{name: value(hour) if callable(value) else value for name, value in changed.items()},
        )
        for hour in range(hours)
    ]


def keys(looks: dict[int, list[Alarm]]) -> dict[str, list[int]]:
    """The hours at which each alarm is on."""
    found: dict[str, list[int]] = {}
    for hour, alarms in looks.items():
        for alarm in alarms:
            found.setdefault(alarm.key, []).append(hour)
    return found


def test_healthy_reports_make_no_alarm() -> None:
    assert not keys(monitored(reports()))


def test_fallbacks_are_an_alarm_where_a_model_ranked_before_and_none_were_asked_for() -> None:
    def rankings(hour: int) -> dict[str, int]:
        return {"popular": 90, "model": 10} if 200 <= hour < 220 else {"model": 100}

    looks = monitored(reports(rankings=rankings), checks=(fallbacks,))
    on = keys(looks)["fallbacks"]
    assert (on[0], on[-1]) == (201, 220)  # nearly all, so at once
    assert looks[210][0].severity == "critical"
    some = {"popular": 30, "model": 70}
    on = keys(
        monitored(
            reports(rankings=lambda hour: some if 200 <= hour < 220 else {"model": 100}),
            checks=(fallbacks,),
        )
    )["fallbacks"]
    assert (on[0], on[-1]) == (202, 220)
    assert not keys(
        monitored(
            reports(rankings=lambda hour: some if hour % 50 == 1 else {"model": 100}),
            checks=(fallbacks,),
        )
    )
    assert "does not load" in looks[210][0].cause
    late = monitored(
        reports(rankings=rankings, late=lambda hour: 90 * (200 <= hour < 220)), checks=(fallbacks,)
    )
    assert "deadline" in late[210][0].cause
    withdrawn: list[Event] = [step_of("withdrawn", at_ms=at(200) - 5, reason="harm")]
    assert not keys(monitored(reports(rankings=rankings) + withdrawn, checks=(fallbacks,)))
    assert not keys(monitored(reports(rankings={"popular": 100}), checks=(fallbacks,)))


def test_the_log_alone_shows_fallbacks_where_no_server_reports() -> None:
    lists: list[Event] = [
        Ranking(
            time=at(hour + 0.1),
            id=f"q{hour}.{number}",
            user=f"u{number}",
            items=["r1"],
            model="popular" if 200 <= hour < 220 else watched.VERSION,
        )
        for hour in range(240)
        for number in range(40)
    ]
    on = keys(monitored(lists, hours=240))["fallbacks"]
    assert (on[0], on[-1]) == (201, 220)


def test_a_disk_that_fills_up_is_warned_of_by_its_days() -> None:
    size = 10**9

    def free(hour: int) -> int:
        return 24 * 8 * size - max(0, hour - 120) * size

    looks = monitored(
        reports(log_bytes=lambda hour: hour * size, disk_free_bytes=free), checks=(disk,)
    )
    on = keys(looks)["disk"]
    begin, critical = looks[on[0]][0], looks[on[-1]][0]
    assert begin.severity == "warning"
    assert free(on[0]) / size / 24 == pytest.approx(7, abs=0.2)
    assert critical.severity == "critical"
    none = {"log_bytes": None, "disk_free_bytes": None}
    assert not keys(monitored(reports(**none), checks=(disk,)))


def test_memory_that_grows_through_two_days_is_warned_of_and_a_filling_cache_is_not() -> None:
    gigabyte = 10**9
    grows = reports(
        memory_bytes=lambda hour: 2 * gigabyte + hour * gigabyte // 20,
        memory_free_bytes=lambda hour: 20 * gigabyte - hour * gigabyte // 20,
    )
    assert set(keys(monitored(grows, checks=(disk, memory)))) == {"memory"}
    cache = reports(memory_bytes=lambda hour: 3 * gigabyte - int(gigabyte * 0.9**hour))
    assert not keys(monitored(cache, checks=(disk, memory)))


def test_what_a_server_refuses_names_the_field() -> None:
    reason = 'Expected a list of ids, got `"ai"` - at `$.fields.topics` (declared as keys)'
    looks = monitored(
        reports(
            events_rejected=lambda hour: 300 * (200 <= hour < 210),
            last_rejected=lambda hour: reason if 200 <= hour < 210 else None,
        )
    )
    on = keys(looks)
    assert set(on) == {"field_type:items.topics"}
    assert (on["field_type:items.topics"][0], on["field_type:items.topics"][-1]) == (202, 210)
    other = monitored(reports(events_rejected=300, last_rejected="Expected `event`"), hours=30)
    assert set(keys(other)) == {"refused_events"}
    assert not keys(monitored(reports(events_rejected=5), hours=30))


EXPERIMENT = """
[label]
interaction = "join"
within = "1h"
[experiments.tab]
surface = "default"
start = 2024-01-01T00:00:00Z
[experiments.tab.variants.a]
rank = "popular"
[experiments.tab.variants.b]
rank = "model"
"""


@pytest.mark.parametrize(("lost", "expected"), [(0.0, set()), (0.2, {"sample_ratio:tab"})])
def test_a_variant_that_loses_people_is_an_alarm(lost: float, expected: set[str]) -> None:
    rng = np.random.default_rng(3)
    lists: list[Event] = []
    for hour in range(72):
        for number in range(60):
            variant = "ab"[int(rng.integers(2))]
            if variant == "b" and rng.random() < lost:
                continue
            lists += [
                Ranking(
                    time=at(hour + 0.1),
                    id=f"q{hour}.{number}.{again}",
                    user=f"u{hour}.{number}",
                    items=["r1"],
                    variant=f"tab:{variant}",
                )
                for again in range(2)  # a unit counts once
            ]
    found = keys(monitored(lists, hours=72, config=parse_config(EXPERIMENT)))
    assert set(found) == expected


def scored_lists(rate: "np.ndarray", seed: int = 1) -> list[Event]:
    """Lists of a bundle whose items have a score of .1, and succeed at a rate of each hour."""
    rng = np.random.default_rng(seed)
    events: list[Event] = []
    for hour in range(len(rate)):
        for number in range(30):
            name, when = f"q{hour}.{number}", at(hour + number / 60)
            items = ["r1", "r2", "r3"]
            events.append(
                Ranking(
                    time=when,
                    id=name,
                    user=f"u{number}",
                    items=items,
                    model=watched.VERSION,
                    scores=[0.1] * 3,
                )
            )
            for item in items:
                kinds = ["impression"] + ["join"] * int(rng.random() < rate[hour])
                events += [
                    Interaction(
                        time=when + 5, type=kind, user=f"u{number}", item=item, ranking=name
                    )
                    for kind in kinds
                ]
    return events


def test_a_model_whose_ratio_moves_is_badly_calibrated_and_a_steady_one_is_not() -> None:
    assert not keys(monitored(scored_lists(np.full(240, 0.05)), hours=240, checks=(calibration,)))
    rate = np.where(np.arange(240) < 168, 0.05, 0.12)
    looks = monitored(scored_lists(rate), hours=240, checks=(calibration,))
    on = keys(looks)
    assert set(on) == {"calibration"}
    assert 168 + 20 <= on["calibration"][0] <= 168 + 52
    assert "2." in looks[230][0].title


def test_scores_and_categories_that_move_for_two_days_are_drift() -> None:
    rng = np.random.default_rng(4)
    events: list[Event] = []
    for hour in range(HOURS):
        p = [0.6, 0.3, 0.1] if hour < 240 else [0.1, 0.3, 0.6]
        for number in range(30):
            language = ("en", "es", "de")[int(rng.choice(3, p=p))]
            events.append(
                Item(time=at(hour + 0.2), item=f"r{hour}.{number}", fields={"language": language})
            )
    looks = monitored(events, checks=(drift,))
    assert set(keys(looks)) == {"drift:items.language"}
    assert keys(looks)["drift:items.language"][0] >= 240 + 30


def test_one_silent_source_is_named_and_if_all_are_silent_there_is_one_alarm() -> None:
    def made(item_until: int, until: int) -> list[Event]:
        rng = np.random.default_rng(5)
        events: list[Event] = []
        for hour in range(until):
            when = at(hour + 0.1)
            events += [
                Ranking(time=when, id=f"q{hour}.{number}", user="u", items=["r1"])
                for number in range(int(rng.poisson(20)))
            ]
            events += [
                Item(time=when, item=f"r{hour}.{number}")
                for number in range(int(rng.poisson(8)) if hour < item_until else 0)
            ]
        return events

    items = keys(monitored(made(200, 240), hours=240))
    assert set(items) == {"freshness:item"}
    assert items["freshness:item"][0] <= 206
    everything = keys(monitored(made(200, 200), hours=230))
    assert set(everything) == {"freshness:events"}


def test_fewer_visitors_are_no_broken_tracking() -> None:
    events = scored_lists(np.full(240, 0.05))
    keeps = [e for e in events if e.at_ms < at(200) or int(getattr(e, "user", "u0")[1:]) % 3 == 0]
    found = keys(monitored(keeps, hours=240))
    assert set(found) == {"volume:ranking"}


def test_reports_of_another_version_are_passed_over() -> None:
    step = AutopilotStep(time=at(0.5), action="reported", fields={"detail": '{"new": 1}'})
    assert not keys(monitored([step], hours=3))
