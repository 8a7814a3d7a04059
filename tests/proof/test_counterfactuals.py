"""The truth of a policy: the same people, the same weeks, the same luck."""

from dataclasses import replace

import numpy as np
import pytest

from liverank.events.event import Edge, Fields, Interaction, Item, User
from liverank.proof.heuristics import HOUR_MS, MostPopular, PersonalRule, heuristics
from liverank.proof.phases import Phases
from liverank.proof.results import METRICS
from liverank.proof.truth.counted import DAY_MS, Counted
from liverank.proof.truth.policies import Counterfactual, Span
from liverank.proof.watched import Watched
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Visits
from liverank.simulator.policies.oracle import Oracle, OracleOfMinutes
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.server.drive import drive
from liverank.simulator.world.world import World, build_world

STEP_MS = 1_800_000


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(3, people=150, days=4)


@pytest.fixture(scope="module")
def at_start(world: World) -> Life:
    """A life after two days of its four."""
    life = Life(world, seed=5, step_ms=STEP_MS)
    drive(life, RandomOrder(world), until_ms=world.start_ms + 2 * DAY_MS)
    return life


def span_of(life: Life) -> Span:
    return Span(life.at_ms, life.until_ms)


def test_counts_from_the_first_moment_on_are_those_of_the_tally(world: World) -> None:
    life = Life(world, seed=5, step_ms=STEP_MS)
    counted = Counted(world.people.ids, start_ms=world.start_ms, end_ms=life.until_ms)
    watched = Watched(RandomOrder(world), counted=counted)
    drive(life, watched, until_ms=life.until_ms)
    watched.observe(life.remaining())
    tally = life.tally
    assert watched.visits == tally.visits.sum()
    assert counted.impressions.tolist() == tally.impressions.sum(axis=1).tolist()
    assert counted.clicks.tolist() == tally.clicks.sum(axis=1).tolist()
    assert counted.joins.tolist() == tally.joins.sum(axis=1).tolist()
    assert counted.listened_s == pytest.approx(tally.seconds.sum(axis=1))
    assert counted.joins.sum() > 20


def test_two_forks_on_one_policy_come_to_the_same(world: World, at_start: Life) -> None:
    phases = Phases(None)
    first, second = (
        Counterfactual(
            "random", "in process", at_start.fork(), RandomOrder(world, seed=1)
        ).lived_through(span_of(at_start), phases)
        for _ in range(2)
    )
    assert first == second
    assert set(first.values) == set(METRICS)
    assert [phase.name for phase in phases.done] == ["truth:random"] * 2
    assert phases.done[0].simulated_days == 2
    assert phases.done[0].visits > first.people > 0


def test_who_knows_the_truth_does_better_than_chance(world: World, at_start: Life) -> None:
    span, knowing = span_of(at_start), at_start.fork()
    oracle = Counterfactual("oracle", "in process", knowing, Oracle(knowing))
    chance = Counterfactual("random", "in process", at_start.fork(), RandomOrder(world))
    best, least = (one.lived_through(span, Phases(None)) for one in (oracle, chance))
    assert best.values["join_rate"] > least.values["join_rate"]


def test_the_oracle_of_minutes_puts_first_what_is_truly_listened_to_longest(
    world: World, at_start: Life
) -> None:
    knowing = at_start.fork()
    step = knowing.step()
    while len(step.visits) == 0:
        step = knowing.step()
    lists = OracleOfMinutes(knowing).rank(step.visits)
    for person, items in zip(step.visits.people, lists, strict=True):
        rooms = np.array([world.room_of[item] for item in items])
        seconds = knowing.true_seconds(np.array([person]), rooms)[0]
        assert (np.diff(seconds) <= 0).all()
        assert seconds[0] > seconds[-1]


def test_stages_say_how_far_they_are(world: World, at_start: Life) -> None:
    said: list[tuple[str, float]] = []
    phases = Phases(lambda words, share: said.append((words, share)))
    Counterfactual("x", "in process", at_start.fork(), RandomOrder(world)).lived_through(
        span_of(at_start), phases
    )
    assert {words for words, _ in said} == {"the truth: everybody on x"}
    shares = [share for _, share in said]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_heuristics_begin_with_the_newest_of_equals_and_learn(world: World) -> None:
    rooms = world.rooms.ids
    visits = Visits(world.start_ms, np.array([0]), ("u0",), ("rq0",), np.array([0, 1, 2]))
    later = replace(visits, at_ms=world.start_ms + HOUR_MS)
    plain = MostPopular(world)
    assert list(plain.rank(visits)[0]) == list(rooms[:3])
    for policy in heuristics(world).values():
        assert list(policy.rank(visits)[0]) == [rooms[2], rooms[1], rooms[0]]
        policy.observe([Interaction(time=world.start_ms, type="join", user="u1", item=rooms[1])])
        assert list(policy.rank(later)[0]) == [rooms[1], rooms[2], rooms[0]]


def test_the_personal_rule_prefers_the_language_and_followed_hosts_by_events_alone(
    world: World,
) -> None:
    rule, rooms, at_ms = PersonalRule(world), world.rooms.ids, world.start_ms
    for item, language, host in zip(rooms[:4], ("de", "en", "de", "de"), "abac", strict=True):
        fields: Fields = {"language": language, "host": host}
        rule.observe([Item(time=at_ms, item=item, state="started", fields=fields)])
    rule.observe([User(time=at_ms, user="u0", fields={"language": "en"})])
    rule.observe([Edge(time=at_ms, user="u1", relation="follow", target="c")])
    people = np.array([0, 1, 2])
    visits = Visits(at_ms, people, ("u0", "u1", "u2"), ("rq0", "rq1", "rq2"), np.arange(4))
    speaks, follows, unknown = rule.rank(visits)
    assert speaks == [rooms[1], rooms[3], rooms[2], rooms[0]]
    assert follows == unknown == [rooms[3], rooms[2], rooms[1], rooms[0]]
    rule.observe([Interaction(time=at_ms, type="join", user="u2", item=rooms[0])])
    speaks, follows, unknown = rule.rank(visits)
    assert (speaks[0], follows[0], unknown[0]) == (rooms[1], rooms[3], rooms[0])
    rule.observe([Edge(time=at_ms, user="u1", relation="follow", target="c", active=False)])
    assert rule.rank(visits)[1][0] == rooms[0]
