"""The backtest, end to end on a small simulated world: the model wins, and nothing leaks."""

import functools
import math

import msgspec
import numpy as np
import polars as pl
import pytest

from liverank.autopilot.backtest import run_backtest
from liverank.autopilot.gather import lists_to_train, look_at
from liverank.config import parse_config
from liverank.dataset.replay import training_rows
from liverank.events.event import Interaction, Ranking
from liverank.events.frame import frame_of
from liverank.features.spec import derive_spec
from liverank.quantities import duration_ms
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.simulate import simulate
from liverank.simulator.world.world import DAY_MS, build_world

CONFIG = parse_config('[label]\ninteraction = "click"\n[training]\nbudget = "5s"\n')
HEURISTICS = {"popular_1h", "popular_6h", "popular_24h", "popular_all", "success_rate", "next_item"}
LIST_METRICS = {"list_auc", "ndcg@10", "mrr", "hit_rate@10"}


@functools.cache
def world():
    """The events of four days, and when the last of them begins."""
    built = build_world(7, people=400, days=4)
    events = list(simulate(built, policy=RandomOrder(built), seed=1))
    return events, built.start_ms + 3 * DAY_MS


def frames_of(events):
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    return lambda: frame.iter_slices(5000)


@functools.cache
def backtest():
    events, test_from_ms = world()
    return run_backtest(frames_of(events), CONFIG, test_from_ms=test_from_ms)


def test_the_model_beats_a_random_order_and_popularity():
    methods = backtest().methods
    assert methods["model"]["list_auc"] > methods["random"]["list_auc"] + 0.1
    assert methods["model"]["list_auc"] > methods["popular_24h"]["list_auc"] + 0.03
    assert methods["model"]["ndcg@10"] > methods[backtest().best_heuristic]["ndcg@10"]


def test_every_method_has_every_figure():
    found = backtest()
    assert set(found.methods) == HEURISTICS | {"random", "model"}
    for name, figures in found.methods.items():
        assert set(figures) == LIST_METRICS | {"auc", "lists", "log_loss"}
        assert (figures["log_loss"] is None) == (name != "model")
        assert all(0 <= figures[metric] <= 1 for metric in LIST_METRICS | {"auc"})
    assert len({figures["lists"] for figures in found.methods.values()}) == 1
    assert found.best_heuristic in HEURISTICS
    assert set(found.differences) == LIST_METRICS
    assert all(
        difference["low"] <= difference["value"] <= difference["high"]
        for difference in found.differences.values()
    )
    msgspec.json.decode(msgspec.json.encode(found.methods))


def test_all_items_of_the_test_lists_are_scored():
    events, test_from_ms = world()
    tested = [e for e in events if isinstance(e, Ranking) and e.at_ms >= test_from_ms]
    assert backtest().rows == sum(len(ranking.items) for ranking in tested)


def test_the_future_changes_nothing_that_is_learned_from():
    events, test_from_ms = world()
    past = [event for event in events if event.at_ms < test_from_ms]
    future = [event for event in events if event.at_ms >= test_from_ms]
    users = np.random.default_rng(0).permutation(
        [event.user for event in future if isinstance(event, Interaction)]
    )
    drawn = iter(users.tolist())
    shuffled = [
        msgspec.structs.replace(event, user=next(drawn), type="click", ranking=None)
        if isinstance(event, Interaction)
        else event
        for event in future
    ]

    def learned_from(events):
        frames = frames_of(events)
        spec = derive_spec(look_at(frames, CONFIG, before_ms=test_from_ms), CONFIG)
        lists = lists_to_train(frames, spec.layout, CONFIG, before_ms=test_from_ms)
        return training_rows(
            frames(), spec, lists, max_future_ms=duration_ms(CONFIG.features.max_future)
        )

    one, other = learned_from([*past, *future]), learned_from([*past, *shuffled])
    assert one.names == other.names
    np.testing.assert_array_equal(one.features.view(np.uint32), other.features.view(np.uint32))
    np.testing.assert_array_equal(one.labels, other.labels)


def test_a_test_period_without_success_has_no_figures_and_does_not_fail():
    events, test_from_ms = world()
    quiet = [
        event
        for event in events
        if not (isinstance(event, Interaction) and event.at_ms >= test_from_ms)
    ]
    found = run_backtest(frames_of(quiet), CONFIG, test_from_ms=test_from_ms)
    for figures in found.methods.values():
        assert figures["lists"] == 0
        assert all(figures[metric] is None for metric in LIST_METRICS | {"auc"})
    assert 0 < found.methods["model"]["log_loss"] < 1
    assert found.differences["ndcg@10"] == {"value": None, "low": None, "high": None}


def small_world(*, user="u{}", item="i{}"):
    """Two kinds of people and of items, and lists that are odd in one way or another."""
    random = np.random.default_rng(2)
    events = []
    for n in range(600):
        at_ms = 1_795_392_000_000 + n * 60_000
        person = int(random.integers(20))
        items = random.permutation(12)[: (0, 1, 6)[n % 3]].tolist()
        shown = Ranking(
            time=at_ms, id=f"q{n}", user=user.format(person), items=[item.format(i) for i in items]
        )
        events.append(shown)
        events += [
            Interaction(time=at_ms + 1, type="click", user=shown.user, item=item.format(i))
            for i in items
            if random.random() < (0.6 if i % 2 == person % 2 else 0.05)
        ]
    return events, 1_795_392_000_000 + 400 * 60_000


@pytest.mark.parametrize(
    ("user", "item"), [("u{}", "i{}"), ("人{}", "🎙️ {} \n\t"), ("u{}" + "x" * 508, "é" * 509 + "{}")]
)
def test_odd_ids_and_lists_of_one_item_or_none_are_ranked_as_any_others(user, item):
    events, test_from_ms = small_world(user=user, item=item)
    config = parse_config('[label]\ninteraction = "click"\n[training]\nbudget = "2s"\n')
    found = run_backtest(frames_of(events), config, test_from_ms=test_from_ms)
    assert found.rows == sum(
        len(e.items) for e in events if isinstance(e, Ranking) and e.at_ms >= test_from_ms
    )
    assert found.methods["model"]["list_auc"] > 0.7
    assert not math.isnan(found.methods["model"]["log_loss"])


def test_lists_implied_by_bare_clicks_can_be_tested_too():
    events, test_from_ms = small_world()
    clicks = [event for event in events if isinstance(event, Interaction)]
    config = parse_config(
        '[label]\ninteraction = "click"\n[training]\nbudget = "2s"\n'
        '[candidates]\ninteraction = "click"\nwithin = "2h"\n'
    )
    found = run_backtest(frames_of(clicks), config, test_from_ms=test_from_ms)
    assert "success_rate" not in found.methods, "nobody knows what was shown"
    assert found.methods["model"]["hit_rate@10"] is not None
    assert found.methods["model"]["list_auc"] > 0.6


def test_progress_is_told_for_every_stage():
    events, test_from_ms = small_world()
    told = {}
    config = parse_config('[label]\ninteraction = "click"\n[training]\nbudget = "1s"\n')
    run_backtest(frames_of(events), config, test_from_ms=test_from_ms, on_progress=told.__setitem__)
    assert {"replaying", "testing"} < set(told)
    assert all(0 <= share <= 1 for share in told.values())
    assert told["testing"] == 1.0


def test_frames_may_be_read_many_times():
    frame = frame_of(world()[0][:10], seqs=range(1, 11))
    frames = functools.partial(frame.iter_slices, 3)
    assert pl.concat(frames()).equals(pl.concat(frames()))
