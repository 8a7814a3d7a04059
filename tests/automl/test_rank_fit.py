"""The search finds what there is to find, in time, and never fails on odd data."""

import csv
import gzip
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest
from clocks import Looks, ticking

from liverank.automl import pipeline, ranking
from liverank.automl.deployment.members import MemberChoice, RefitChoice
from liverank.automl.ensemble.greedy import Ensemble
from liverank.automl.options import SearchOptions
from liverank.automl.ranking import warm_up
from liverank.automl.report.reports import RankingReport
from liverank.dataset.metrics import auc, log_loss
from liverank.dataset.rows import Rows
from liverank.errors import TrainingError
from liverank.models.predictor import sum_terms

TABLES = Path(__file__).parents[3] / "shared" / "data" / "tables"


@pytest.fixture(scope="module", autouse=True)
def _compiled_kernels():
    """Kernels are compiled or loaded before any clock starts."""
    warm_up()


def fit(rows, *, on_progress=None, **options):
    """Search on a clock that no load moves, unless a test gives another."""
    options = SearchOptions(**({"clock": ticking()} | options))
    return ranking.fit(rows, options, on_progress=on_progress)


def rows_of(features, labels, *, per_ranking=1, names=None):
    n, f = features.shape
    return Rows(
        features=np.ascontiguousarray(features, np.float32),
        labels=np.asarray(labels, np.uint8),
        rankings=np.arange(n) // per_ranking,
        at_ms=np.arange(n) // per_ranking * 1000,
        names=names or tuple(f"x{i}" for i in range(f)),
    )


def lists_with_a_pattern(n=4000, seed=0):
    """Rankings of ten: trees can see the pattern, a line cannot; two columns never vary."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 6)).astype(np.float32)
    x[:, 4], x[:, 5] = 1.0, np.nan
    margin = 2.5 * np.sign(x[:, 0] * x[:, 1]) + x[:, 2] - 1
    labels = generator.random(n) < 1 / (1 + np.exp(-margin))
    names = ("left", "right", "taste", "noise", "constant", "unknown")
    return rows_of(x, labels, per_ranking=10, names=names), 1 / (1 + np.exp(-margin))


def test_a_pattern_is_found_and_the_report_tells_how():
    rows, _ = lists_with_a_pattern()
    seen = []
    fitted = fit(rows, budget_s=8, seed=1, on_progress=lambda *what: seen.append(what))
    report = fitted.report
    fresh, truth = lists_with_a_pattern(seed=9)
    probabilities = fitted.predictor.answers(fresh.features)
    best = log_loss(truth, fresh.labels)
    assert log_loss(probabilities, fresh.labels) < best + 0.05
    assert log_loss(probabilities, fresh.labels) == pytest.approx(
        report.held_out["log_loss"], abs=0.06
    )
    assert report.held_out["log_loss"] < report.baseline["log_loss"] - 0.1
    assert report.held_out["auc"] > 0.8
    assert report.dropped_features["constant"] == report.dropped_features["unknown"] == "unused"
    assert set(report.used_features) <= {"left", "right", "taste", "noise"}
    assert set(list(report.importance)[:3]) == {"left", "right", "taste"}
    assert sum(report.importance.values()) == pytest.approx(1)
    assert sum(member.weight for member in report.members) == pytest.approx(1)
    assert all(member.refit for member in report.members)
    assert seen[0][0] == "linear ridge"
    assert len(report.leaderboard) > 3
    train, validation, holdout = report.split.blocks
    assert (train.rows, validation.rows, holdout.rows) == (3200, 400, 400)
    assert train.to_ms < validation.from_ms <= validation.to_ms < holdout.from_ms
    assert msgspec.json.decode(msgspec.json.encode(report), type=RankingReport) == report
    assert seen[-1] == ("refit", 1.0)
    assert all(0 <= share <= 1 for _, share in seen)


def test_a_recorded_plan_gives_the_same_model_and_another_seed_another():
    rows, _ = lists_with_a_pattern(1500)
    first, other = (fit(rows, budget_s=3, seed=seed) for seed in (3, 4))
    again = fit(rows, budget_s=3, seed=3, plan=first.report.plan)
    models = [fitted.predictor.to_arrays() for fitted in (first, again, other)]
    assert models[0].keys() == models[1].keys()
    for name, array in models[0].items():
        np.testing.assert_array_equal(array, models[1][name])
    assert any(
        name not in models[2] or not np.array_equal(array, models[2][name])
        for name, array in models[0].items()
    )


@pytest.mark.parametrize("budget_s", [1.0, 3.0])
def test_the_budget_is_kept_and_there_is_always_a_model(budget_s):
    rows, _ = lists_with_a_pattern(6_000)
    clock = Looks(0.0003)
    fitted = fit(rows, budget_s=budget_s, seed=0, clock=clock)
    assert 0.3 * budget_s < clock.now_s < budget_s * 1.05
    assert "linear ridge" in [each.title for each in fitted.report.leaderboard]
    assert np.isfinite(fitted.predictor.margins(rows.features)).all()


def odd_tables():
    generator = np.random.default_rng(0)
    half = (np.arange(60) % 2).astype(np.uint8)
    normal = generator.normal(size=(60, 3))
    awkward = normal.copy()
    awkward[:20] = [np.inf, -np.inf, np.nan]
    rare = (np.arange(2000) % 400 == 7).astype(np.uint8)
    huge = generator.choice([3e38, -3e38, 1e-45, 0], size=(300, 2))
    return {
        "no_columns": (np.zeros((60, 0)), half),
        "all_constant": (np.ones((60, 2)), half),
        "all_unknown": (np.full((60, 2), np.nan), half),
        "one_column": (normal[:, :1], half),
        "sixty_rows": (normal, half),
        "two_rows": (normal[:2], half[:2]),
        "infinities": (awkward, half),
        "infinities_in_many": (np.tile(awkward, (20, 1)), np.tile(half, 20)),
        "five_successes": (generator.normal(size=(2000, 3)), rare),
        "successes_only_long_ago": (generator.normal(size=(500, 3)), np.arange(500) < 100),
        "successes_only_lately": (generator.normal(size=(500, 3)), np.arange(500) >= 450),
        "a_perfect_column": (np.repeat(half, 10)[:, None] * 1.0, np.repeat(half, 10)),
        "huge_and_tiny": (huge, (np.arange(300) % 3 == 0)),
        "known_only_lately": (
            np.where(np.arange(400)[:, None] < 330, np.nan, 1.0),
            np.arange(400) % 2,
        ),
    }


@pytest.mark.parametrize("case", odd_tables())
def test_odd_tables_never_fail(case, capfd):
    features, labels = odd_tables()[case]
    rows = rows_of(features, labels)
    fitted = fit(rows, budget_s=2, seed=0)
    probabilities = fitted.predictor.answers(rows.features)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert np.isfinite(fitted.predictor.margins(rows.features)).all()
    assert fitted.predictor.n_features == features.shape[1]
    msgspec.json.encode(fitted.report)
    assert capfd.readouterr() == ("", "")


def test_one_ranking_is_not_split():
    generator = np.random.default_rng(0)
    rows = rows_of(generator.normal(size=(100, 2)), np.arange(100) % 2, per_ranking=100)
    assert fit(rows, budget_s=1, seed=0).report.held_out == {}


@pytest.mark.parametrize("label", [0, 1])
def test_rows_of_one_class_are_refused_with_the_numbers(label):
    rows = rows_of(np.zeros((70, 1)), np.full(70, label))
    with pytest.raises(TrainingError, match=f"70 rows hold {70 * label} successes"):
        fit(rows, budget_s=1, seed=0)


def test_noise_makes_no_model_overconfident():
    generator = np.random.default_rng(0)
    rows = rows_of(generator.normal(size=(3000, 10)), generator.random(3000) < 0.1)
    fitted = fit(rows, budget_s=5, seed=0)
    fresh = generator.normal(size=(3000, 10)).astype(np.float32)
    entropy = -(0.1 * math.log(0.1) + 0.9 * math.log(0.9))
    outcome = (generator.random(3000) < 0.1).astype(np.uint8)
    assert log_loss(fitted.predictor.answers(fresh), outcome) < entropy + 0.04


@pytest.mark.skipif(not TABLES.is_dir(), reason="needs ../shared/data/tables")
@pytest.mark.parametrize(
    ("table", "worst_auc", "worst_log_loss"),
    [("churn", 0.89, 0.21), ("spambase", 0.98, 0.16), ("magic", 0.92, 0.33)],
)
def test_real_tables_are_learned(table, worst_auc, worst_log_loss):
    with gzip.open(TABLES / f"{table}.tsv.gz", "rt") as file:
        header, *lines = csv.reader(file, delimiter="\t")
    values = np.array(lines, np.float64)[np.random.default_rng(0).permutation(len(lines))]
    target = header.index("target")
    labels = (values[:, target] == values[:, target].max()).astype(np.uint8)
    features = np.delete(values, target, axis=1).astype(np.float32)
    cut = len(labels) * 3 // 4
    fitted = fit(rows_of(features[:cut], labels[:cut]), budget_s=6, seed=0)
    probabilities = fitted.predictor.answers(np.ascontiguousarray(features[cut:]))
    assert auc(probabilities, labels[cut:]) > worst_auc
    assert log_loss(probabilities, labels[cut:]) < worst_log_loss


def test_a_member_of_the_blend_that_there_is_no_time_to_train_again_stays_as_it_was(monkeypatch):
    rows, _ = lists_with_a_pattern(3000)
    found = []
    find_model = ranking.find_model
    monkeypatch.setattr(
        ranking,
        "find_model",
        lambda *rest, **more: found.append(find_model(*rest, **more)) or found[0],
    )
    monkeypatch.setattr(ranking, "POLICY", ranking.POLICY._replace(conservative=frozenset()))
    monkeypatch.setattr(
        MemberChoice, "affordable", lambda _, members, deadline: RefitChoice(members[:1])
    )
    weights = np.array([0.0, 0.75, 0.25])

    def ensemble_of_trees(models, *_, **__):
        shares = np.append(weights, np.zeros(len(models.validation) - 3))
        return Ensemble(shares, 1, kept=True, gain=(0.0, 0.0), cross_fitted=models.validation[1])

    monkeypatch.setattr(pipeline, "choose_proven_ensemble", ensemble_of_trees)
    fitted = fit(rows, budget_s=4, seed=0)
    again, as_it_was = fitted.report.members[:2]
    assert (again.weight, again.refit) == (0.75, True)
    assert (as_it_was.weight, as_it_was.refit) == (0.25, False)
    old = found[0].tried[2].fits[-1].margins(rows.features)
    calibrator = found[0].calibrated.calibrator
    rest = fitted.predictor.terms[:-1]
    expected = calibrator.apply(sum_terms(rest, rows.features, 1) + 0.25 * old)
    np.testing.assert_allclose(fitted.predictor.margins(rows.features), expected)
    assert sum(term.weight for term in rest) == pytest.approx(0.75)
