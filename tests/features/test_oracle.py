"""Every feature equals what DuckDB computes by plain SQL from the tables of the same log."""

from typing import get_args

import msgspec
import numpy as np
import polars as pl
import pytest
from sql_features import Oracle
from sql_logs import HOUR_MS, MAX_FUTURE_MS, SCHEMA, START_MS, Log, Request, random_log
from sql_tables import tables_of

from liverank.config import Config, Features, Label, Presence
from liverank.dataset.lists.lists import words_of_requests
from liverank.dataset.replay import replay
from liverank.events.event import Item
from liverank.events.frame import frame_of
from liverank.features.hashing import hash_ids
from liverank.features.kinds.count import Combination, Count
from liverank.features.kinds.listwise import Rank
from liverank.features.kinds.rate import Rate
from liverank.features.kinds.recency import Ago
from liverank.features.kinds.total import Total
from liverank.features.layout.layout import NEXT_ITEM
from liverank.features.spec import Expression, FeatureSpec, SpecFeature, derive_spec
from liverank.features.state.state import Reads

EXPRESSIONS = get_args(Expression)
JOIN = Label(interaction="join")
OFF = ("*_above_mean", "*_rank", "[!i]*_above_mean_sd", "[!i]*_gap")
"""Of every count there is, comparisons are very many: those of items' own are enough."""
PRODUCTS = {
    "seen by impressions": derive_spec(
        msgspec.structs.replace(SCHEMA, impressions_from="interaction"), Config(label=JOIN)
    ),
    "seen by rankings, success by value": derive_spec(
        SCHEMA,
        Config(
            label=Label(interaction="join", min_value=30.0),
            features=Features(on=("*",), off=OFF, half_lives=("10m", "1d", "2d")),
            presence=Presence(expire_after="40m"),
        ),
    ),
    "little remembered": derive_spec(
        SCHEMA,
        Config(label=JOIN, features=Features(half_lives=("forever", "90s", "2h"), history=4)),
    ),
}


def every_count(layout):
    """Counts, sums, rates and recency of every scope, type and half-life, derived or not."""
    for scope in layout.scopes:
        if scope.name == NEXT_ITEM:
            continue
        yield from (Ago(scope.name, type_) for type_ in scope.types)
        for how in get_args(Combination) if scope.is_list else ("sum",):
            for of in scope.counters:
                yield from (Count(scope.name, of.type, life, how) for life in of.half_lives)
                yield from (Total(scope.name, of.type, life, how) for life in of.totals)
            if layout.impression in scope.types:
                for life in scope.half_lives(layout.label):
                    yield Rate(scope.name, layout.label, layout.impression, life, None, 2.0, how)


def replayed(log, spec):
    """Features of the log's requests, float32[candidates, features]."""
    frame = frame_of(log.events, seqs=range(1, len(log.events) + 1)).with_columns(
        arrived=pl.Series(log.arrived_ms, dtype=pl.Int64)
    )
    asked = log.requests
    fields = [msgspec.json.encode(of.fields).decode() if of.fields else None for of in asked]
    reads = Reads(
        before=np.array([of.before for of in asked], np.int64),
        user=hash_ids([of.user for of in asked]),
        at=np.array([of.at_ms for of in asked]),
        request=words_of_requests(
            pl.DataFrame(
                {"fields": fields, "surface": None},
                schema={"fields": pl.String, "surface": pl.String},
            ),
            spec.layout,
        ),
        offsets=np.cumsum([0, *(len(of.items) for of in asked)]).astype(np.int64),
        items=hash_ids([item for of in asked for item in of.items]),
        positions=np.concatenate([np.arange(len(of.items), dtype=np.float64) for of in asked]),
    )
    chunks = replay([frame], spec, reads, max_future_ms=MAX_FUTURE_MS)
    return np.concatenate([chunk.features for chunk in chunks])


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_feature_equals_plain_sql(product):
    spec = PRODUCTS[product]
    known = dict.fromkeys(spec.names, 0)
    for seed, hours in enumerate((12, min(240, spec.layout.idle_ms / HOUR_MS / 2))):
        log = random_log(seed, events=300, requests=24, hours=hours)
        for feature, values in compared(log, spec):
            known[feature.name] += np.count_nonzero(~np.isnan(values))
    assert min(known.values()) > 0, [name for name, times in known.items() if times == 0]


def test_every_count_of_every_scope_equals_plain_sql():
    layout = PRODUCTS["seen by rankings, success by value"].layout
    expressions = every_count(layout)
    features = tuple(SpecFeature(str(of), "count", of) for of in expressions)
    assert len(list(compared(random_log(4), FeatureSpec(layout, features)))) > 200


def test_lives_that_were_taken_back_leave_nothing_of_their_rounding():
    spec = PRODUCTS["seen by rankings, success by value"].keep({"item_left_s"})
    lives = {"room1": 100, "room2": 200, "room3": 300}
    events = [
        Item(time=at, item=item, state=state)
        for begin, end in (("started", "ended"), ("started", "updated"))
        for item, life_ms in lives.items()
        for at, state in (
            (START_MS + 1_000 * (end == "updated"), begin),
            (START_MS + life_ms, end),
        )
    ]
    request = Request(len(events) + 1, "u1", START_MS + 5_000.0, ("room1", "room2"), {})
    ((_, values),) = compared(Log(events, [START_MS] * len(events), [request]), spec)
    assert np.isnan(values).all()


def test_every_expression_is_compared():
    every = {type(part) for spec in PRODUCTS.values() for part in parts_of(spec.features)}
    assert every | {Total} >= set(EXPRESSIONS)  # sums are compared as counts are


def compared(log, spec):
    """The features that equal plain SQL to 1e-5, with their values; all of them, or it fails.

    A rank may be any of those that rounding makes of equal values.
    """
    got = replayed(log, spec)
    oracle = Oracle(tables_of(log, spec.layout), spec.layout)
    for column, feature in enumerate(spec.features):
        own, of = got[:, column], feature.expression
        ends = ("low", "high") if isinstance(of, Rank) else ("value", "value")
        low, high = (np.array(oracle.values(of, end), np.float64) for end in ends)
        slack = 1e-5 * np.abs(low) + 1e-6
        fits = (own >= low - slack) & (own <= high + slack) | np.isnan(own) & np.isnan(low)
        assert fits.all(), (feature.name, own[~fits], low[~fits], np.flatnonzero(~fits))
        yield feature, own


def parts_of(features):
    """The expressions of features, and those that they use."""
    waiting = [feature.expression for feature in features]
    while waiting:
        expression = waiting.pop()
        yield expression
        waiting += [
            part for part in msgspec.structs.astuple(expression) if type(part) in EXPRESSIONS
        ]
