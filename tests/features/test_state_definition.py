"""Every feature equals its plain, slow definition, on any log."""

import math
from typing import get_args

import msgspec
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from plain_features import PlainReader
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

from liverank.config import Config, Label
from liverank.events.event import Interaction, Item
from liverank.events.frame import frame_of
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.kinds.count import Combination, Count
from liverank.features.kinds.fatigue import Fatigue
from liverank.features.kinds.listwise import Rank
from liverank.features.kinds.rate import Rate
from liverank.features.kinds.recency import Ago
from liverank.features.kinds.total import Average, Total
from liverank.features.spec import FeatureSpec, SpecFeature, compile_spec, derive_spec
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import request_words, stream_of

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
