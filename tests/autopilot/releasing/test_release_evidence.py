"""What is found in a real log, step by step, is what another process finds in it at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import polars as pl
import pytest
from test_arm_counts import made_events

from liverank.autopilot.releasing.arm_counts import LOG_COLUMNS, ArmCounts
from liverank.autopilot.releasing.arms import CanaryArms, HoldoutArms
from liverank.autopilot.releasing.counts import Evidence
from liverank.autopilot.releasing.guardrails import guardrails, harm_in
from liverank.autopilot.releasing.move import Change
from liverank.autopilot.releasing.release_evidence import (
    SETTLES_MS,
    WINDOW_MS,
    ReleaseEvidence,
    seq_at,
)
from liverank.autopilot.releasing.stages import Findings
from liverank.config import Config, parse_config
from liverank.events.autopilot_steps import step_of
from liverank.events.event import Event, Interaction, Ranking
from liverank.events.frame import frame_of
from liverank.events.log import Log
from liverank.experiments.release import Trial
from liverank.serving.reports import ShadowReport

CONFIG = parse_config('[label]\ninteraction = "join"\nwithin = "1m"\n[autopilot]\n')
HOLDOUT = parse_config('[label]\ninteraction = "join"\nwithin = "1m"\n[autopilot]\nholdout = 0.1')
TRIAL = Trial(champion="old", share=0.4)
LATER_MS = 100_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Log.open(tmp_path / "log", syncs=False) as opened:
        yield opened


def append(log: Log, events: list[Event]) -> None:
    """Append events one by one, so that each arrives at its own time or a bit later."""
    latest = 0
    for event in events:
        latest = max(latest, event.at_ms)
        log.append([event], arrived_ms=latest)


def canary(at_ms: int) -> Event:
    return step_of("canary_started", at_ms=at_ms, reason="", model="new", detail=TRIAL)


def equal(first: Evidence | None, second: Evidence | None) -> bool:
    assert first is not None
    assert second is not None
    for arm in ("control", "treated"):
        one, other = getattr(first, arm), getattr(second, arm)
        if one.count != other.count or not np.allclose(one.products, other.products):
            return False
    return first.tightest_at == second.tightest_at and first.people > 0


def fresh(log: Log, at_ms: int, config: Config = CONFIG) -> Findings:
    evidence = ReleaseEvidence(log, config)
    evidence.follow(at_ms)
    return evidence.findings(at_ms)


def test_a_canary_is_followed_as_it_happens_and_as_after_a_restart(log: Log) -> None:
    events = made_events(1, 250, late_ms=1)
    begun = canary(LATER_MS)
    before = [event for event in events if event.at_ms < LATER_MS]
    after = [event for event in events if event.at_ms >= LATER_MS]
    evidence = ReleaseEvidence(log, CONFIG)
    append(log, before)
    evidence.follow(LATER_MS)
    assert evidence.findings(LATER_MS).canary is None
    append(log, [begun])
    for start in range(0, len(after), 40):
        append(log, after[start : start + 40])
        evidence.follow(after[start].at_ms)
    at_ms = events[-1].at_ms
    found = evidence.findings(at_ms).canary
    assert equal(found, fresh(log, at_ms).canary)
    release = evidence.state.release
    assert release is not None
    arms = CanaryArms(release)
    plain = ArmCounts(CONFIG, arms, from_ms=LATER_MS + SETTLES_MS, has_impressions=True)
    plain.add(frame_of(after, seqs=list(range(1, len(after) + 1))))
    assert found is not None
    assert equal(found, plain.evidence(release.share, found.tightest_at))
    assert found.share == TRIAL.share


def test_with_a_holdout_the_bundle_in_service_is_compared_with_it(log: Log) -> None:
    events = made_events(2, 250, late_ms=1)
    change = Change(before=None, after="old")
    released = step_of("released", at_ms=LATER_MS, reason="", model="old", detail=change)
    append(log, [event for event in events if event.at_ms < LATER_MS])
    evidence = ReleaseEvidence(log, HOLDOUT)
    evidence.follow(LATER_MS)
    assert evidence.findings(LATER_MS).holdout is None
    after = [event for event in events if event.at_ms >= LATER_MS]
    append(log, [released, *after])
    evidence.follow(events[-1].at_ms)
    found = evidence.findings(events[-1].at_ms)
    assert found.before_after is None
    from_ms = LATER_MS + SETTLES_MS
    plain = ArmCounts(HOLDOUT, HoldoutArms("old"), from_ms=from_ms, has_impressions=True)
    plain.add(frame_of(after, seqs=list(range(1, len(after) + 1))))
    assert found.holdout is not None
    assert equal(found.holdout, plain.evidence(None, found.holdout.tightest_at))
    assert found.holdout.against_heuristic


def test_a_bundle_that_breaks_after_good_weeks_is_found_out_in_the_next_window(log: Log) -> None:
    change = Change(before=None, after="old")
    released = step_of("released", at_ms=0, reason="", model="old", detail=change)
    breaks_ms, until_ms = 4 * WINDOW_MS, 5 * WINDOW_MS
    rng, events = np.random.default_rng(1), list[Event]()
    for number, time in enumerate(range(SETTLES_MS, until_ms, WINDOW_MS // 400)):
        for name, variant in ((f"m{number}", None), (f"h{number}", "autopilot:holdout")):
            model = "old" if variant is None else "popular"
            events.append(
                Ranking(time=time, id=name, user=name, items=["a"], model=model, variant=variant)
            )
            rate = 0.3 if variant else 0.6 if time < breaks_ms else 0.1
            if rng.random() < rate:
                events.append(Interaction(time=time, type="join", user=name, item="a"))
    log.append([released], arrived_ms=0)
    evidence = ReleaseEvidence(log, HOLDOUT)
    harmed = []
    for week in range(5):
        end_ms = (week + 1) * WINDOW_MS
        new = [event for event in events if end_ms - WINDOW_MS <= event.at_ms < end_ms]
        log.import_frame(frame_of(new), arrived_ms=end_ms - 1)
        evidence.follow(end_ms - 1)
        found = evidence.findings(end_ms - 1).holdout
        assert equal(found, fresh(log, end_ms - 1, HOLDOUT).holdout)
        assert found is not None
        assert found.people == pytest.approx(800, abs=10)
        harmed.append(harm_in(guardrails(found)) is not None)
    assert harmed == [False, False, False, False, True]


class CountedLog:
    """A log that remembers from which seq on whole events were read."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.read_from: list[int] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    def read(self, from_seq: int = 1, **options: Any) -> Iterator[pl.DataFrame]:
        if options.get("columns") == LOG_COLUMNS:
            self.read_from.append(from_seq)
        return self._log.read(from_seq, **options)


def test_after_a_restart_only_what_came_since_the_stage_began_is_read(log: Log) -> None:
    events = made_events(1, 250, late_ms=1)
    append(log, [event for event in events if event.at_ms < LATER_MS])
    last_seq = log.last_seq()
    append(log, [canary(LATER_MS), *(event for event in events if event.at_ms >= LATER_MS)])
    counted = CountedLog(log)
    found = fresh(cast("Log", counted), events[-1].at_ms)
    assert found.canary is not None
    assert found.canary.people > 0
    assert counted.read_from
    assert min(counted.read_from) > last_seq


def test_a_fall_after_a_release_is_found_in_the_log_and_forgotten_after_the_probation(
    log: Log,
) -> None:
    rng, hour_ms = np.random.default_rng(1), 3_600_000
    released_ms = 24 * 4 * hour_ms
    events: list[Event] = []
    for hour in range(24 * 4 + 9):
        rate = 0.5 if hour < 24 * 4 else 0.2
        for number in range(40):
            at_ms = hour * hour_ms + number * 60_000
            served = Ranking(
                time=at_ms, id=f"{hour}-{number}", user=f"u{number}", items=["a"], model="old"
            )
            events.append(served)
            if rng.random() < rate:
                join = Interaction(
                    time=at_ms, type="join", user=served.user, item="a", ranking=served.id
                )
                events.append(join)
    change = Change(before="older", after="old")
    released = step_of("released", at_ms=released_ms, reason="", model="old", detail=change)
    log.import_frame(
        frame_of([event for event in events if event.at_ms < released_ms]), arrived_ms=released_ms
    )
    append(log, [released, *(event for event in events if event.at_ms >= released_ms)])
    at_ms = released_ms + 9 * hour_ms
    found = fresh(log, at_ms).before_after
    assert found is not None
    assert found.harm is not None
    assert found.lift == pytest.approx(-0.6, abs=0.1)
    assert fresh(log, released_ms + 24 * hour_ms).before_after is None


def test_only_reports_on_this_trial_count(log: Log) -> None:
    report = ShadowReport(
        champion="old",
        requests=10,
        failures=0,
        candidates=500,
        champion_us=1.0,
        challenger_us=1.0,
        overlap_at_10=1.0,
        mean_score=0.1,
        mean_champion_score=0.1,
    )
    other = msgspec.structs.replace(report, champion="older")
    began = step_of(
        "shadow_started", at_ms=50, reason="", model="new", detail=Trial(champion="old")
    )
    reports = [
        step_of("shadowed", at_ms=at_ms, reason="", model=model, detail=detail)
        for at_ms, model, detail in (
            (40, "new", report),
            (60, "new", report),
            (70, "other", report),
            (80, "new", other),
            (90, "new", report),
        )
    ]
    append(log, [reports[0], began, *reports[1:]])
    assert fresh(log, 100).shadow == (report, report)


@pytest.mark.parametrize("at_ms", [-1, 0, 1, 5, 6, 10, 11, 99])
def test_the_first_event_that_arrived_at_a_time_is_found(log: Log, at_ms: int) -> None:
    for arrived_ms in (1, 5, 5, 5, 10):
        log.append(
            [Ranking(time=0, id=f"{log.last_seq()}", user="u", items=[])], arrived_ms=arrived_ms
        )
    log.compact()
    log.append([Ranking(time=0, id="last", user="u", items=[])], arrived_ms=10)
    arrived = [1, 5, 5, 5, 10, 10]
    plain = next((seq for seq, when in enumerate(arrived, 1) if when >= at_ms), 7)
    assert seq_at(log, at_ms) == plain
