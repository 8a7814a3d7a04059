"""The world in motion: its events are valid, in order, causal, and follow people's tastes."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.errors import SimulatorError
from liverank.events.event import Edge, Event, Interaction, Item, Ranking, User, dedup_id
from liverank.events.wire import decode_event, encode_event
from liverank.events.zones import zone_name
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy, Visits
from liverank.simulator.policies.oracle import Oracle
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.simulate import play, simulate, write_events
from liverank.simulator.world.constants import Choices
from liverank.simulator.world.world import DAY_MS, World, build_world


@cache
def world() -> World:
    return build_world(11, people=800, days=4)


@cache
def life(policy: str = "random") -> tuple[Life, tuple[Event, ...]]:
    policies: dict[str, Callable[[Life], Policy]] = {
        "random": lambda life: RandomOrder(life.world, seed=1),
        "popular": lambda life: MostPopular(life.world, spread=1.0, seed=1),
        "oracle": Oracle,
    }
    life = Life(world(), seed=2, record_chances=policy == "random")
    return life, tuple(play(life, policies[policy](life)))


def events(policy: str = "random") -> tuple[Event, ...]:
    return life(policy)[1]


def interactions(kind: str, policy: str = "random") -> list[Interaction]:
    return [e for e in events(policy) if isinstance(e, Interaction) and e.type == kind]


def rankings(policy: str = "random") -> dict[str, Ranking]:
    return {e.id: e for e in events(policy) if isinstance(e, Ranking)}


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


def test_reactions_name_a_ranking_that_was_served_to_that_person_before_and_held_the_item() -> None:
    served = rankings()

    for event in events():
        if isinstance(event, Interaction):
            ranking = served[str(event.ranking)]
            assert ranking.user == event.user
            assert event.item in ranking.items
            assert ranking.at_ms < event.at_ms


def test_a_join_follows_a_click_which_follows_an_impression_and_a_leave_says_how_long() -> None:
    when: dict[tuple[str, str | None, str], int] = {}
    for event in events():
        if isinstance(event, Interaction):
            when[(event.type, event.ranking, event.item)] = event.at_ms

    for (kind, ranking, item), at_ms in when.items():
        before = {"click": "impression", "join": "click", "leave": "join"}.get(kind)
        if before is not None:
            assert when[(before, ranking, item)] < at_ms
    for leave in interactions("leave"):
        joined_ms = when[("join", leave.ranking, leave.item)]
        assert leave.value == (leave.at_ms - joined_ms) / 1000


def test_nobody_looks_at_the_tab_while_in_a_room() -> None:
    inside_until: dict[str, int] = {}
    leaves = {(e.ranking, e.item): e.at_ms for e in interactions("leave")}
    for event in events():
        if isinstance(event, Ranking):
            assert inside_until.get(event.user, 0) <= event.at_ms
        elif isinstance(event, Interaction) and event.type == "join":
            inside_until[event.user] = leaves.get((event.ranking, event.item), event.at_ms)


def test_a_person_follows_whom_he_or_she_does_not_and_unfollows_whom_he_or_she_does() -> None:
    follows: set[tuple[str, str]] = set()
    later: Counter[bool] = Counter()
    for event in events("popular"):
        if isinstance(event, Edge):
            pair = (event.user, event.target)
            assert event.user != event.target
            assert (pair in follows) == (not event.active)
            (follows.add if event.active else follows.remove)(pair)
            later[event.active] += event.at_ms > world().start_ms

    assert later[True] > later[False] > 0


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


def test_a_room_is_an_impression_when_its_screen_was_reached() -> None:
    screen = Choices().screen
    served = rankings()
    reached: dict[str, list[int]] = defaultdict(list)
    for event in interactions("impression"):
        items = served[str(event.ranking)].items
        reached[str(event.ranking)].append(items.index(event.item))

    whole = 0
    for name, positions in reached.items():
        assert positions == sorted(positions)
        is_whole = len(positions) in (
            -(-len(positions) // screen) * screen,
            len(served[name].items),
        )
        whole += is_whole and positions == list(range(len(positions)))
    assert whole > 0.97 * len(reached), "but for rooms that ended while the person looked"


def test_rooms_further_down_are_seen_less_and_clicked_less_when_seen() -> None:
    seen, clicked = np.zeros(20), np.zeros(20)
    served = rankings()
    for count, kind in ((seen, "impression"), (clicked, "click")):
        for event in interactions(kind):
            count[served[str(event.ranking)].items.index(event.item)] += 1

    of_screens = seen.reshape(5, 4).sum(axis=1)
    assert (np.diff(of_screens) < 0).all()
    assert (np.diff(of_screens) < -0.1 * of_screens[:-1]).all()
    rates = clicked.reshape(5, 4)[:3].sum(axis=0) / seen.reshape(5, 4)[:3].sum(axis=0)
    assert rates[0] > rates[3]
    assert rates[:2].sum() > rates[2:].sum()


def test_people_join_as_often_as_the_hidden_truth_says() -> None:
    joins = {(e.ranking, e.item) for e in interactions("join")}
    chances_of = life()[0].chances
    assert chances_of is not None
    expected, joined = [], []
    for ranking in rankings().values():
        first = ranking.items[0]  # always examined
        person, room = world().person_of[ranking.user], world().room_of[first]
        chance = chances_of.read(person, ranking.at_ms, np.array([room]))
        assert chance is not None
        expected.append(float(chance[0]))
        joined.append((ranking.id, first) in joins)
    chances, outcomes = np.array(expected), np.array(joined)

    likely = chances > np.quantile(chances, 0.9)
    for group in (likely, ~likely):
        spread = np.sqrt((chances[group] * (1 - chances[group])).sum())
        assert abs(outcomes[group].sum() - chances[group].sum()) < 4 * spread
    assert outcomes[likely].mean() > 5 * outcomes[~likely].mean()


def joins_per_visit(policy: str) -> float:
    return len(interactions("join", policy)) / len(rankings(policy))


def test_popular_beats_random_and_knowing_the_truth_beats_both() -> None:
    random, popular, oracle = map(joins_per_visit, ("random", "popular", "oracle"))

    assert popular > 1.1 * random
    assert oracle > 1.3 * popular


def list_auc(scores: dict[str, dict[str, float]], joins: dict[str, str]) -> float:
    """The mean over lists of the share of other seen items that the joined one is put above."""
    areas = []
    for ranking, item in joins.items():
        others = [score for name, score in scores[ranking].items() if name != item]
        if others:
            own = scores[ranking][item]
            areas.append(np.mean([(own > other) + 0.5 * (own == other) for other in others]))
    return float(np.mean(areas))


def test_what_people_did_before_tells_what_they_join_better_than_popularity() -> None:
    language: dict[str, object] = {}
    fields: dict[str, dict[str, object]] = {}
    follows: set[tuple[str, str]] = set()
    liked: dict[tuple[str, object], float] = defaultdict(float)
    popular: dict[str, float] = defaultdict(float)
    known = rankings("popular")
    seen: dict[str, dict[str, float]] = defaultdict(dict)
    personal: dict[str, dict[str, float]] = defaultdict(dict)
    joins: dict[str, str] = {}
    for event in events("popular"):
        if isinstance(event, User):
            language[event.user] = event.fields["language"]
        elif isinstance(event, Edge):
            follows.add((event.user, event.target))
        elif isinstance(event, Item):
            fields.setdefault(event.item, {}).update(event.fields)
        elif isinstance(event, Interaction):
            ranking = str(event.ranking)
            about = fields[event.item]
            topics = about["topics"]
            assert isinstance(topics, list)
            if event.type == "impression":
                seen[ranking][event.item] = np.log(0.3 + popular[event.item])
                match = np.mean([liked[event.user, topic] for topic in topics])
                personal[ranking][event.item] = (
                    seen[ranking][event.item]
                    + 2.0 * (about["language"] == language[event.user])
                    + 1.0 * ((event.user, str(about["host"])) in follows)
                    + 1.0 * np.log(0.3 + match)
                )
            elif event.type == "join":
                popular[event.item] += 1
                for topic in topics:
                    liked[event.user, topic] += 1
                if known[ranking].at_ms > world().start_ms + 2 * DAY_MS:
                    joins[ranking] = event.item

    assert list_auc(seen, joins) > 0.6
    assert list_auc(personal, joins) > list_auc(seen, joins) + 0.05


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
