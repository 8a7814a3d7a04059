"""True metrics from what happened: by hand, and against the experiment system on one log."""

import numpy as np
import pytest

from liverank.config import parse_config
from liverank.events.event import Event, Interaction, Ranking
from liverank.events.frame import frame_of
from liverank.experiments.reporting.report import report_of
from liverank.experiments.reporting.report_input import report_input_of
from liverank.proof.truth.counted import DAY_MS, Counted

START_MS = 1_704_067_200_000
DAYS = 5
END_MS = START_MS + DAYS * DAY_MS
MINUTE_MS = 60_000


def act(user: str, type_: str, at_ms: int, value: float | None = None) -> Interaction:
    return Interaction(time=at_ms, type=type_, user=user, item="r1", value=value)


def counted_of(events: list[Event], visits: list[tuple[int, int]], users: int) -> Counted:
    counted = Counted([f"u{row}" for row in range(users)], start_ms=START_MS, end_ms=END_MS)
    for at_ms, row in visits:
        counted.visit(np.array([row]), at_ms)
    counted.observe(events)
    return counted


def test_a_person_counts_from_the_first_visit_on_and_by_whole_days() -> None:
    first = START_MS + 3600_000
    events: list[Event] = [
        act("u0", "join", first),  # at the visit itself: before it was answered
        act("u0", "impression", first + 1),
        act("u0", "impression", first + 2),
        act("u0", "click", first + 3),
        act("u0", "join", first + 4),
        act("u0", "leave", first + DAY_MS, 90.0),  # the last moment of the first day
        act("u0", "join", first + DAY_MS),
        act("u0", "join", first + 4 * DAY_MS + 5),  # the fifth day is not over at the end
        act("u0", "join", END_MS + 1),
        act("u1", "join", first),  # never came
    ]
    counted = counted_of(events, [(first, 0), (first + DAY_MS, 0), (START_MS - 1, 1)], users=2)
    values = counted.values()
    assert values["daily_active"] == 1 / 4
    assert values["join_rate"] == 3 / 2
    assert values["clicks_to_explore"] == 1
    assert values["minutes_listened"] == 1.5
    assert counted.came.tolist() == [True, False]


def test_nobody_has_no_values_and_they_are_not_zero() -> None:
    assert np.isnan(list(counted_of([], [], users=1).values().values())).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_experiment_system_gives_the_same_values_for_each_arm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    users = 60
    visits, events = made_log(rng, users)
    counted = counted_of([one for one in events if isinstance(one, Interaction)], visits, users)
    config = parse_config(CONFIG)
    asked = report_input_of(config, "tab", now_ms=END_MS, listed=False)
    report = report_of(asked, [frame_of(events, seqs=list(range(1, len(events) + 1)))])
    is_b = np.arange(users) % 2 == 1
    for arm, among in (("control", ~is_b), ("value", is_b)):
        truth = counted.values(among)
        said = {one.name: getattr(one.variants[0].effect, arm) for one in report.metrics}
        assert said["daily_active"] == pytest.approx(truth["daily_active"], rel=1e-12)
        assert said["join_rate"] == pytest.approx(truth["join_rate"], rel=1e-12)
        assert said["clicks_to_explore"] == pytest.approx(truth["clicks_to_explore"], rel=1e-12)
        assert said["seconds"] / 60 == pytest.approx(truth["minutes_listened"], rel=1e-12)


CONFIG = f"""
[label]
interaction = "join"
[metrics.seconds]
kind = "mean"
interaction = "leave"
value = true
[experiments.tab]
start = 2024-01-01T00:00:00Z
days = {DAYS}
metrics = ["daily_active", "join_rate", "clicks_to_explore", "seconds"]
[experiments.tab.variants]
a = {{ rank = "popular" }}
b = {{ rank = "model" }}
"""


def made_log(rng: np.random.Generator, users: int) -> tuple[list[tuple[int, int]], list[Event]]:
    """Visits (time, person) and events in time order; odd people are of variant b."""
    visits, events = [], []
    for number in range(users * 8):
        row, at_ms = int(rng.integers(users)), START_MS + int(rng.integers(DAYS * DAY_MS))
        visits.append((at_ms, row))
        variant = f"tab:{'ab'[row % 2]}"
        events.append(
            Ranking(time=at_ms, id=f"q{number}", user=f"u{row}", items=["r1"], variant=variant)
        )
        for type_ in rng.choice(["impression", "click", "join", "leave"], 4).tolist():
            after_ms = int(rng.integers(1, 30 * MINUTE_MS))
            value = float(rng.integers(1000)) if type_ == "leave" else None
            events.append(act(f"u{row}", type_, at_ms + after_ms, value))
    visits.sort()
    events.sort(key=lambda event: event.at_ms)
    return visits, events
