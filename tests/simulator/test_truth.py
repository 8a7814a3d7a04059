"""The truth about past lists agrees, row by row, with the truth about one item at a time."""

import numpy as np
import pytest

from liverank.config import parse_config
from liverank.dataset.lists import Lists, collect_lists
from liverank.dataset.metrics import list_auc, mean_over_lists
from liverank.errors import SimulatorError
from liverank.events.event import Event, Ranking
from liverank.events.frame import frame_of
from liverank.events.profile import profile_events
from liverank.events.schema import resolve_schema
from liverank.features.derived_layout import layout_of
from liverank.simulator.chronicle import chronicle_of
from liverank.simulator.policies import RandomOrder
from liverank.simulator.simulate import simulate
from liverank.simulator.taste import true_join_probability
from liverank.simulator.truth import captured_lift, true_scores
from liverank.simulator.world import build_world

WORLD = build_world(5, people=200, days=1)
EVENTS = list(simulate(WORLD, policy=RandomOrder(seed=1), seed=1))


def lists_of(events: list[Event]) -> Lists:
    config = parse_config('[label]\ninteraction = "join"')
    frame = frame_of(events, seqs=list(range(1, len(events) + 1)))
    layout = layout_of(resolve_schema(config, profile_events([frame])), config)
    return collect_lists([frame], layout, config)


def test_each_row_has_the_chance_that_the_world_gives_it() -> None:
    rankings = [event for event in EVENTS if isinstance(event, Ranking)]

    chronicle = chronicle_of(WORLD, EVENTS)

    scores = true_scores(WORLD, lists_of(EVENTS), chronicle)

    expected = [
        true_join_probability(WORLD, ranking.user, ranking.items, ranking.at_ms, chronicle)
        for ranking in rankings
    ]
    np.testing.assert_array_equal(scores, np.concatenate(expected))
    assert (scores != true_scores(WORLD, lists_of(EVENTS))).any(), "things happened"


def test_the_truth_orders_lists_far_better_than_chance() -> None:
    lists = lists_of(EVENTS)

    scores = true_scores(WORLD, lists)

    assert mean_over_lists(list_auc(scores, lists.labels, lists.reads.offsets)) > 0.8


@pytest.mark.parametrize(("user", "item"), [("u1", "elsewhere"), ("nobody", "room1")])
def test_lists_of_another_world_are_refused(user: str, item: str) -> None:
    foreign = Ranking(time=WORLD.start_ms, id="a", user=user, items=["room0", item])

    with pytest.raises(SimulatorError, match=r"1 of [12] rows are about a (item|person)"):
        true_scores(WORLD, lists_of([foreign]))


def test_captured_lift_is_the_share_of_what_there_was_to_gain() -> None:
    assert captured_lift(0.6, 0.5, 0.9) == pytest.approx(0.25)
    assert captured_lift(0.9, 0.5, 0.9) == 1.0
    assert captured_lift(0.4, 0.5, 0.9) == pytest.approx(-0.25)
    assert captured_lift(0.6, 0.5, 0.5) is None
