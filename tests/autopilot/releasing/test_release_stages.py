"""The story of a release: what happens next, and why, case by case."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.autopilot.alarms.alarm import Alarm, AlarmKind
from liverank.autopilot.history.state import AutopilotState, state_of
from liverank.autopilot.releasing.before_after import BeforeAfter
from liverank.autopilot.releasing.counts import Evidence
from liverank.autopilot.releasing.move import Change, Move
from liverank.autopilot.releasing.service import Service, service_of
from liverank.autopilot.releasing.stages import LONGEST_SHADOW, Findings, begin, next_step
from liverank.config import parse_config
from liverank.events.autopilot_steps import reason_of, step_of
from liverank.experiments.release import Release, Trial
from liverank.experiments.statistics.moments import Moments
from liverank.serving.reports import ShadowReport

HOUR_MS = 3_600_000
CONFIG = parse_config(
    """
    [label]
    interaction = "join"
    [autopilot]
    shadow = "1h"
    canary = "1d"
    probation = "1d"
    """
)
SHADOW = Release(version="new", stage="shadow", since_ms=0, champion="old")
CANARY = Release(version="new", stage="canary", since_ms=0, champion="old", share=0.1)
SERVICE = Service(version="new", since_ms=0, before="old", is_new=True)
REPORT = ShadowReport(
    champion="old",
    requests=500,
    failures=0,
    candidates=25_000,
    champion_us=800.0,
    challenger_us=900.0,
    overlap_at_10=0.6,
    mean_score=0.04,
    mean_champion_score=0.05,
)
FIRST = msgspec.structs.replace(
    REPORT, champion=None, champion_us=20.0, overlap_at_10=0.0, mean_champion_score=90.0
)


def reports(report: ShadowReport = REPORT, **changes: object) -> Findings:
    return Findings(shadow=(msgspec.structs.replace(report, **changes),))


def people(count: int, *, rate: float = 0.05, fallbacks: float = 0.0, seed: int = 0) -> Moments:
    """Moments of people with 3 lists of 6 impressions each."""
    rng = np.random.default_rng(seed)
    successes = rng.binomial(18, rate, count)
    empty = np.maximum(3 - successes, 0)
    rows = [np.full(count, 3), np.full(count, 18), successes, rng.binomial(3, fallbacks, count)]
    return Moments.of(np.stack([*rows, empty], axis=1).astype(np.float64))


def arms(control: Moments, treated: Moments, share: float | None = 0.1) -> Evidence:
    return Evidence(control, treated, share, 2000.0)


ALIKE = arms(people(9000), people(1000, seed=1))
HARMED = arms(people(9000), people(1000, rate=0.03, seed=1))
FEW = arms(people(180), people(20, seed=1))
LOST = arms(people(9000), people(500, seed=1))
FALLING_BACK = arms(people(9000), people(1000, fallbacks=0.2, seed=1))
WORSE_THAN_HEURISTIC = arms(people(1000, seed=1), people(9000, rate=0.03), None)
BETTER_THAN_HEURISTIC = arms(people(1000, rate=0.03, seed=1), people(9000), None)
FELL = BeforeAfter(hours=6, lift=-0.4, low=-0.5, high=-0.3, harm="the label rate fell by 40 %")
STEADY = BeforeAfter(hours=6, lift=-0.02, low=-0.2, high=0.2, harm=None)

STORY = {
    # in shadow
    "it waits for the planned time": (SHADOW, None, reports(), 0.9, None, ""),
    "then it goes into canary": (SHADOW, None, reports(), 1, "canary_started", "500 requests"),
    "a failure drops it at once": (
        SHADOW, None, reports(failures=1), 0.1, "dropped", "could not score 1 of 501"
    ),
    "it drops a challenger that fails before it ever scored": (
        SHADOW, None, reports(requests=0, failures=9), 0.1, "dropped", "9 of 9"
    ),
    "one that takes half of the deadline is dropped": (
        SHADOW, None, reports(challenger_us=26_000.0), 0.1, "dropped", "26.0 ms"
    ),
    "one that is much slower than the champion is dropped": (
        SHADOW, None, reports(challenger_us=6_000.0), 0.1, "dropped", "6.0 ms"
    ),
    "one that is slower and still fast goes on": (
        SHADOW, None, reports(challenger_us=4_500.0), 1, "canary_started", "4.50 ms"
    ),
    "one that turns the order around is dropped": (
        SHADOW, None, reports(overlap_at_10=0.01), 0.1, "dropped", "random order"
    ),
    "one with absurd scores is dropped": (
        SHADOW, None, reports(mean_score=0.9), 0.1, "dropped", "scores"
    ),
    "without requests it waits longer": (SHADOW, None, Findings(), 3.9, None, ""),
    "but not for ever": (SHADOW, None, Findings(), LONGEST_SHADOW, "dropped", "no request"),
    "with a few requests it goes on then": (
        SHADOW,
        None,
        reports(requests=30),
        LONGEST_SHADOW,
        "canary_started",
        "only 30 requests",
    ),
    "a first model is not compared with counts": (
        msgspec.structs.replace(SHADOW, champion=None), None, reports(FIRST), 1,
        "canary_started", "popularity",
    ),
    # in canary
    "it serves some for the planned time": (CANARY, None, Findings(canary=ALIKE), 23, None, ""),
    "then everybody": (CANARY, None, Findings(canary=ALIKE), 24, "released", "no harm"),
    "harm drops it at once": (
        CANARY, None, Findings(canary=HARMED), 2, "dropped", "label rate"
    ),
    "so do fallbacks": (CANARY, None, Findings(canary=FALLING_BACK), 2, "dropped", "fallbacks"),
    "so do people who are missing": (
        CANARY, None, Findings(canary=LOST), 2, "dropped", "sample ratio"
    ),
    "so does a server that cannot load it": (
        CANARY, None, reports(requests=0, failures=9, trouble="changed since it was written"), 2,
        "dropped", "9 requests with it in canary: changed",
    ),
    "with few people it waits longer": (CANARY, None, Findings(canary=FEW), 47, None, ""),
    "and then is released without a sign of harm": (
        CANARY, None, Findings(canary=FEW), 48, "released", "no sign of harm"
    ),
    "nobody got a list by it": (CANARY, None, Findings(), 48, "dropped", "nobody got a list"),
    # in service
    "all is well": (None, SERVICE, Findings(before_after=STEADY), 6, None, ""),
    "a clear fall brings the bundle before back": (
        None, SERVICE, Findings(before_after=FELL), 6, "returned", "old is in service again"
    ),
    "after the probation it no longer counts": (
        None, SERVICE, Findings(before_after=FELL), 24, None, ""
    ),
    "worse than the holdout brings the bundle before back": (
        None, SERVICE, Findings(holdout=WORSE_THAN_HEURISTIC), 6, "returned", "holdout"
    ),
    "later it is withdrawn": (
        None, SERVICE, Findings(holdout=WORSE_THAN_HEURISTIC), 90, "withdrawn", "popularity"
    ),
    "better than the holdout stays": (
        None, SERVICE, Findings(holdout=BETTER_THAN_HEURISTIC), 6, None, ""
    ),
    "a holdout is believed more than the hours before": (
        None, SERVICE, Findings(holdout=BETTER_THAN_HEURISTIC, before_after=FELL), 6, None, ""
    ),
    "a first model goes back to popularity": (
        None, msgspec.structs.replace(SERVICE, before=None), Findings(before_after=FELL), 6,
        "withdrawn", "no bundle served before",
    ),
    "the champion goes back before the challenger goes on": (
        CANARY, SERVICE, Findings(canary=ALIKE, holdout=WORSE_THAN_HEURISTIC), 24,
        "withdrawn", "holdout",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STORY)
def test_the_next_step(case: str) -> None:
    release, service, findings, hours, action, reason = STORY[case]
    state = replace(state_of(()), release=release)
    if release is CANARY and service is SERVICE:
        service = msgspec.structs.replace(SERVICE, version="old", before=None)
    move = next_step(state, service, findings, CONFIG, int(hours * HOUR_MS))
    assert (None if move is None else move.action) == action
    if move is not None:
        assert reason in reason_of(move.step(0))


def test_effects_follow_from_the_action() -> None:
    effects = {}
    for release, service, findings, hours, _, _ in STORY.values():
        state = replace(state_of(()), release=release)
        move = next_step(state, service, findings, CONFIG, int(hours * HOUR_MS))
        if move is not None:
            effects.setdefault(move.action, set()).add(move.effect)
    assert effects == {
        "canary_started": {"none"},
        "dropped": {"none"},
        "released": {"promote"},
        "returned": {"roll_back"},
        "withdrawn": {"withdraw"},
    }


@pytest.mark.parametrize(
    ("kind", "release", "findings", "action"),
    [
        ("volume", CANARY, Findings(canary=ALIKE), None),
        ("label", CANARY, Findings(canary=ALIKE), "released"),
        ("volume", CANARY, Findings(canary=HARMED), "dropped"),
        ("clock", SHADOW, reports(), None),
        ("volume", None, Findings(before_after=FELL), None),
        ("label", None, Findings(before_after=FELL), "returned"),
        ("volume", None, Findings(holdout=WORSE_THAN_HEURISTIC), "withdrawn"),
    ],
)
def test_while_events_are_wrong_no_challenger_goes_on_and_no_hours_are_compared(
    kind: AlarmKind, release: Release | None, findings: Findings, action: str | None
) -> None:
    alarm = Alarm(key=kind, kind=kind, title="", cause="", consequence="", next_step="", since_ms=0)
    state = replace(state_of(()), release=release, alarms={kind: alarm})
    age_hours = 24 if findings.holdout is not None or release is not None else 6
    service = None if release is not None else SERVICE
    move = next_step(state, service, findings, CONFIG, age_hours * HOUR_MS)
    assert (None if move is None else move.action) == action


def test_without_the_table_nothing_moves() -> None:
    config = parse_config('[label]\ninteraction = "join"')
    state = replace(state_of(()), release=CANARY)
    assert next_step(state, None, Findings(canary=ALIKE), config, 99 * HOUR_MS) is None


FINDINGS: Sequence[Findings] = (
    Findings(),
    reports(),
    reports(failures=3),
    *(Findings(canary=one) for one in (ALIKE, HARMED, FEW)),
    Findings(before_after=FELL),
    Findings(holdout=WORSE_THAN_HEURISTIC),
)
LOOK = st.tuples(
    st.sampled_from(range(len(FINDINGS))), st.integers(1, 40), st.sampled_from(["", "", "p", "r"])
)


@settings(max_examples=150, deadline=None)
@given(looks=st.lists(LOOK, max_size=14))
def test_whatever_the_evidence_no_stage_is_skipped_and_nothing_moves_in_a_pause(
    looks: list[tuple[int, int, str]],
) -> None:
    steps = []
    at_ms, current, history = 0, "b0", ["b0"]
    for number, (which, hours, hand) in enumerate(looks):
        at_ms += hours * HOUR_MS
        if hand:
            action = "paused" if hand == "p" else "resumed"
            steps.append(step_of(action, at_ms=at_ms, reason="by hand"))
        state, service = state_of(steps), service_of(steps)
        move = next_step(state, service, FINDINGS[which], CONFIG, at_ms)
        if move is None:
            move = begin(f"b{number + 1}", champion=current, has_same_layout=True, state=state)
        if move is None:
            continue
        assert not state.is_paused
        check_order(move, state, current)
        steps.append(move.step(at_ms))
        if move.effect == "promote":
            history.append(move.version)
            current = move.version
        elif move.effect == "roll_back":
            assert isinstance(move.detail, Change)
            history.pop()
            current = move.detail.after
            assert current == history[-1]
        elif move.effect == "withdraw":
            current = None
        after = service_of(steps)
        assert after is None or after.version == current


def check_order(move: Move, state: AutopilotState, current: str | None) -> None:
    stage = None if state.release is None else state.release.stage
    before = {"shadow_started": None, "canary_started": "shadow", "released": "canary"}
    if move.action in before:
        assert stage == before[move.action]
        assert isinstance(move.detail, Trial | Change)
    if move.action == "dropped":
        assert state.release is not None
        assert move.version == state.release.version
    if move.action in ("returned", "withdrawn"):
        assert move.version == current
