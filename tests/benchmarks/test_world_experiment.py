"""A/B tests in small worlds: who learns from whom, what is logged, and what is true."""

import numpy as np
import pytest

from bench_interference import one_world as interference_of
from bench_world_coverage import one_world, summed_up, wilson
from liverank.events.event import Interaction, Ranking
from liverank.simulator.policies.random_order import RandomOrder
from world_experiment import (
    CONTROL,
    VARIANT,
    Begun,
    Setting,
    Split,
    arms_of,
    begun,
    differences,
    policies_of,
    run_test,
    truth_of,
    world_of,
)

SMALL = Setting(people=80, days_before=1, days=2)


@pytest.fixture(scope="module")
def at() -> Begun:
    return begun(world_of(1, SMALL), SMALL, luck=1)


@pytest.mark.parametrize("shared", [True, False])
def test_policies_learn_from_everybody_or_from_their_own_people(at: Begun, shared: bool) -> None:
    world = at.life.world
    seen: dict[str, list[str]] = {CONTROL: [], VARIANT: []}

    class Noted(RandomOrder):
        def __init__(self, name: str) -> None:
            super().__init__(world)
            self.observe = seen[name].extend  # type: ignore[assignment,method-assign]

    arms = np.arange(len(world.people.ids)) % 2
    policies = {CONTROL: Noted(CONTROL), VARIANT: Noted(VARIANT)}
    split = Split(policies, arms, world.people.ids, shared=shared)
    joins = [
        Interaction(time=at.start_ms, type="join", user=f"u{row}", item=world.rooms.ids[0])
        for row in range(4)
    ]
    split.observe(joins)
    everybody = ["u0", "u1", "u2", "u3"]
    expected = (everybody, everybody) if shared else (["u0", "u2"], ["u1", "u3"])
    users = {name: [event.user for event in events] for name, events in seen.items()}  # type: ignore[attr-defined]
    assert (users[CONTROL], users[VARIANT]) == expected
    assert split.log == joins


def test_each_list_is_logged_with_the_variant_that_the_product_assigns(at: Begun) -> None:
    log, counted, arms = run_test(at, shared=False)
    users = at.life.world.people.ids
    assert arms.tolist() == arms_of(users).tolist()
    given = dict(zip(users, arms.tolist(), strict=True))
    rankings = [event for event in log if isinstance(event, Ranking)]
    assert {f"tab:{(CONTROL, VARIANT)[given[one.user]]}" == one.variant for one in rankings} == {
        True
    }
    times = [event.at_ms for event in log]
    assert times == sorted(times)
    assert len({one.user for one in rankings}) == counted.came.sum()


def test_the_truth_of_two_equal_policies_is_that_nothing_differs() -> None:
    setting = Setting(people=80, days_before=1, days=2, bonus=0.0)
    same = begun(world_of(2, setting), setting, luck=3)
    policies = policies_of(same)
    forks = [truth_of(same, policies[name]) for name in (CONTROL, VARIANT)]
    assert differences(*forks).tolist() == [0.0] * 4
    assert forks[0].joins.sum() > 0


def test_a_world_gives_intervals_around_what_it_reports() -> None:
    world = one_world(1, Setting(people=120, days_before=2, days=3), 2)
    for looks in ("7d", "1d"):
        found = world[looks]
        low, middle, high = (np.array(found[end]) for end in ("low", "difference", "high"))
        assert (low < middle).all()
        assert (middle < high).all()
    wide = {**world, "any_weeks": [1e9] * 4, "these_weeks": world["1d"]["difference"]}
    coverage = summed_up([wide, wide])["coverage"]
    assert coverage["these_weeks, looks 1d"]["held"] == [2] * 4
    assert coverage["any_weeks, looks 1d"]["held"] == [0] * 4


def test_what_counters_share_changes_what_people_do() -> None:
    found = interference_of(1, Setting(people=300, days_before=1, days=2, bonus=2.0))
    assert np.shape(found["alone"]) == np.shape(found["of everybody"]) == (2, 4)
    assert found["of everybody"] != found["of each variant"]


def test_wilson_is_within_0_and_1_and_holds_the_share() -> None:
    for hits in (0, 3, 10):
        low, high = wilson(hits, 10)
        assert -1e-12 <= low <= hits / 10 <= high + 1e-12 <= 1 + 2e-12
