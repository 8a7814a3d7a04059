"""Profiles: exact counts, sampled fields, likely labels."""

from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.events.event import Edge, Event, Fields, Interaction, Item, Ranking, User
from liverank.events.frame import empty_frame, frame_of
from liverank.events.schema.profile import Profile, likely_label, profile_events


def a_small_world(seed: int = 0, people: int = 40, rooms: int = 30) -> list[Event]:
    random = np.random.default_rng(seed)
    events: list[Event] = []
    for room in range(rooms):
        fields: Fields = {
            "host": f"u{random.integers(people)}",
            "language": str(random.choice(["en", "de", "pt"])),
            "topics": [str(topic) for topic in random.choice(["ai", "music", "news"], 2)],
            "title": f"Tonight we talk about thing {room} and more",
            "capacity": float(random.integers(1, 500)) + 0.5,
            "scheduled_for": 1_795_428_000_000 + room,
        }
        events.append(Item(time=room, item=f"room{room}", state="started", fields=fields))
    for person in range(people):
        events.append(User(time=person, user=f"u{person}", fields={"country": "GB", "adult": True}))
        events.append(Edge(time=person, user=f"u{person}", relation="follow", target="u1"))
        ranking = Ranking(
            time=100 + person,
            id=f"r{person}",
            user=f"u{person}",
            items=["room1", "room2"],
            surface="tab",
            fields={"device": str(random.choice(["ios", "android"]))},
        )
        events.append(ranking)
        for kind, value in (("impression", None), ("click", None), ("leave", 12.5)):
            events.append(
                Interaction(
                    time=200 + person,
                    type=kind,
                    user=f"u{person}",
                    item="room1",
                    ranking=f"r{person}" if kind != "leave" else None,
                    value=value,
                    fields={"after_the_fact": 1},
                )
            )
    return events


def test_counts_are_exact_and_fields_get_the_type_a_person_would_give_them() -> None:
    events = a_small_world()
    profile = profile_events([frame_of(events)])
    assert profile.events == dict(Counter(type(event).__name__.lower() for event in events))
    assert (profile.first_ms, profile.last_ms) == (0, 239)
    assert {name: field.guess for name, field in profile.items.items()} == {
        "capacity": "number",
        "host": "key",
        "language": "category",
        "scheduled_for": "time",
        "title": "text",
        "topics": "keys",
    }
    assert {name: field.guess for name, field in profile.users.items()} == {
        "adult": "category",
        "country": "category",
    }
    assert profile.users["adult"].levels == ("true",)
    assert profile.relations == {"follow": 40}
    assert profile.surfaces == {"tab": 40}
    leave = profile.interactions["leave"]
    assert (leave.count, leave.with_ranking, leave.least, leave.most) == (40, 0, 12.5, 12.5)
    assert profile.interactions["click"].with_ranking == 40


def test_request_fields_are_those_of_rankings_and_without_rankings_of_interactions() -> None:
    events = a_small_world()
    assert set(profile_events([frame_of(events)]).requests) == {"device"}
    bare = [event for event in events if isinstance(event, Interaction)]
    assert set(profile_events([frame_of(bare)]).requests) == {"after_the_fact"}


@given(cuts=st.lists(st.integers(0, 270), max_size=5))
def test_counts_do_not_depend_on_how_the_log_is_cut_into_frames(cuts: list[int]) -> None:
    frame = frame_of(a_small_world())
    edges = [0, *sorted(cuts), frame.height]
    pieces = [frame[a:b] for a, b in pairwise(edges)]
    assert profile_events(pieces) == profile_events([frame])


def test_a_sample_follows_its_seed_and_stays_representative() -> None:
    items = [
        Item(time=n, item=f"i{n}", fields={"language": "en" if n % 10 else "de"})
        for n in range(5000)
    ]
    frames = [frame_of(items[n : n + 700]) for n in range(0, 5000, 700)]
    first = profile_events(frames, sample_rows=1000, seed=3).items["language"]
    assert first == profile_events(frames, sample_rows=1000, seed=3).items["language"]
    assert first.present == 1000
    assert first.levels == ("en", "de")


def test_no_events_make_an_empty_profile() -> None:
    assert profile_events([]) == Profile()
    assert profile_events([empty_frame()]) == Profile()


def test_events_with_no_fields_at_all_have_no_field_profiles() -> None:
    click = Interaction(time=5, type="click", user="u1", item="i1")
    profile = profile_events([frame_of([Item(time=1, item="i1"), click])])
    assert (profile.items, profile.users, profile.requests) == ({}, {}, {})
    assert profile.label == "click"


@pytest.mark.parametrize(
    ("counts", "label"),
    [
        ({"impression": 1000, "click": 100, "join": 50}, "join"),
        ({"impression": 1000, "click": 1000, "join": 1}, "click"),
        ({"impression": 1000, "tap": 100, "wave": 50, "leave": 900}, "tap"),
        ({"leave": 10, "hide": 3, "room_impression": 8}, None),
        ({}, None),
    ],
)
def test_the_likely_label_is_a_success_and_not_too_rare(
    counts: dict[str, int], label: str | None
) -> None:
    assert likely_label(counts) == label


def test_the_profile_reads_any_frame_of_the_schema() -> None:
    frame = pl.concat([frame_of(a_small_world(1)), frame_of(a_small_world(2))])
    assert sum(profile_events([frame]).events.values()) == frame.height
