"""The world in motion: its events are valid, in order, causal, and follow people's tastes."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from a_world import events, rankings, world
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.errors import SimulatorError
from liverank.events.event import Event, Interaction, Item, Ranking, User, dedup_id
from liverank.events.time_zones import zone_name
from liverank.events.wire import decode_event, encode_event
from liverank.simulator.policies.contract import Visits
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.simulate import simulate, write_events
from liverank.simulator.world.constants import Choices, Constants
from liverank.simulator.world.world import DAY_MS, World, build_world


def test_the_same_seeds_give_the_same_events_and_others_do_not() -> None:
    small = build_world(1, people=60, days=1)

    first, again, other = (
        list(simulate(small, policy=MostPopular(small, spread=1.0, seed=4), seed=seed))
        for seed in (9, 9, 10)
    )

    assert first == again
    assert first != other


def test_every_event_survives_the_wire_and_has_an_id_of_its_own() -> None:
    for event in events():
        assert decode_event(encode_event(event)) == event
    ids = [dedup_id(event) for event in events() if event.id is not None]
    assert len(set(ids)) == len(ids)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    people=st.integers(10, 60),
    days=st.integers(1, 2),
    shown=st.integers(1, 30),
)
def test_in_any_world_people_act_only_on_what_is_live_and_time_never_runs_back(
    seed: int, people: int, days: int, shown: int
) -> None:
    small = build_world(seed, people=people, days=days)
    live: set[str] = set()
    last_ms = small.start_ms
    for event in simulate(small, policy=RandomOrder(small, seed=seed), seed=seed, shown=shown):
        assert last_ms <= event.at_ms < small.start_ms + days * DAY_MS
        last_ms = event.at_ms
        if isinstance(event, Item):
            assert (event.item in live) == (event.state in ("updated", "ended"))
            if event.state != "updated":
                (live.add if event.state == "started" else live.discard)(event.item)
        elif isinstance(event, Ranking):
            assert set(event.items) <= live
            assert 1 <= len(event.items) <= shown
        elif isinstance(event, Interaction):
            assert event.item in live


def test_who_reads_so_slowly_that_rooms_end_meanwhile_sees_none_of_them() -> None:
    slow = replace(Constants(), choices=Choices(look_ms=600_000))
    small = build_world(3, people=300, days=2, constants=slow)
    ended_ms = dict(zip(small.rooms.ids, small.rooms.end_ms.tolist(), strict=True))
    reactions, too_late = 0, 0
    for event in simulate(small, policy=RandomOrder(small, seed=1), seed=1):
        if isinstance(event, Interaction):
            reactions += 1
            too_late += event.at_ms >= ended_ms[event.item]

    assert reactions > 500
    assert too_late == 0


def test_reactions_name_a_ranking_that_was_served_to_that_person_before_and_held_the_item() -> None:
    served = rankings()

    for event in events():
        if isinstance(event, Interaction):
            ranking = served[str(event.ranking)]
            assert ranking.user == event.user
            assert event.item in ranking.items
            assert ranking.at_ms < event.at_ms


def test_rooms_are_announced_started_changed_and_ended_and_some_start_again() -> None:
    told: dict[str, list[Item]] = defaultdict(list)
    for event in events():
        if isinstance(event, Item):
            told[event.item].append(event)

    lives = Counter(tuple(event.state for event in room) for room in told.values())
    assert lives["scheduled", "started", "ended"] > 0
    assert lives["started", "updated", "updated", "ended"] > 0
    again = [room for room in told.values() if [e.state for e in room].count("started") == 2]
    assert 0 < len(again) < len(told) / 10
    for first, *others in told.values():
        assert first.state in ("scheduled", "started")
        for event in others:
            assert event.state != "updated" or set(event.fields) == {"speakers"}
            if event.state == "started":
                assert event.fields["title"] == first.fields["title"]


def test_events_hold_only_what_a_product_could_know() -> None:
    for event in events():
        if isinstance(event, Item):
            assert set(event.fields) <= {"host", "speakers", "topics", "language", "title"}
        elif isinstance(event, User):
            assert set(event.fields) == {"language", "country", "time_zone"}
            assert zone_name(str(event.fields["time_zone"])) == event.fields["time_zone"]
        elif isinstance(event, Ranking):
            assert (event.scores, event.propensities, event.fields) == (None, None, {})
        elif isinstance(event, Interaction):
            assert event.fields == {}


def test_a_policy_sees_everything_before_a_ranking_and_nothing_after() -> None:
    class Witness:
        def __init__(self, world: World) -> None:
            self.seen: list[Event] = []
            self.asked: list[tuple[int, int]] = []
            self._world = world

        def rank(self, visits: Visits) -> list[list[str]]:
            self.asked.append((visits.at_ms, len(self.seen)))
            return [[self._world.rooms.ids[room] for room in visits.live.tolist()]] * len(visits)

        def observe(self, events: Sequence[Event]) -> None:
            self.seen += events

    small = build_world(1, people=60, days=1)
    witness = Witness(small)
    made = list(simulate(small, policy=witness, seed=3))

    assert witness.seen == made
    for at_ms, known in witness.asked:
        assert all(event.at_ms < at_ms for event in made[:known])
        assert all(event.at_ms >= at_ms for event in made[known:])


def test_latent_variables_change_no_item_and_no_profile() -> None:
    def shown(world: World) -> list[Event]:
        made = simulate(world, policy=RandomOrder(world, seed=1), seed=1)
        return [event for event in made if isinstance(event, Item | User)]

    small = build_world(1, people=80, days=1)
    rng = np.random.default_rng(0)
    people, hosts, rooms = small.people, small.hosts, small.rooms
    latent = {
        "taste": people.taste,
        "leaning": people.leaning,
        "wording": people.wording,
        "eagerness": people.eagerness,
        "patience": people.patience,
        "visits_per_day": people.visits_per_day,
        "phase_h": people.phase_h,
        "habit": people.habit,
        "understands": people.understands,
    }
    other = replace(
        small,
        people=replace(people, **{name: rng.permutation(of) for name, of in latent.items()}),
        hosts=replace(
            hosts,
            leaning=rng.permutation(hosts.leaning),
            quality=rng.permutation(hosts.quality),
            fame=rng.permutation(hosts.fame),
        ),
        rooms=replace(
            rooms, quality=rng.permutation(rooms.quality), peak=rng.permutation(rooms.peak)
        ),
    )

    assert shown(small) == shown(other)


def test_fewer_days_are_the_beginning_of_more() -> None:
    whole = world()
    day_one = list(simulate(whole, policy=RandomOrder(whole, seed=1), seed=2, days=1))

    assert max(event.at_ms for event in day_one) < whole.start_ms + DAY_MS
    assert [e for e in day_one if isinstance(e, Item)] == [
        e for e in events() if isinstance(e, Item) and e.at_ms < whole.start_ms + DAY_MS
    ]


def test_more_days_than_the_world_lasts_are_refused() -> None:
    with pytest.raises(SimulatorError, match="`days` is 5; this world was built for 1 to 4"):
        simulate(world(), policy=RandomOrder(world()), seed=1, days=5)
    with pytest.raises(SimulatorError, match="`shown` is 0"):
        simulate(world(), policy=RandomOrder(world()), seed=1, shown=0)


def test_events_are_written_as_lines_that_decode_to_the_same_events(tmp_path: Path) -> None:
    small = build_world(1, people=30, days=1)
    made = list(simulate(small, policy=RandomOrder(small), seed=1))

    number = write_events(tmp_path / "events.jsonl", made)

    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert number == len(lines) == len(made)
    assert [decode_event(line) for line in lines] == made
