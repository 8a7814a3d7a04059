"""Worlds: the same seed gives the same one, and its shapes are those of live audio."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.errors import SimulatorError
from liverank.simulator.world.graph import liking
from liverank.simulator.world.names import HOMES
from liverank.simulator.world.rooms import live_now, live_until, speakers_at
from liverank.simulator.world.world import DAY_MS, World, build_world


def follows_of(world: World) -> np.ndarray:
    """Who follows whom, bool[n_people, n_people]."""
    number = len(world.people.ids)
    follows = np.zeros((number, number), bool)
    for person in range(number):
        follows[person, world.graph.follows(person)] = True
    return follows


def test_the_same_seed_builds_the_same_world_and_another_seed_another() -> None:
    first, again, other = (build_world(seed, people=200, days=2) for seed in (5, 5, 6))

    assert first.rooms.titles == again.rooms.titles
    assert np.array_equal(first.graph.target, again.graph.target)
    assert np.array_equal(first.people.taste, again.people.taste)
    assert np.array_equal(first.rooms.quality, again.rooms.quality)
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

    for person in range(people):
        follows = world.graph.follows(person).tolist()
        assert person not in follows
        assert len(set(follows)) == len(follows)
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

    assert 0.1 < (ahead_h > 0).mean() < 0.3
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


def test_rooms_start_more_often_around_their_hosts_own_peak_whatever_the_worlds_hour() -> None:
    for start_ms in (1_704_067_200_000, 1_704_067_200_000 + 7 * 3_600_000):
        world = build_world(1, people=2000, days=4, start_ms=start_ms)
        starts_h = world.rooms.start_ms / 3_600_000
        peak_h = world.people.peak_hour[world.hosts.person[world.rooms.host]]
        angle = 2 * np.pi * (starts_h - peak_h) / 24

        # the first harmonic of a density 1 + a cos(x) is a / 2
        assert np.cos(angle).mean() == pytest.approx(0.40, abs=0.04)
        assert abs(np.sin(angle).mean()) < 0.04


def test_people_have_their_peak_at_a_local_hour_of_their_chronotype() -> None:
    people = build_world(1, people=4000, days=1, start_ms=1_720_000_000_000).people
    in_tokyo = people.home == [home.country for home in HOMES].index("JP")

    local = (people.peak_hour[in_tokyo] + 9) % 24

    evening = (local > 16) | (local < 3)
    morning = (local > 4) & (local < 13)
    assert 0.45 < evening.mean() < 0.65
    assert (evening | morning).mean() > 0.97


def test_a_few_hosts_have_most_of_the_followers() -> None:
    world = build_world(1, people=2000, days=1)
    degrees = np.sort(follows_of(world)[:, world.hosts.person].sum(axis=0))[::-1]

    assert degrees[: len(degrees) // 10].sum() > 0.25 * degrees.sum()
    assert degrees[0] > 5 * np.median(degrees)


def test_friends_are_as_many_as_the_fitted_network_says_and_alike() -> None:
    world = build_world(1, people=3000, days=1)
    follows = follows_of(world)
    listeners = np.setdiff1d(np.arange(3000), world.hosts.person)
    mutual = follows & follows.T
    friends = mutual[listeners].sum(axis=1)
    one, other = np.nonzero(mutual)
    main = world.people.taste.argmax(axis=1)

    # lognormal(1.59, 1.11), rounded down, has a mean of 8.6 or so, less those drawn twice
    assert 6.5 < friends.mean() < 9.5
    assert 3 <= np.median(friends) <= 5
    assert np.quantile(friends, 0.99) > 6 * np.median(friends)
    assert (world.people.language[one] == world.people.language[other]).mean() > 0.85
    assert (main[one] == main[other]).mean() > 4 * (main == main[:, None]).mean()


def test_people_follow_hosts_that_they_like() -> None:
    world = build_world(1, people=1000, days=1)
    person, host = np.divmod(np.arange(1000 * len(world.hosts.person)), len(world.hosts.person))
    likes = liking(world.people, world.hosts, person, host)
    follows = follows_of(world)[person, world.hosts.person[host]]

    assert likes[follows].mean() > likes[~follows].mean() + 1.0


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
