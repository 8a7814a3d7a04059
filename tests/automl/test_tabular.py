"""The whole way from a table to a model, on every task and split, within its time."""

import time

import numpy as np
import polars as pl
import pytest
from clocks import Looks, ticking

from liverank.automl import table as table_search
from liverank.automl.families import lightgbm
from liverank.automl.report.reports import decode_report, encode_report
from liverank.automl.trials.plan import decode_plan, encode_plan
from liverank.bundle.table_bundle import load_table_bundle
from liverank.errors import TrainingError

QUICK = ["linear", "lightgbm"]


def a_table(n=600, seed=0, task="binary"):
    generator = np.random.default_rng(seed)
    age, pay = generator.normal(40, 10, n), generator.lognormal(3, 1, n)
    city = generator.choice(["Ulm", "Bonn", "Kiel", "Jena"], n)
    signal = 0.1 * (age - 40) - np.log(pay) + 3 + 1.5 * (city == "Ulm")
    noise = generator.logistic(size=n)
    target = {
        "binary": np.where(signal + noise > 0, "yes", "no"),
        "multiclass": np.select([signal + noise < -1, signal + noise < 1], ["a", "b"], "c"),
        "regression": 1000 + 50 * signal + 5 * noise,
    }[task]
    age[generator.random(n) < 0.05] = np.nan
    return pl.DataFrame({"age": age, "pay": pay, "city": city, "target": target}).with_columns(
        pl.col("age").fill_nan(None)
    )


def fit(table, **changes):
    # Each look at the clock takes 0.6 ms: a search does the same on any machine at any load.
    arguments = {"target": "target", "budget_s": 4.0, "families": QUICK} | changes
    arguments = {"clock": ticking(0.0006)} | arguments
    return table_search.fit(table, **arguments)


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    table_search.warm_up()
    fit(a_table(), budget_s=2)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_any_task_is_learned_and_its_validation_holds_later(task, tmp_path):
    result = fit(a_table(1500, task=task))
    report = result.report
    assert report.asked.task == task
    later = a_table(1500, seed=1, task=task)
    answers = result.predict(later)
    if task == "regression":
        truth = later["target"].to_numpy()
        got = float(np.sqrt(np.mean((answers - truth) ** 2)))
        said, constant = report.held_out["rmse"], report.baseline["rmse"]
    else:
        names = report.asked.classes
        shares = answers if task == "multiclass" else np.column_stack([1 - answers, answers])
        places = [names.index(name) for name in later["target"]]
        got = float(-np.log(shares[np.arange(1500), places]).mean())
        said, constant = report.held_out["log_loss"], report.baseline["log_loss"]
        np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert said < 0.9 * constant
    assert 0.5 * said < got < 1.25 * said
    assert {entry.family for entry in report.leaderboard} <= set(QUICK)
    assert report.importance[0].column in ("age", "pay", "city")
    assert decode_report(encode_report(report)).held_out == report.held_out
    result.save(tmp_path / "bundle", created_ms=0)
    loaded = load_table_bundle(tmp_path / "bundle")
    assert (
        loaded.predictor.predict(result.golden) == result.predictor.predict(result.golden)
    ).all()
    assert decode_plan(loaded.documents["plan.json"]) == result.plan


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_every_family_has_its_turn_within_the_budget(task):
    report = fit(a_table(1500, task=task), clock=Looks()).report
    assert {entry.family for entry in report.leaderboard} == set(QUICK)


def test_a_recorded_plan_gives_the_same_bytes():
    table = a_table()
    result = fit(table, seed=3)
    plan = decode_plan(encode_plan(result.plan))
    again = fit(table, seed=3, plan=plan)
    assert again.plan == result.plan
    first, second = result.predictor.to_arrays(), again.predictor.to_arrays()
    assert first.keys() == second.keys()
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_rows_with_a_time_are_judged_by_the_newest_and_drift_is_told():
    n = 2000
    generator = np.random.default_rng(0)
    x = generator.normal(size=n)
    # What x says turns round in the newest part, which shuffled validation cannot tell.
    way = np.where(np.arange(n) < 0.8 * n, 3.0, -3.0)
    target = (generator.random(n) < 1 / (1 + np.exp(-way * x))).astype(int)
    days = pl.Series("at", np.arange(n) * 3_600_000 + 1_600_000_000_000)
    table = pl.DataFrame({"at": days.cast(pl.Datetime("ms")), "x": x, "target": target})
    report = fit(table, time="at", budget_s=5).report
    assert report.split.kind == "chronological"
    spans = [(block.from_ms, block.to_ms) for block in report.split.blocks]
    assert spans[0][1] < spans[1][0] <= spans[1][1] < spans[2][0]
    assert report.drift.differs
    assert any("disagree" in warning for warning in report.warnings)


def test_a_small_serving_budget_is_met():
    result = fit(a_table(1500), serving_us=0.05, budget_s=6)
    assert result.report.served.kind.startswith(("student", "single", "fast_ensemble"))


def test_an_interrupt_keeps_the_best_so_far(monkeypatch):
    calls = []
    whole = lightgbm.fit

    def interrupted(*args, **kwargs):
        calls.append(kwargs["rounds"])
        if kwargs["rounds"] is None and calls.count(None) > 2:
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    monkeypatch.setattr(lightgbm, "fit", interrupted)
    result = fit(a_table(), budget_s=60)
    assert calls.count(None) == 3, "nothing more was tried"
    assert result.plan.interrupted
    assert "interrupted" in result.report.stopped
    assert result.predict(a_table(10)).shape == (10,)


def test_weights_count():
    table = a_table(1200)
    copied = table.with_columns(weight=pl.when(pl.col("target") == "yes").then(9.0).otherwise(1.0))
    plain = fit(table, families=["linear"], budget_s=2).predict(table).mean()
    weighted = fit(copied, families=["linear"], budget_s=2, weight="weight").predict(table).mean()
    assert weighted > plain + 0.15


def test_rmsle_is_trained_in_logarithms():
    generator = np.random.default_rng(0)
    x = generator.normal(size=1000)
    y = np.exp(2 * x + generator.normal(size=1000) * 0.2)
    table = pl.DataFrame({"x": x, "target": y})
    result = fit(table, objective="rmsle", budget_s=8)
    assert result.predictor.link == "expm1"
    assert result.report.held_out["rmsle"] < 0.3
    assert (result.predict(table) >= 0).all()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"families": ["forest"]}, "family `forest` is unknown"),
        ({"objective": "rmse"}, "does not fit a binary target"),
        ({"target": "no"}, "has no column `no`"),
        ({"memory_bytes": 1000}, "no family of models is left"),
    ],
)
def test_what_cannot_be_done_says_so(changes, says):
    with pytest.raises(TrainingError, match=says):
        fit(a_table(), **changes)


def test_the_budget_holds_and_is_used():
    clock = Looks(0.0006)
    result = fit(a_table(3000), budget_s=4, clock=clock)
    assert 0.7 * 4 < clock.now_s < 4 * 1.05
    assert result.report.seconds < 4 * 1.05
    assert result.plan.refit


@pytest.mark.alone
def test_the_budget_holds_on_a_real_clock():
    began = time.process_time()
    fit(a_table(3000), budget_s=4, clock=time.process_time)
    assert time.process_time() - began < 4 * 1.05
