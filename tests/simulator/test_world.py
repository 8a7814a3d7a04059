"""Worlds: the same seed gives the same one, and its shapes are those of live audio."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.errors import SimulatorError
from liverank.simulator.hosts import liking
from liverank.simulator.names import HOMES
from liverank.simulator.rooms import live_now, live_until, speakers_at
from liverank.simulator.world import DAY_MS, World, build_world


def in_degrees(world: World) -> np.ndarray:
    followed = list(itertools.chain.from_iterable(world.follows))
    return np.bincount(followed, minlength=len(world.hosts.person))


def test_the_same_seed_builds_the_same_world_and_another_seed_another() -> None:
    first, again, other = (build_world(seed, people=200, days=2) for seed in (5, 5, 6))

    assert first.rooms.titles == again.rooms.titles
    assert first.follows == again.follows
    assert np.array_equal(first.person_traits, again.person_traits)
    assert np.array_equal(first.room_traits, again.room_traits)
    assert first.rooms.titles != other.rooms.titles


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    people=st.integers(10, 120),
    hosts=st.none() | st.integers(5, 10),
    days=st.integers(1, 4),
    start_ms=st.integers(0, 2**41),
)
def test_in_any_world_rooms_end_after_they_start_and_a_host_has_one_at_a_time(
    seed: int, people: int, hosts: int | None, days: int, start_ms: int
) -> None:
    world = build_world(seed, people=people, hosts=hosts, days=days, start_ms=start_ms)
    rooms = world.rooms

    assert (rooms.end_ms > rooms.start_ms).all()
    assert (np.diff(rooms.start_ms) >= 0).all()
    assert ((rooms.start_ms >= start_ms) & (rooms.start_ms < start_ms + days * DAY_MS)).all()
    for host in range(len(world.hosts.person)):
        own = np.flatnonzero(rooms.host == host)
        assert (rooms.start_ms[own][1:] > rooms.end_ms[own][:-1]).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), people=st.integers(10, 120))
def test_nobody_follows_himself_and_speakers_are_people_named_once(seed: int, people: int) -> None:
    world = build_world(seed, people=people, days=1)

    for person, follows in enumerate(world.follows):
        assert person not in {int(world.hosts.person[host]) for host in follows}
    rooms = world.rooms
    for speakers, guest, leaver in zip(rooms.speakers, rooms.guests, rooms.leavers, strict=True):
        named = [*speakers, *([] if guest is None else [guest])]
        assert len(set(named)) == len(named)
        assert all(0 <= speaker < len(world.host_ids) for speaker in named)
        assert leaver is None or leaver in speakers[1:]


def test_a_guest_joins_the_speakers_a_third_of_the_way_in_and_another_goes_at_two_thirds() -> None:
    rooms = build_world(1, people=2000, days=2).rooms
    room = next(
        place
        for place, (guest, leaver) in enumerate(zip(rooms.guests, rooms.leavers, strict=True))
        if guest is not None and leaver is not None
    )
    start, lasts = int(rooms.start_ms[room]), int(rooms.end_ms[room] - rooms.start_ms[room])
    first, guest, leaver = rooms.speakers[room], rooms.guests[room], rooms.leavers[room]

    early, middle, late = (
        set(speakers_at(rooms, room, start + int(share * lasts))) for share in (0.2, 0.5, 0.8)
    )

    assert early == set(first)
    assert middle == {*first, guest}
    assert late == {*first, guest} - {leaver}


def test_some_rooms_are_announced_up_to_a_day_ahead_and_a_few_break_down_half_way() -> None:
    world = build_world(1, people=3000, days=7)
    rooms = world.rooms
    ahead_h = (rooms.start_ms - rooms.scheduled_ms) / 3_600_000
    paused = rooms.pause_ms < rooms.end_ms

    assert 0.2 < (ahead_h > 0).mean() < 0.4
    assert (ahead_h[ahead_h > 0] >= 1).all()
    assert ahead_h.max() <= 24
    assert (rooms.scheduled_ms >= world.start_ms).all()
    assert 0.02 < paused.mean() < 0.05
    assert (rooms.start_ms < rooms.pause_ms).all()
    assert (rooms.pause_ms <= rooms.resume_ms).all()
    assert (rooms.resume_ms <= rooms.end_ms).all()
    assert (rooms.resume_ms[~paused] == rooms.end_ms[~paused]).all()
    assert rooms.quality[ahead_h > 0].mean() > rooms.quality.mean() > rooms.quality[paused].mean()


def test_a_room_that_broke_down_is_live_before_and_after() -> None:
    rooms = build_world(1, people=2000, days=7).rooms
    room = int(np.flatnonzero(rooms.pause_ms < rooms.end_ms)[0])
    start, pause, resume, end = (
        int(times[room])
        for times in (rooms.start_ms, rooms.pause_ms, rooms.resume_ms, rooms.end_ms)
    )
    times = (start - 1, start, pause - 1, pause, resume - 1, resume, end - 1, end)

    live = [bool(live_now(rooms, at_ms)[room]) for at_ms in times]

    assert live == [False, True, True, False, False, True, True, False]
    assert live_until(rooms, np.array([room]), start).tolist() == [pause]
    assert live_until(rooms, np.array([room]), resume).tolist() == [end]


def test_people_open_the_tab_around_their_own_hour_of_their_own_clock() -> None:
    people = build_world(1, people=4000, days=1, start_ms=1_720_000_000_000).people
    in_tokyo = people.home == [home.country for home in HOMES].index("JP")

    local = (people.peak_hour[in_tokyo] + 9) % 24

    evening = (local > 17) & (local < 24)
    morning = (local > 5) & (local < 12)
    assert 0.6 < evening.mean() < 0.8
    assert (evening | morning).mean() > 0.97


def test_a_few_hosts_hold_most_of_the_follows() -> None:
    degrees = np.sort(in_degrees(build_world(1, people=2000, days=1)))[::-1]

    top_tenth = degrees[: len(degrees) // 10].sum() / degrees.sum()
    assert top_tenth > 0.25
    assert degrees[0] > 5 * np.median(degrees)


def test_people_follow_hosts_that_they_like() -> None:
    world = build_world(1, people=1000, days=1)
    likes = liking(world.people, world.hosts, np.arange(1000))
    follows = np.zeros_like(likes, dtype=bool)
    for person, hosts in enumerate(world.follows):
        follows[person, sorted(hosts)] = True

    assert likes[follows].mean() > likes[~follows].mean() + 1.5


def test_most_rooms_last_under_an_hour_and_a_few_for_many() -> None:
    rooms = build_world(1, people=2000, days=7).rooms
    minutes = (rooms.end_ms - rooms.start_ms) / 60_000

    assert 30 < np.median(minutes) < 60
    assert np.percentile(minutes, 99) > 6 * np.median(minutes)
    assert minutes.mean() > 1.3 * np.median(minutes)


def test_each_person_likes_a_few_topics_and_people_differ() -> None:
    taste = build_world(1, people=1000, days=1).people.taste

    assert 1 <= np.median((taste > 0.5).sum(axis=1)) <= 6
    assert len(np.unique(taste.argmax(axis=1))) > 15


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        ({"people": 9}, "`people` is 9"),
        ({"people": 20, "hosts": 21}, "`hosts` is 21"),
        ({"people": 20, "hosts": 4}, "`hosts` is 4"),
        ({"days": 0}, "`days` is 0"),
    ],
)
def test_a_world_that_cannot_be_is_refused_by_name(arguments: dict[str, int], key: str) -> None:
    with pytest.raises(SimulatorError, match=key):
        build_world(1, **arguments)


def test_a_seed_below_zero_is_refused() -> None:
    with pytest.raises(SimulatorError, match="`seed` is -1"):
        build_world(-1)
