"""A person's history: what is remembered, and what it says of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_logs import SCHEMA, START_MS, VALUES

from liverank.config import Config, Features, Label
from liverank.events.event import Interaction
from liverank.events.frame import frame_of
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.kinds.count import Count
from liverank.features.kinds.recency import Ago
from liverank.features.kinds.total import Total
from liverank.features.kinds.visits import Visits
from liverank.features.spec import FeatureSpec, SpecFeature, compile_spec, derive_spec
from liverank.features.state.layout_arrays import new_request
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LAYOUT = derive_spec(
    SCHEMA, Config(label=Label(interaction="join"), features=Features(history=3, on=("*_total_*",)))
).layout
"""Three impressions of a person are remembered, and three other interactions."""
EXPRESSIONS = {
    "joins": Count("user_item", "join", "forever"),
    "clicks": Count("user_item", "click", "forever"),
    "clicked": Total("user_item", "click", "forever"),
    "click_ago": Ago("user_item", "click"),
    "visits": Visits("visits"),
    "gap": Visits("visit_gap_d"),
    "away": Visits("away_d"),
    "usual": Visits("usual_hour"),
}
PROGRAM = compile_spec(
    FeatureSpec(LAYOUT, tuple(SpecFeature(name, "extra", of) for name, of in EXPRESSIONS.items()))
)


def did(type_, at_ms, item="room0", value=None):
    return Interaction(time=START_MS + at_ms, type=type_, user="u1", item=item, value=value)


def remembered(events, *, at_ms=0, items=("room0",)):
    """The features of each item after the events, as arrays by name."""
    state = State(LAYOUT)
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    state.fold(stream_of(frame, LAYOUT, max_future_ms=0.0))
    rows = state.read(
        PROGRAM,
        user=hash_id("u1"),
        at_ms=float(START_MS + at_ms),
        items=hash_ids(items),
        request=new_request(LAYOUT),
        positions=np.zeros(1),
    )
    return dict(zip(EXPRESSIONS, rows.T, strict=True))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (0.0, 0.0),
        (5.0, 5.0),
        (255.0, 255.0),
        (257.0, 256.0),  # ties go to even
        (259.0, 260.0),
        (-2.5, -2.5),
        (0.1, 0.10009765625),
        (123_456.789, 123_392.0),
        (2.0**-100, 2.0**-100),
    ],
)
def test_values_of_pairs_keep_eight_significant_bits(sent, kept):
    assert remembered([did("click", 0, value=sent)])["clicked"] == np.float32(kept)


def test_an_event_without_a_value_counts_and_adds_nothing():
    seen = remembered([did("click", 0), did("click", 1, value=5.0)])

    assert (seen["clicks"], seen["clicked"]) == (2, 5)


@pytest.mark.parametrize("order", [(5, 3, 4, 1, 6), (5, 3, 4, 6, 1)])
def test_the_oldest_of_its_sort_gives_way_and_an_older_one_is_not_taken_in(order):
    clicks = [did("click", at, f"room{at}") for at in order]
    items = [f"room{n}" for n in range(7)]

    seen = remembered([did("impression", 0, "room0"), *clicks], items=items)

    assert seen["clicks"].tolist() == [0, 0, 0, 0, 1, 1, 1]


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(
            did,
            st.sampled_from(("join", "click", "impression", "leave")),
            st.integers(0, 4),
            st.sampled_from(("room0", "room1")),
            st.sampled_from((None, *VALUES)),
        ),
        max_size=25,
    ).flatmap(lambda events: st.tuples(st.just(events), st.permutations(events)))
)
def test_what_is_remembered_never_depends_on_the_order_of_arrival(orders):
    one, other = (remembered(events, at_ms=3, items=("room0", "room1")) for events in orders)

    for name in EXPRESSIONS:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_a_visit_ends_with_half_an_hour_of_silence():
    at_ms = [0, HOUR_MS // 2, DAY_MS + HOUR_MS // 2 + 1]

    seen = remembered([did("click", at) for at in at_ms], at_ms=2 * DAY_MS)

    assert seen["visits"] == 2
    assert seen["gap"] == np.float32(at_ms[-1] / DAY_MS)
    assert seen["away"] == np.float32((2 * DAY_MS - at_ms[-1]) / DAY_MS)
    assert seen["usual"] == np.float32((2 + 1 / 8) / 3)
    assert remembered([did("click", at) for at in at_ms], at_ms=HOUR_MS * 10)["usual"] == (
        np.float32((0 + 1 / 8) / 3)
    )


def test_a_stranger_has_no_visits():
    seen = remembered([])

    assert (seen["visits"], seen["usual"]) == (0, np.float32(1 / 8))
    assert np.isnan([seen["gap"], seen["away"], seen["click_ago"]]).all()
