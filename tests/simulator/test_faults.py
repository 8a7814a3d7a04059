"""Faults change what they say, for whom and when they say, and nothing else."""

from collections import Counter
from functools import cache
from itertools import pairwise

import pytest

from liverank.errors import SimulatorError
from liverank.events.event import Event, Interaction, Item
from liverank.simulator.faults import BOT, BOT_EVERY_MS, Fault, FaultKind, Faults, broken
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.simulate import simulate
from liverank.simulator.world.world import START_MS, build_world

HOUR_MS = 3_600_000
FROM_MS, TO_MS = START_MS + 12 * HOUR_MS, START_MS + 30 * HOUR_MS
KINDS: tuple[FaultKind, ...] = (
    "no_impressions",
    "field_type",
    "bot",
    "clock",
    "language_gone",
    "label_falls",
)


@cache
def quiet() -> tuple[Event, ...]:
    world = build_world(3, people=150, days=2)
    return tuple(simulate(world, policy=MostPopular(world), seed=3))


def fault(kind: FaultKind, share: float = 1.0) -> Fault:
    return Fault(kind=kind, from_ms=FROM_MS, to_ms=TO_MS, share=share)


def of_type(events: list[Event] | tuple[Event, ...], kind: str) -> list[Interaction]:
    return [
        e
        for e in events
        if isinstance(e, Interaction) and e.type == kind and FROM_MS <= e.at_ms < TO_MS
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_events_outside_of_the_time_are_the_same(kind: FaultKind) -> None:
    after = broken(quiet(), fault(kind, 0.5))
    before = [e for e in quiet() if e.at_ms < FROM_MS]
    assert [e for e in after if e.at_ms < FROM_MS - HOUR_MS] == [
        e for e in before if e.at_ms < FROM_MS - HOUR_MS
    ]
    late = TO_MS + 2 * HOUR_MS  # leaves of lost joins end with their stays
    kept = [e for e in quiet() if e.at_ms >= late]
    assert [e for e in after if e.at_ms >= late] == [
        e for e in kept if e in after or kind != "label_falls"
    ]
    assert list(after) != list(quiet())


@pytest.mark.parametrize("kind", KINDS)
def test_batches_of_any_size_give_the_same_but_for_a_bot(kind: FaultKind) -> None:
    whole = broken(quiet(), fault(kind, 0.5), seed=4)
    faults = Faults([fault(kind, 0.5)], seed=4)
    steps = [e for i in range(0, len(quiet()), 97) for e in faults.broken(quiet()[i : i + 97])]
    if kind == "bot":
        whole = [e for e in whole if getattr(e, "user", "") != BOT]
        steps = [e for e in steps if getattr(e, "user", "") != BOT]
    assert steps == whole


def test_impressions_are_missing_of_the_share_of_the_people() -> None:
    before = Counter(e.user for e in of_type(quiet(), "impression"))
    after = Counter(
        e.user for e in of_type(broken(quiet(), fault("no_impressions", 0.6)), "impression")
    )
    assert all(after[user] in (0, count) for user, count in before.items())
    silent = sum(after[user] == 0 for user in before) / len(before)
    assert 0.45 < silent < 0.75


def test_the_field_is_text_and_every_join_is_an_hour_early() -> None:
    items = [e for e in broken(quiet(), fault("field_type")) if isinstance(e, Item) and e.fields]
    types = {
        (type(e.fields["topics"]), FROM_MS <= e.at_ms < TO_MS)
        for e in items
        if "topics" in e.fields
    }
    assert types == {(str, True), (list, False)}
    shifted = {e.id: e.at_ms for e in broken(quiet(), fault("clock")) if isinstance(e, Interaction)}
    moves = {shifted[e.id] - e.at_ms for e in of_type(quiet(), "join")}
    assert moves == {-HOUR_MS}


def test_a_language_is_gone_and_half_of_the_joins_with_their_leaves() -> None:
    gone = broken(quiet(), fault("language_gone"))
    inside = [e for e in gone if isinstance(e, Item) and FROM_MS <= e.at_ms < TO_MS]
    assert inside
    assert not [e for e in inside if e.fields.get("language") == "es"]
    fallen = broken(quiet(), fault("label_falls", 0.5))
    share = len(of_type(fallen, "join")) / len(of_type(quiet(), "join"))
    assert 0.35 < share < 0.65
    left = len(of_type(fallen, "leave")) / len(of_type(quiet(), "leave"))
    assert abs(left - share) < 0.1


def test_a_bot_joins_each_live_room_every_ten_minutes() -> None:
    joins = [e for e in broken(quiet(), fault("bot")) if getattr(e, "user", "") == BOT]
    times: dict[str, list[int]] = {}
    for join in joins:
        assert isinstance(join, Interaction)
        times.setdefault(join.item, []).append(join.at_ms)
    gaps = [b - a for one in times.values() for a, b in pairwise(one)]
    assert min(gaps) >= BOT_EVERY_MS
    assert len(times) > 30
    assert len(joins) > 5 * len(times) / 2


def test_a_fault_that_ends_before_it_begins_is_an_error() -> None:
    with pytest.raises(SimulatorError, match="later end"):
        Faults([Fault(kind="bot", from_ms=5, to_ms=5)])
