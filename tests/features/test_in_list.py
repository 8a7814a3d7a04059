"""What compares a candidate with the others of its list equals its plain, slow definition."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_features import plain_above_mean, plain_above_mean_sd, plain_ranks
from small_logs import SCHEMA, START_MS

from liverank.config import Config, Features, Label
from liverank.events.event import Item
from liverank.events.frame import frame_of
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.kernels.read.listwise import above_mean_in_list, gap_in_list, rank_in_list
from liverank.features.spec import compile_spec, derive_spec
from liverank.features.state.layout_arrays import new_request
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of

SIZES = derive_spec(
    SCHEMA, Config(label=Label(interaction="join"), features=Features(on=("item_size_*",)))
)
SIZES = SIZES.keep({name for name in SIZES.names if name.startswith("item_size")})
KERNELS = {
    "above_mean": lambda values, out: above_mean_in_list(values, False, out),
    "above_mean_sd": lambda values, out: above_mean_in_list(values, True, out),
    "rank": rank_in_list,
    "gap": gap_in_list,
}


@given(
    st.lists(st.sampled_from([math.nan, -1.0, 0.0, 0.5, 0.5, 2.0, math.inf]), max_size=150),
)
def test_rank_and_gap_of_lists_of_any_length_equal_their_definitions(values):
    ranks, gaps = np.empty(len(values)), np.empty(len(values))
    rank_in_list(np.array(values), ranks)
    np.testing.assert_allclose(ranks, plain_ranks(values), atol=1e-12)
    finite = np.array([v for v in values if not math.isinf(v)])
    gaps = np.empty(len(finite))
    gap_in_list(finite, gaps)
    best = max([0.0, *finite[~np.isnan(finite)]])
    np.testing.assert_allclose(gaps, (best - finite) / best if best else finite * 0.0)


@given(
    st.lists(
        st.one_of(st.floats(width=32), st.integers(-3, 3).map(float)), min_size=60, max_size=300
    )
)
def test_ranks_of_long_lists_are_those_of_numpy(values):
    values, ranks = np.array(values), np.empty(len(values))
    rank_in_list(values, ranks)
    known = np.sort(values[~np.isnan(values)])
    rivals = max(len(known) - 1, 1)
    above = len(known) - np.searchsorted(known, values, side="right")
    ties = len(known) - above - np.searchsorted(known, values, side="left") - 1
    expected = np.where(np.isnan(values), np.nan, (above + ties / 2) / rivals)
    np.testing.assert_allclose(ranks, expected, atol=1e-12)


@given(
    st.lists(
        st.one_of(
            st.floats(-1e12, 1e12).map(lambda value: round(value, 9)),  # squares of it are no 0
            st.sampled_from([math.nan, math.inf, -math.inf, 0.1, 0.1, 7.0]),
        ),
        max_size=300,
    )
)
def test_differences_to_the_mean_equal_their_definitions_for_lists_of_any_length(values):
    above, in_deviations = np.empty(len(values)), np.empty(len(values))
    above_mean_in_list(np.array(values), False, above)
    above_mean_in_list(np.array(values), True, in_deviations)
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    np.testing.assert_allclose(above, plain_above_mean(values), rtol=1e-9, atol=1e-12 * largest)
    np.testing.assert_allclose(in_deviations, plain_above_mean_sd(values), rtol=1e-5, atol=1e-5)


@given(st.data(), st.lists(st.floats() | st.sampled_from([0.1, 0.3, -0.0, 0.0]), max_size=150))
def test_comparisons_have_the_same_bits_whatever_the_order_of_the_candidates(data, values):
    order = np.array(data.draw(st.permutations(range(len(values)))), np.int64)
    values = np.array(values)
    for kernel in KERNELS.values():
        out, moved = np.empty(len(values)), np.empty(len(values))
        kernel(values, out)
        kernel(values[order], moved)
        assert moved.tobytes() == out[order].tobytes()


@pytest.mark.parametrize("value", [0.0, 0.1, -1e12 / 3, 1e-300])
@pytest.mark.parametrize("known", [1, 2, 3, 55, 200])
def test_equal_values_are_exactly_at_their_mean(value, known):
    values = np.array([math.nan, *[value] * known])
    for in_deviations in (False, True):
        out = np.empty(len(values))
        above_mean_in_list(values, in_deviations, out)
        assert math.isnan(out[0])
        assert out[1:].tolist() == [0.0] * known


def test_values_that_only_rounding_sets_apart_are_not_blown_up_to_deviations():
    values, out = np.array([0.3, 0.1 + 0.2, 0.3]), np.empty(3)
    above_mean_in_list(values, True, out)
    assert out.tolist() == [0.0] * 3


def test_what_a_list_is_compared_with_does_not_depend_on_the_blocks_it_is_read_in():
    items, sizes = [f"n{number}" for number in range(150)], np.arange(150.0) ** 1.5 / 7
    events = [
        Item(time=START_MS, item=item, state="started", fields={"size": size})
        for item, size in zip(items, sizes.tolist(), strict=True)
    ]
    state, program = State(SIZES.layout), compile_spec(SIZES)
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    state.fold(stream_of(frame, SIZES.layout, max_future_ms=0.0))
    for count in (1, 2, 63, 64, 65, 128, 129, 150):
        columns = state.read(
            program,
            user=hash_id("u1"),
            at_ms=float(START_MS + 1),
            items=hash_ids(items[:count]),
            request=new_request(SIZES.layout),
            positions=np.zeros(1),
        ).T
        got = dict(zip(SIZES.names, columns, strict=True))
        for name, kernel in KERNELS.items():
            expected = np.empty(count)
            kernel(sizes[:count].copy(), expected)
            np.testing.assert_array_equal(got[f"item_size_{name}"], expected.astype(np.float32))
