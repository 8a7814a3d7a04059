"""A letter about a simulated world says what truly happened there, by the world's own tally."""

import msgspec
import pytest

from liverank.autopilot.letter.compose import letter_of
from liverank.autopilot.letter.period import DAY_MS, Period
from liverank.config import parse_config
from liverank.config_experiments import BUCKETS
from liverank.events.event import Event, Ranking
from liverank.events.frame import frame_of
from liverank.events.log import Log
from liverank.experiments.assignment.buckets import bucket_of
from liverank.simulator.life.life import Life
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.simulate import SHOWN
from liverank.simulator.world.world import build_world

CONFIG = parse_config('[label]\ninteraction = "join"\n[autopilot]\nholdout = 0.4\n')
DAYS = 7


def is_held_out(user: str) -> bool:
    return bucket_of("autopilot:holdout", user) < 0.4 * BUCKETS


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A life in which some are served what is most popular, and the others something else."""
    world = build_world(seed=4, people=100, days=DAYS)
    life = Life(world, seed=4, step_ms=1_800_000, days=DAYS)
    popular, other = MostPopular(world), RandomOrder(world, seed=4)
    events: list[Event] = list(life.introduction())
    popular.observe(events)
    while not life.is_over:
        step = life.step()
        served = list(step.events)
        lists = []
        if len(step.visits):
            both = zip(popular.rank(step.visits), other.rank(step.visits), strict=True)
            users = step.visits.users
            lists = [
                (first if is_held_out(user) else second)[:SHOWN]
                for user, (first, second) in zip(users, both, strict=True)
            ]
            served += [
                Ranking(
                    time=step.visits.at_ms,
                    id=name,
                    user=user,
                    items=list(items),
                    variant="autopilot:holdout" if is_held_out(user) else None,
                    model="popular" if is_held_out(user) else "3f6c363547619096",
                )
                for name, user, items in zip(step.visits.rankings, users, lists, strict=True)
            ]
        popular.observe(served)
        events += served
        life.react(step.visits, lists)
    with Log.open(tmp_path_factory.mktemp("log"), syncs=False) as log:
        end_ms = world.start_ms + DAYS * DAY_MS
        log.import_frame(frame_of(sorted(events, key=lambda one: one.time)), arrived_ms=end_ms)
        letter = letter_of(log, CONFIG, Period(world.start_ms, end_ms))
    return world, life, letter


def test_volumes_are_those_of_the_worlds_tally(lived) -> None:
    _, life, letter = lived
    found = {one.name: one.now for one in letter.volumes}
    assert found["lists shown"] == life.tally.visits.sum()
    assert found["people who got a list"] == (life.tally.visits.sum(axis=1) > 0).sum()
    assert found["items seen"] == life.tally.impressions.sum()
    assert found["joins"] == life.tally.joins.sum()


def test_lifts_are_those_of_the_worlds_tally(lived) -> None:
    world, life, letter = lived
    tally = life.tally
    came = tally.visits.sum(axis=1) > 0
    people = [(row, user) for row, user in enumerate(world.people.ids) if came[row]]
    groups = {
        held: [row for row, user in people if is_held_out(user) is held] for held in (True, False)
    }
    value = letter.value.this_period
    assert (value.people_heuristic, value.people_personal) == (
        len(groups[True]),
        len(groups[False]),
    )
    for held, read in ((True, "heuristic"), (False, "personal")):
        joins, seen = tally.joins[groups[held]], tally.impressions[groups[held]]
        rate, active, each = (getattr(lift, read) for lift in value.lifts)
        assert rate == pytest.approx(joins.sum() / seen.sum())
        assert active == pytest.approx((joins > 0).mean())
        assert each == pytest.approx(joins.sum() / len(joins))


def test_the_whole_letter_travels_as_json(lived) -> None:
    letter = lived[2]
    assert letter.value.source == "holdout"
    assert msgspec.json.decode(msgspec.json.encode(letter), type=type(letter)) == letter
