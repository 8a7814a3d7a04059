"""What holds of any state: batches, order, growth, time, and what a read must not see."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import ITEMS, SCHEMA, START_MS, USERS, interactions, item_events, logs, user_events

from liverank.config import Config, Label
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.layout_arrays import new_request
from liverank.features.spec import FeatureSpec, compile_spec, derive_spec
from liverank.features.state import State
from liverank.features.stream import stream_of

SPEC = derive_spec(
    msgspec.structs.replace(SCHEMA, impressions_from="ranking"),
    Config(label=Label(interaction="join")),
)
PROGRAM = compile_spec(SPEC)
NAMES = list(SPEC.names)
LATER_MS = START_MS + 50 * 86_400_000


def stream(events, first_seq=1):
    frame = frame_of(events, seqs=range(first_seq, first_seq + len(events)))
    return stream_of(frame, SPEC.layout, max_future_ms=300_000.0)


def folded(events, *, batches=None):
    """The state after the events, folded in batches that end at these places."""
    state, start = State(SPEC.layout), 0
    for stop in [*sorted(batches or []), len(events)]:
        state.fold(stream(events[start:stop], start + 1))
        start = stop
    return state


def read(state, *, at_ms=LATER_MS, user="u1", items=ITEMS, program=PROGRAM):
    return state.read(
        program,
        user=hash_id(user),
        at_ms=float(at_ms),
        items=hash_ids(items),
        request=new_request(SPEC.layout),
        positions=np.zeros(1),
    )


def bits(state):
    """All that a state holds: keys and where their rows are, and the used words as bits."""
    keys, places, words, used = state._store
    return keys, places, words[: used[1]].view(np.uint64), used


@settings(max_examples=40)
@given(logs(max_size=30), st.data())
def test_any_batches_give_the_same_bits(events, data):
    cuts = data.draw(st.lists(st.integers(0, len(events)), max_size=6))
    for one, other in zip(bits(folded(events)), bits(folded(events, batches=cuts)), strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=25)
@given(
    st.lists(st.one_of(item_events(), user_events()), max_size=10),
    st.lists(interactions(), max_size=20).flatmap(
        lambda events: st.tuples(st.just(events), st.permutations(events))
    ),
)
def test_interactions_count_the_same_in_any_order_of_arrival(entities, orders):
    one, other = (read(folded([*entities, *events])) for events in orders)
    unordered = [
        column
        for column, feature in enumerate(SPEC.features)
        # what people go on to depends on the order; ties of ranks are broken by rounding
        if "_next_" not in feature.name and not feature.name.endswith("_rank")
    ]
    np.testing.assert_allclose(one[:, unordered], other[:, unordered], rtol=1e-5, atol=1e-6)


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
    assert crowded.rows > 20_000  # the first index has room for 0.6 * 4,096
    own = [
        column
        for column, feature in enumerate(SPEC.features)
        if "rate" not in feature.name  # its last prior is everybody's
    ]
    np.testing.assert_array_equal(
        read(folded(ours))[:, own], read(crowded)[:, own], err_msg=str(NAMES)
    )


def test_a_ranking_longer_than_the_first_store_is_folded_whole():
    items = [f"r{n}" for n in range(5000)]
    state = folded([Ranking(time=START_MS, id="q", user="u1", items=items)])
    column = NAMES.index("user_impression_forever")
    assert read(state, items=("r0",))[0, column] == 5000


def test_counts_cool_with_no_event():
    state = folded([Interaction(time=START_MS, type="join", user="u1", item="room0")])
    column = NAMES.index("item_join_1h")
    hours = [read(state, at_ms=START_MS + n * 3_600_000, items=("room0",)) for n in (0, 1, 2, 48)]
    np.testing.assert_allclose(
        [row[0, column] for row in hours], [1.0, 0.5, 0.25, 2.0**-48], rtol=1e-6
    )


def test_reading_changes_nothing():
    events = [Interaction(time=START_MS, type="join", user="u1", item="room0")]
    state, untouched = folded(events), folded(events)
    read(state, user="stranger", items=("nowhere", "room0"))
    for one, other in zip(bits(state), bits(untouched), strict=True):
        np.testing.assert_array_equal(one, other)


@given(logs(max_size=15), st.lists(st.sampled_from(ITEMS), min_size=2, max_size=6, unique=True))
def test_the_other_candidates_matter_only_to_ranks_gaps_and_their_number(events, items):
    state = folded(events)
    alone = [
        column
        for column, feature in enumerate(SPEC.features)
        if feature.kind != "in_list" and feature.name != "candidates"
    ]
    together = read(state, items=items)[:, alone]
    one_by_one = np.concatenate([read(state, items=(item,)) for item in items])[:, alone]
    np.testing.assert_array_equal(together, one_by_one)


def test_a_request_without_candidates_has_no_rows():
    assert read(folded([]), items=()).shape == (0, len(NAMES))


def test_a_program_of_some_features_reads_the_same_bits_as_one_of_all():
    state = folded(
        [
            Item(time=START_MS, item="room0", fields={"host": "h", "topics": ["ai", "go"]}),
            Interaction(time=START_MS, type="join", user="u1", item="room0"),
        ]
    )
    all_of_them = read(state)
    for column, feature in enumerate(SPEC.features):
        alone = compile_spec(FeatureSpec(SPEC.layout, (feature,)))
        np.testing.assert_array_equal(
            read(state, program=alone)[:, 0], all_of_them[:, column], err_msg=feature.name
        )


@pytest.mark.parametrize("feature", ["item_age_s", "item_join_1h", "user_join_ago_s", "hour"])
def test_a_read_before_the_last_event_never_counts_it_as_more_than_one(feature):
    state = folded([Interaction(time=LATER_MS, type="join", user="u1", item="room0")])
    value = read(state, at_ms=START_MS, items=("room0",))[0, NAMES.index(feature)]
    assert 0.0 <= value <= 1.0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_item_is_as_old_as_its_latest_start_however_it_arrived(order):
    starts = [Item(time=START_MS + at_ms, item="room0", state="started") for at_ms in (0, 5000)]
    state = folded([starts[place] for place in order])
    row = read(state, at_ms=START_MS + 60_000, items=("room0",))[0]
    assert row[NAMES.index("item_age_s")] == 55
    assert row[NAMES.index("item_known_s")] == 60
