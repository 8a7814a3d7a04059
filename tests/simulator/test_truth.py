"""The truth about past lists agrees, row by row, with the life's own chances at the time."""

from functools import cache

import numpy as np
import pytest

from liverank.config import parse_config
from liverank.dataset.lists.lists import Lists, collect_lists
from liverank.dataset.metrics import list_auc, mean_over_lists
from liverank.errors import SimulatorError
from liverank.events.event import Event, Ranking
from liverank.events.frame import frame_of
from liverank.events.schema.profile import profile_events
from liverank.events.schema.schema import resolve_schema
from liverank.features.hashing import hash_id
from liverank.features.layout.derived_layout import layout_of
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Visits
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.simulate import play
from liverank.simulator.truth import captured_lift, true_scores
from liverank.simulator.world.world import build_world

WORLD = build_world(5, people=200, days=2)


class Asking(RandomOrder):
    """A random order that asks the life for its chances before it answers."""

    def __init__(self, life: Life) -> None:
        super().__init__(life.world, seed=1)
        self._life = life
        self.chances: dict[tuple[int, int], list[float]] = {}

    def rank(self, visits: Visits) -> list[list[str]]:
        lists = super().rank(visits)
        for person, items in zip(visits.people, lists, strict=True):
            rooms = np.array([WORLD.room_of[item] for item in items[:20]])
            key = hash_id(f"u{person}"), visits.at_ms
            self.chances[key] = self._life.true_chances(np.array([person]), rooms)[0].tolist()
        return lists


@cache
def logged() -> tuple[Life, list[Event], dict[tuple[int, int], list[float]]]:
    life = Life(WORLD, seed=1, record_chances=True)
    policy = Asking(life)
    events = list(play(life, policy))
    return life, events, policy.chances


def lists_of(events: list[Event]) -> Lists:
    config = parse_config('[label]\ninteraction = "join"')
    frame = frame_of(events, seqs=list(range(1, len(events) + 1)))
    layout = layout_of(resolve_schema(config, profile_events([frame])), config)
    return collect_lists([frame], layout, config)


def test_each_row_has_the_chance_that_the_life_gave_it_at_the_time() -> None:
    life, events, chances = logged()

    lists = lists_of(events)

    scores = true_scores(life, lists)

    keys = zip(lists.reads.user.tolist(), lists.reads.at.tolist(), strict=True)
    expected = [chances[user, int(at_ms)] for user, at_ms in keys]
    np.testing.assert_allclose(scores, np.concatenate(expected), rtol=1e-6)


def test_the_truth_orders_lists_far_better_than_chance() -> None:
    life, events, _ = logged()
    lists = lists_of(events)

    scores = true_scores(life, lists)

    assert mean_over_lists(list_auc(scores, lists.labels, lists.reads.offsets)) > 0.8


@pytest.mark.parametrize(("user", "item"), [("u1", "elsewhere"), ("nobody", "room1")])
def test_lists_of_another_world_are_refused(user: str, item: str) -> None:
    foreign = Ranking(time=WORLD.start_ms, id="a", user=user, items=["room0", item])

    with pytest.raises(SimulatorError, match=r"1 of [12] rows are about a (item|person)"):
        true_scores(logged()[0], lists_of([foreign]))


def test_lists_of_another_time_and_of_an_unrecorded_life_are_refused() -> None:
    elsewhen = Ranking(time=WORLD.start_ms, id="a", user="u1", items=["room0"])

    with pytest.raises(SimulatorError, match="did not visit then"):
        true_scores(logged()[0], lists_of([elsewhen]))
    with pytest.raises(SimulatorError, match="record_chances=True"):
        true_scores(Life(WORLD, seed=1), lists_of([elsewhen]))


def test_a_list_after_the_end_has_the_chances_of_the_end() -> None:
    life = logged()[0]
    later = Ranking(time=life.until_ms + 5, id="a", user="u7", items=["room9", "room2"])

    expected = life.true_chances(np.array([7]), np.array([9, 2]))[0]

    np.testing.assert_array_equal(true_scores(life, lists_of([later])), expected)


def test_what_was_not_live_has_no_chance() -> None:
    life, events, _ = logged()
    last = [event for event in events if isinstance(event, Ranking)][-1]
    ended = Ranking(time=last.at_ms, id="b", user=last.user, items=["room0", last.items[0]])

    assert (true_scores(life, lists_of([ended])) > 0).tolist() == [False, True]


def test_captured_lift_is_the_share_of_what_there_was_to_gain() -> None:
    assert captured_lift(0.6, 0.5, 0.9) == pytest.approx(0.25)
    assert captured_lift(0.9, 0.5, 0.9) == 1.0
    assert captured_lift(0.4, 0.5, 0.9) == pytest.approx(-0.25)
    assert captured_lift(0.6, 0.5, 0.5) is None
