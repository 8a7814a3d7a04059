"""What holds of any state: batches, order, growth, time, and what a read must not see."""

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import (
    ITEMS,
    SCHEMA,
    START_MS,
    USERS,
    edges,
    interactions,
    item_events,
    logs,
    user_events,
)

from liverank.config import Config, Label
from liverank.events.event import Edge, Interaction, Item, Ranking, User
from liverank.events.frame import events_of, frame_of
from liverank.events.log import Log
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.kernels.memory.offsets import HEADER_ITEMS as ITEMS_NUMBERED
from liverank.features.kernels.memory.offsets import HEADER_LEVEL, HEADER_USED, HEADER_VERSION
from liverank.features.spec import FeatureSpec, compile_spec, derive_spec
from liverank.features.state.layout_arrays import new_request
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of

SPEC = derive_spec(
    msgspec.structs.replace(SCHEMA, impressions_from="ranking"),
    Config(label=Label(interaction="join")),
)
PROGRAM = compile_spec(SPEC)
NAMES = list(SPEC.names)
DEPENDS_ON_ARRIVAL = ("_next_", "audience_peak", "audience_of_peak", "followed_latest_")
"""In names of features: what people go on to, what was seen of an audience on the way, and hosts'
latest items, as items change hosts here."""
UNORDERED = [
    place
    for place, name in enumerate(NAMES)
    # ranks of values that differ by rounding differ by more
    if not any(part in name for part in DEPENDS_ON_ARRIVAL) and not name.endswith("_rank")
]
OF_HISTORY = [
    place
    for place, feature in enumerate(SPEC.features)
    if feature.kind in ("visits", "fatigue", "following")
    or (
        feature.kind in ("count", "recency") and SPEC.layout.scope(feature.expression.scope).is_pair
    )
]
"""Features that come from people's histories and edges, which hold the same in any order."""
DAY_MS = 86_400_000
LATER_MS = START_MS + 50 * DAY_MS


def stream(events, first_seq=1, *, arrived_ms=None):
    seqs = range(first_seq, first_seq + len(events))
    frame = frame_of(events, seqs=seqs, arrived_ms=arrived_ms)
    return stream_of(frame, SPEC.layout, max_future_ms=300_000.0)


def folded(events, *, batches=None):
    """The state after the events, folded in batches that end at these places."""
    state, start = State(SPEC.layout), 0
    for stop in [*sorted(batches or []), len(events)]:
        state.fold(stream(events[start:stop], start + 1))
        start = stop
    return state


def states():
    """Items start, end and are announced, and say nothing else."""
    return item_events().map(lambda event: msgspec.structs.replace(event, fields={}))


def read(state, *, at_ms=LATER_MS, user="u1", items=ITEMS, program=PROGRAM):
    return state.read(
        program,
        user=hash_id(user),
        at_ms=float(at_ms),
        items=hash_ids(items),
        request=new_request(SPEC.layout),
        positions=np.zeros(1),
    )


def value(state, name, *, item="room0", **request):
    """One feature of one item."""
    return read(state, items=(item,), **request)[0, NAMES.index(name)]


def bits(state):
    """All that a state holds, as it lies in memory, but for the number of batches."""
    header, index, tables, directory, words = state.store.arrays
    level = slice(1 << header[HEADER_LEVEL], 2 << header[HEADER_LEVEL])
    return (
        np.delete(header, HEADER_VERSION),
        index[level],
        tables[level],
        directory[: header[ITEMS_NUMBERED] + 1],
        words[: header[HEADER_USED]].view(np.uint64),
    )


def assert_same_bits(one, other):
    for left, right in zip(bits(one), bits(other), strict=True):
        np.testing.assert_array_equal(left, right)


@settings(max_examples=60)
@given(logs(max_size=60), st.data())
def test_any_batches_give_the_same_bits(events, data):
    cuts = data.draw(st.lists(st.integers(0, len(events)), max_size=6))

    assert_same_bits(folded(events), folded(events, batches=cuts))


@settings(max_examples=60)
@given(
    st.lists(st.one_of(item_events(), user_events()), max_size=10),
    st.lists(st.one_of(interactions(), interactions(), edges(), states()), max_size=30).flatmap(
        lambda events: st.tuples(st.just(events), st.permutations(events))
    ),
)
def test_features_are_the_same_in_any_order_of_arrival(entities, orders):
    one, other = (read(folded([*entities, *events])) for events in orders)

    np.testing.assert_array_equal(one[:, OF_HISTORY], other[:, OF_HISTORY])
    np.testing.assert_allclose(one[:, UNORDERED], other[:, UNORDERED], rtol=1e-5, atol=1e-6)


@settings(max_examples=15)
@given(st.lists(st.one_of(interactions(), states()), max_size=20), st.data())
def test_an_event_that_comes_again_changes_nothing(events, data):
    events = [msgspec.structs.replace(event, id=f"e{place}") for place, event in enumerate(events)]
    again = data.draw(st.lists(st.sampled_from(events), max_size=20)) if events else []

    with TemporaryDirectory() as directory, Log.open(Path(directory)) as log:
        log.append(events, arrived_ms=LATER_MS)
        log.append(again, arrived_ms=LATER_MS)
        kept = [event for frame in log.read() for event in events_of(frame)]

    assert_same_bits(folded(kept), folded(events))


def test_growth_changes_nothing():
    random = np.random.default_rng(1)
    crowd = [
        Interaction(
            time=START_MS + n,
            type="join",
            user=f"p{random.integers(3000)}",
            item=f"elsewhere{random.integers(3000)}",
        )
        for n in range(6000)
    ]
    ours = [
        Interaction(time=START_MS + n, type="join", user=USERS[n % 3], item=ITEMS[n % 11])
        for n in range(100)
    ]
    crowded = folded([*ours[:50], *crowd, *ours[50:]])
    assert crowded.sizes.rows > 10_000  # the first index has room for 0.6 * 1,024
    own = [
        place
        for place, name in enumerate(NAMES)
        if "rate" not in name  # its last prior is everybody's
    ]
    np.testing.assert_array_equal(
        read(folded(ours))[:, own], read(crowded)[:, own], err_msg=str(NAMES)
    )


def test_a_ranking_longer_than_the_first_index_is_folded_whole():
    items = [f"r{n}" for n in range(5000)]
    state = folded([Ranking(time=START_MS, id="q", user="u1", items=items)])

    assert value(state, "user_impression_forever", item="r0") == 5000
    assert state.sizes.items == 5000


def test_counts_cool_with_no_event():
    state = folded([Interaction(time=START_MS, type="join", user="u1", item="room0")])

    hours = [
        value(state, "item_join_1h", at_ms=START_MS + n * 3_600_000) for n in (0, 1, 2, 48, 87_600)
    ]

    np.testing.assert_allclose(hours, [1.0, 0.5, 0.25, 2.0**-48, 0.0], rtol=1e-6)


@pytest.mark.parametrize("late_ms", [1, 3_600_000, 3 * DAY_MS, 400 * DAY_MS, START_MS])
def test_a_late_event_counts_as_if_it_had_come_in_time(late_ms):
    now = Interaction(time=START_MS, type="join", user="u1", item="room0")
    late = Interaction(time=START_MS - late_ms, type="join", user="u1", item="room0")
    counts = [
        place
        for place, name in enumerate(NAMES)
        if name.startswith("item_join_") and name[-1] in "mhdr"
    ]

    in_time, too_late = (
        read(folded(events), at_ms=START_MS + 60_000, items=("room0",))[0, counts]
        for events in ([late, now], [now, late])
    )

    np.testing.assert_allclose(too_late, in_time, rtol=1e-6)
    assert value(folded([now, late]), "item_join_forever", at_ms=START_MS) == 2


def test_counts_of_years_equal_their_sum():
    random = np.random.default_rng(5)
    times = START_MS + np.cumsum(random.exponential(9 * 3_600_000, 3000)).astype(int)  # 3 years
    order = np.argsort(times + random.exponential(2 * DAY_MS, len(times)))  # days late, some of it
    state = folded(
        [Interaction(time=int(times[n]), type="join", user=f"u{n}", item="room0") for n in order]
    )

    for at_ms in (times[-1], times[-1] + DAY_MS, times[-1] + 700 * DAY_MS):
        for name, half_life_ms in (
            ("5m", 3e5),
            ("1h", 3.6e6),
            ("1d", DAY_MS),
            ("14d", 14 * DAY_MS),
        ):
            expected = np.sum(0.5 ** ((at_ms - times) / half_life_ms))
            got = value(state, f"item_join_{name}", at_ms=at_ms)
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-30, err_msg=name)
        assert value(state, "item_join_forever", at_ms=at_ms) == 3000


def test_reading_changes_nothing():
    events = [Interaction(time=START_MS, type="join", user="u1", item="room0")]
    state, untouched = folded(events), folded(events)

    read(state, user="stranger", items=("nowhere", "room0"))

    assert_same_bits(state, untouched)


@given(logs(max_size=15), st.lists(st.sampled_from(ITEMS), min_size=2, max_size=6, unique=True))
def test_the_other_candidates_matter_only_to_ranks_gaps_and_their_number(events, items):
    state = folded(events)
    alone = [
        place
        for place, feature in enumerate(SPEC.features)
        if feature.kind != "in_list" and feature.name != "candidates"
    ]
    together = read(state, items=items)[:, alone]
    one_by_one = np.concatenate([read(state, items=(item,)) for item in items])[:, alone]
    np.testing.assert_array_equal(together, one_by_one)


def test_a_request_without_candidates_has_no_rows():
    assert read(folded([]), items=()).shape == (0, len(NAMES))


@settings(max_examples=5)
@given(logs(max_size=30))
def test_a_program_of_some_features_reads_the_same_bits_as_one_of_all(events):
    state = folded(events)
    all_of_them = read(state)
    for place, feature in enumerate(SPEC.features):
        alone = compile_spec(FeatureSpec(SPEC.layout, (feature,)))
        np.testing.assert_array_equal(
            read(state, program=alone)[:, 0], all_of_them[:, place], err_msg=feature.name
        )


@pytest.mark.parametrize("feature", ["item_age_s", "item_join_1h", "user_join_ago_s", "hour"])
def test_a_read_before_the_last_event_never_counts_it_as_more_than_one(feature):
    state = folded([Interaction(time=LATER_MS, type="join", user="u1", item="room0")])

    assert 0.0 <= value(state, feature, at_ms=START_MS) <= 1.0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_item_is_as_old_as_its_latest_start_however_it_arrived(order):
    starts = [Item(time=START_MS + at_ms, item="room0", state="started") for at_ms in (0, 5000)]
    state = folded([starts[place] for place in order])

    assert value(state, "item_age_s", at_ms=START_MS + 60_000) == 55
    assert value(state, "item_known_s", at_ms=START_MS + 60_000) == 60
    assert value(state, "item_starts") == 2


def test_clocks_that_run_far_ahead_count_as_the_arrival():
    state = State(SPEC.layout)
    ahead = Interaction(time=START_MS + DAY_MS, type="join", user="u1", item="room0")
    state.fold(stream([ahead], arrived_ms=START_MS))
    state.fold(stream([ahead, ahead], 2, arrived_ms=START_MS + DAY_MS))

    assert state.clamped == 1
    assert value(state, "user_join_ago_s", at_ms=START_MS + DAY_MS) == 0.0
    assert value(state, "item_known_s", at_ms=START_MS + DAY_MS) == DAY_MS / 1000


def test_the_latest_two_thousand_edges_of_a_person_are_kept():
    order = np.random.default_rng(3).permutation(2500)
    events = [
        Item(time=START_MS, item="old", fields={"host": "h499"}),
        Item(time=START_MS, item="new", fields={"host": "h500"}),
        *(
            Edge(time=START_MS + int(n), user="u1", relation="follow", target=f"h{n}")
            for n in order
        ),
    ]
    state = folded(events)

    assert value(state, "followed_host", item="old") == 0
    assert value(state, "followed_host", item="new") == 1


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (["scheduled"], 0),
        (["scheduled", "started"], 1),
        (["started", "scheduled"], 1),
        (["scheduled", "started", "ended"], 2),
        (["started", "ended", "scheduled"], 0),
        (["started", "ended", "started"], 1),
        (["ended"], 2),
        (["updated"], np.nan),
    ],
)
def test_an_item_is_announced_live_or_over_by_the_latest_it_said(told, state):
    events = [Item(time=START_MS + n, item="room0", state=said) for n, said in enumerate(told)]

    for order in (events, events[::-1]):
        np.testing.assert_equal(value(folded(order), "item_state"), np.float32(state))


def test_lives_that_are_taken_back_leave_nothing():
    lives_ms = {"room0": 100, "room1": 200}  # 0.1 + 0.2 - 0.1 - 0.2 is not 0
    events = [
        *(Item(time=START_MS, item=item, state="started") for item in lives_ms),
        *(Item(time=START_MS + ms, item=item, state="ended") for item, ms in lives_ms.items()),
        *(Item(time=START_MS + 1000, item=item, state="started") for item in lives_ms),
    ]

    assert value(folded(events[:4]), "item_left_s", at_ms=START_MS) == np.float32(0.15)
    assert np.isnan(value(folded(events), "item_left_s"))


def test_of_an_empty_list_nothing_is_followed_and_of_an_unknown_one_that_is_unknown():
    events = [
        Item(time=START_MS, item="empty", fields={"topics": []}),
        Item(time=START_MS, item="unknown", fields={"topics": ["ai"]}),
        Item(time=START_MS, item="unknown", fields={"topics": None}),
    ]
    state = folded(events)

    assert value(state, "followed_topics", item="empty") == 0
    assert np.isnan(value(state, "followed_topics", item="unknown"))


@pytest.mark.parametrize(
    ("moment", "hour", "weekday"),
    [
        ("2027-03-27T23:30:00Z", 23.5, 5),
        ("2027-03-28T00:59:00Z", 59 / 60, 6),
        ("2027-03-28T01:00:00Z", 2.0, 6),  # clocks are put forward
        ("2027-07-04T23:30:00Z", 0.5, 0),
        ("2027-10-31T00:30:00Z", 1.5, 6),
        ("2027-10-31T01:30:00Z", 1.5, 6),  # and back
        ("1999-07-04T12:00:00Z", 12.0, 6),  # offsets are known from 2000 on
    ],
)
def test_local_time_keeps_to_the_clocks_of_the_country(moment, hour, weekday):
    state = folded([User(time=START_MS, user="u1", fields={"country": "GB"})])
    at_ms = datetime.fromisoformat(moment).timestamp() * 1000

    assert value(state, "local_hour", at_ms=at_ms) == np.float32(hour)
    assert value(state, "local_weekday", at_ms=at_ms) == weekday
    assert np.isnan(value(state, "local_hour", user="nobody", at_ms=at_ms))
