"""A model is served only where it ranks better than popularity, and the reason is told."""

from types import SimpleNamespace

import numpy as np
import pytest

from liverank.autopilot import gate
from liverank.autopilot.gate import compare_methods
from liverank.dataset.metrics import mean_over_lists, ndcg_at


def lists_of(n, noise, seed=0):
    """Lists of ten, and scores of a model and a heuristic with so much noise over the truth."""
    random = np.random.default_rng(seed)
    truth = random.normal(size=10 * n)
    labels = (random.random(10 * n) < 1 / (1 + np.exp(1.5 - 2 * truth))).astype(np.uint8)
    scores = {
        name: truth + random.normal(0, level, 10 * n) for name, level in sorted(noise.items())
    }
    users = random.integers(0, n, n).astype(np.uint64)
    return scores, labels, np.arange(0, 10 * n + 1, 10), users


def test_a_model_that_ranks_better_beats_the_best_of_all_heuristics():
    given = lists_of(400, {"model": 0.2, "popular_1h": 1.0, "popular_6h": 3.0})
    against = compare_methods(*given, seed=0)
    assert against.beats
    assert against.best_heuristic == "popular_1h"
    scores, labels, offsets, _ = given
    expected = [
        mean_over_lists(ndcg_at(10, scores[name], labels, offsets))
        for name in ("model", "popular_1h")
    ]
    gain = against.differences["ndcg@10"]
    assert gain.value == pytest.approx(expected[0] - expected[1])
    assert 0 < gain.low < gain.value < gain.high
    assert "the model beats popular_1h" in against.reason
    assert f"{expected[0]:.4f} against {expected[1]:.4f}" in against.reason


def test_a_model_that_ranks_worse_does_not_beat_it():
    against = compare_methods(*lists_of(400, {"model": 2.0, "popular_1h": 0.5}), seed=0)
    assert not against.beats
    assert against.differences["ndcg@10"].high < 0
    assert "does not beat popular_1h" in against.reason


def test_the_same_order_is_not_a_better_one():
    scores, *rest = lists_of(50, {"model": 1.0})
    against = compare_methods(scores | {"popular_1h": scores["model"]}, *rest, seed=0)
    assert not against.beats


def test_a_win_on_a_handful_of_lists_is_not_enough():
    against = compare_methods(*lists_of(6, {"model": 0.01, "popular_1h": 5.0}), seed=0)
    assert against.differences["ndcg@10"].value > 0
    assert not against.beats
    assert "10 lists or more are needed" in against.reason


def test_lists_without_a_success_tell_nothing():
    scores, labels, *rest = lists_of(20, {"model": 1.0, "popular_1h": 1.0})
    against = compare_methods(scores, labels * 0, *rest, seed=0)
    assert (against.lists, against.beats, against.best_heuristic) == (0, False, None)
    assert "the model cannot be compared" in against.reason


@pytest.fixture
def judged():
    """Judge given margins of the newest lists, as if a model had made them."""

    def judge(n, noise, *, chose, judges, log_loss=0.5, seed=0):
        scores, labels, _, users = lists_of(n, noise, seed)
        rows = gate.Rows(
            features=np.arange(10.0 * n, dtype=np.float32)[:, None],
            labels=labels,
            rankings=np.repeat(np.arange(n), 10),
            at_ms=np.repeat(np.arange(n), 10),
            names=("place",),
        )
        model = SimpleNamespace(
            margins=lambda rows: scores["model"][rows[:, 0].astype(int)][:, None]
        )
        fitted = SimpleNamespace(
            evaluated=SimpleNamespace(
                model=model, validation_start=10 * chose, holdout_start=10 * judges
            ),
            report=SimpleNamespace(held_out={"log_loss": log_loss}, baseline={"log_loss": 0.6}),
        )
        lists = SimpleNamespace(seen=np.ones(10 * n, bool), reads=SimpleNamespace(user=users))
        config = SimpleNamespace(training=SimpleNamespace(seed=0))
        heuristics = {"popular_1h": scores["popular_1h"]}
        return gate.compare_with_popularity(fitted, rows, lists, heuristics, config)

    return judge


def test_clear_newest_lists_decide_alone(judged):
    against = judged(400, {"model": 0.2, "popular_1h": 2.0}, chose=200, judges=300)
    assert against.wider is None
    assert against.beats
    assert 80 < against.lists <= 100


def test_where_the_newest_lists_cannot_tell_those_that_chose_are_added(judged):
    against = judged(400, {"model": 0.6, "popular_1h": 0.9}, chose=40, judges=385)
    gain, wider = (one.differences["ndcg@10"] for one in (against, against.wider))
    assert gain.low < 0 < gain.high
    assert wider.high - wider.low < gain.high - gain.low
    assert against.lists < 16 < against.wider.lists
    assert against.beats == against.wider.beats
    assert against.beats
    assert against.reason.count("popular_1h") == 2


def test_a_model_no_better_than_the_share_of_successes_is_not_served(judged):
    against = judged(400, {"model": 0.2, "popular_1h": 2.0}, chose=200, judges=300, log_loss=0.61)
    assert not against.beats
    assert "log-loss is not below" in against.reason
