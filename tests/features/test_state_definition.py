"""Every feature equals its plain, slow definition, on any log."""

import math
from typing import get_args

import msgspec
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from plain_features import PlainReader, plain_above_mean, plain_above_mean_sd, plain_ranks
from plain_state import PlainState
from small_logs import (
    BARE,
    CONFIGS,
    ITEMS,
    REQUEST_FIELDS,
    SCHEMA,
    START_MS,
    USERS,
    logs,
    times,
)

from liverank.config import Config, Features, Label
from liverank.events.event import Interaction, Item
from liverank.events.frame import frame_of
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.kernels.lists import above_mean_in_list, gap_in_list, rank_in_list
from liverank.features.kinds.count import Combination, Count
from liverank.features.kinds.fatigue import Fatigue
from liverank.features.kinds.in_list import Rank
from liverank.features.kinds.rate import Rate
from liverank.features.kinds.recency import Ago
from liverank.features.kinds.total import Average, Total
from liverank.features.spec import FeatureSpec, SpecFeature, compile_spec, derive_spec
from liverank.features.state import State
from liverank.features.stream import request_words, stream_of

FIVE_MINUTES = 300_000.0
JOIN = Config(label=Label(interaction="join"))


VARIANTS = {
    "impression events": {"impressions_from": "interaction"},
    "rankings are seen": {"impressions_from": "ranking"},
    "nothing is known to be seen": {"impressions_from": "ranking", "impressions_known": False},
}


def with_all_counts(spec):
    """The spec with counts, sums, rates and recency of every scope and type, derived or not."""
    layout = spec.layout
    more = []
    for scope in layout.scopes:
        if scope.name == "next_item":
            continue
        combinations = get_args(Combination) if scope.is_list else ("sum",)
        for type_, half_lives, totals in map(msgspec.structs.astuple, scope.counters):
            more.append(Ago(scope.name, type_))
            for half_life in dict.fromkeys((half_lives[0], half_lives[-1])):
                for combine in combinations:
                    more.append(Count(scope.name, type_, half_life, combine))
                    if half_life in scope.half_lives(layout.label):
                        rate = Rate(scope.name, layout.label, type_, half_life, None, 2.0, combine)
                        more.append(rate)
                    if half_life in totals:
                        more.append(Total(scope.name, type_, half_life, combine))
                        more.append(Average(scope.name, type_, half_life, None, 2.0, combine))
        if scope.is_pair and layout.impression in scope.types:
            more.append(Fatigue(scope.name))
    extras = tuple(
        SpecFeature(f"extra{place}", "extra", expression) for place, expression in enumerate(more)
    )
    return FeatureSpec(layout, (*spec.features, *extras))


SPECS = {
    (name, place, variant): with_all_counts(
        derive_spec(msgspec.structs.replace(schema, **change), config)
    )
    for name, schema in {"rooms": SCHEMA, "bare": BARE}.items()
    for place, config in enumerate(CONFIGS)
    for variant, change in VARIANTS.items()
}
"""Feature specs of several products and configs."""
PROGRAMS = {product: compile_spec(spec) for product, spec in SPECS.items()}

requests = st.fixed_dictionaries(
    {
        "user": st.sampled_from((*USERS, "stranger")),
        "at_ms": times().map(float),
        "request": REQUEST_FIELDS,
        "items": st.lists(
            st.sampled_from((*ITEMS, "unheard")), min_size=1, max_size=5, unique=True
        ),
    }
)


def state_of(events, layout):
    state = State(layout)
    state.fold(
        stream_of(
            frame_of(events, seqs=range(1, len(events) + 1)), layout, max_future_ms=FIVE_MINUTES
        )
    )
    return state


def features_of(state, spec, program, *, user, at_ms, request, items):
    return state.read(
        program,
        user=hash_id(user),
        at_ms=at_ms,
        items=hash_ids(items),
        request=request_words(request, None, spec.layout),
        positions=np.arange(len(items), dtype=np.float64),
    )


def assert_equal_features(got, spec, plain):
    for column, feature in enumerate(spec.features):
        expected = plain.list_of(feature.expression)
        if isinstance(feature.expression, Rank):
            low, high = rank_bounds(plain.list_of(feature.expression.of))
            fits = np.isnan(got[:, column]) == np.isnan(expected)
            fits &= ~(got[:, column] < low - 1e-6) & ~(got[:, column] > high + 1e-6)
            assert fits.all(), (feature, got[:, column], expected)
        else:
            np.testing.assert_allclose(
                got[:, column], expected, rtol=1e-5, atol=1e-6, err_msg=str(feature)
            )


def rank_bounds(values):
    """The ranks if values that a float32 may not tell apart were taken as better, and as worse."""
    values = np.array(values)
    rivals = max(np.count_nonzero(~np.isnan(values)) - 1, 1)
    near = 2.0**-22 * np.abs(values) + 1e-12
    better = (values > (values + near)[:, None]).sum(axis=1)
    not_worse = (values >= (values - near)[:, None]).sum(axis=1) - 1
    return better / rivals, not_worse / rivals


def assert_equals_its_definition(events, product, asked):
    """Fold the events and read the requests, plainly and with the kernels."""
    spec = SPECS[product]
    plain, state = PlainState(spec.layout), state_of(events, spec.layout)
    for event in events:
        plain.fold(event)
    for request in asked:
        got = features_of(state, spec, PROGRAMS[product], **request)
        positions = [float(place) for place in range(len(request["items"]))]
        assert_equal_features(got, spec, PlainReader(plain, positions=positions, **request))


@settings(max_examples=100)
@given(logs(), st.sampled_from(sorted(SPECS)), requests)
def test_every_feature_of_any_log_equals_its_plain_definition(events, product, request):
    assert_equals_its_definition(events, product, [request])


@settings(max_examples=45, phases=(Phase.explicit, Phase.reuse, Phase.generate))  # slow to shrink
@given(
    st.one_of(logs(100, min_size=50, n_items=3), logs(100, min_size=50)),
    st.sampled_from(sorted(SPECS)),
    st.lists(requests, min_size=4, max_size=4),
)
def test_every_feature_of_a_crowded_log_equals_its_plain_definition(events, product, asked):
    assert_equals_its_definition(events, product, asked)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from(ITEMS), times()), min_size=6, max_size=30),
    st.sampled_from(ITEMS),
)
def test_the_eight_latest_items_lead_on_to_the_next(joined, candidate):
    events = [
        Interaction(time=at, type="join", user=user, item=item)
        for item, at in joined
        for user in USERS[:2]
    ]
    spec = derive_spec(BARE, JOIN)
    plain = PlainState(spec.layout)
    for event in events:
        plain.fold(event)
    request = {"user": "u1", "at_ms": START_MS + 1e8, "request": {}, "items": [candidate, "other"]}
    got = features_of(state_of(events, spec.layout), spec, compile_spec(spec), **request)
    assert_equal_features(got, spec, PlainReader(plain, positions=[0.0, 1.0], **request))


@pytest.mark.parametrize("combine", get_args(Combination))
def test_counts_of_a_list_field_combine_in_every_way(combine):
    topics = {"room0": ["ai"], "room1": ["music"], "room2": ["music", "ai", "unheard"], "room3": []}
    joined = [("room0", 0), ("room1", 10), ("room1", 20), ("room1", 30)]
    events = [
        *(Item(time=START_MS, item=item, fields={"topics": of}) for item, of in topics.items()),
        *(
            Interaction(time=START_MS + at, type="join", user="u1", item=item)
            for item, at in joined
        ),
    ]
    layout = derive_spec(SCHEMA, JOIN).layout
    spec = FeatureSpec(
        layout, (SpecFeature("x", "count", Count("topics", "join", "14d", combine)),)
    )
    request = {"user": "u1", "at_ms": START_MS + 1e3, "request": {}, "items": ["room2", "room3"]}
    got = features_of(state_of(events, layout), spec, compile_spec(spec), **request)
    expected = {"sum": 4.0, "max": 3.0, "mean": 4 / 3}[combine]
    assert got[0, 0] == pytest.approx(expected)
    assert math.isnan(got[1, 0])


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
            st.floats(-1e12, 1e12, allow_subnormal=False),
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
    for kernel in (
        rank_in_list,
        gap_in_list,
        lambda values, out: above_mean_in_list(values, False, out),
        lambda values, out: above_mean_in_list(values, True, out),
    ):
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
    """Of items of which nothing more is known than of one read before, all is as it was."""
    items = [f"n{number}" for number in range(150)]
    events = [
        Item(time=START_MS, item=item, state="started", fields={"size": number**1.5 / 7})
        for number, item in enumerate(items)
    ]
    every = derive_spec(SCHEMA, Config(label=JOIN.label, features=Features(on=("item_size_*",))))
    spec = every.keep({name for name in every.names if name.startswith("item_size")})
    state, program = state_of(events, spec.layout), compile_spec(spec)
    for count in (1, 2, 63, 64, 65, 128, 129, 150):
        request = {"user": "u1", "at_ms": START_MS + 1e3, "request": {}, "items": items[:count]}
        got = dict(zip(spec.names, features_of(state, spec, program, **request).T, strict=True))
        size = np.array([number**1.5 / 7 for number in range(count)])
        for name, kernel in {
            "above_mean": lambda out, size=size: above_mean_in_list(size, False, out),
            "above_mean_sd": lambda out, size=size: above_mean_in_list(size, True, out),
            "rank": lambda out, size=size: rank_in_list(size, out),
            "gap": lambda out, size=size: gap_in_list(size, out),
        }.items():
            expected = np.empty(count)
            kernel(expected)
            np.testing.assert_array_equal(got[f"item_size_{name}"], expected.astype(np.float32))
