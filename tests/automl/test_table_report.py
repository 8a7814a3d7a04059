"""The report's data: curves against their plain definitions, slices, and JSON both ways."""

import numpy as np
import pytest

from liverank.automl.report.curves import draw_curves
from liverank.automl.report.slices import Outcomes, find_slices
from liverank.models.encoder.columns import Input


def plain_roc(scores, target):
    """True and false positive shares at each threshold, counted one by one."""
    points = {(0.0, 0.0)}
    for cut in set(scores):
        called = scores >= cut
        points.add(
            (
                float((called & (target == 0)).sum() / (target == 0).sum()),
                float((called & (target == 1)).sum() / (target == 1).sum()),
            )
        )
    return sorted(points)


def test_the_curves_of_a_binary_target_are_those_of_the_definition():
    generator = np.random.default_rng(0)
    scores = generator.integers(0, 30, 100) / 30
    target = (generator.random(100) < scores) * 1.0
    curves = draw_curves(scores, target, task="binary")

    told = sorted(zip(curves.roc[0].x, curves.roc[0].y, strict=True))
    np.testing.assert_allclose(told, plain_roc(scores, target), rtol=1e-4)

    best_20 = scores >= np.sort(scores)[-20]
    place = np.searchsorted(curves.gains[0].x, best_20.mean() - 1e-9)
    assert curves.gains[0].y[place] == pytest.approx(target[best_20].sum() / target.sum(), rel=1e-4)

    recall, precision = curves.pr[0].x[place - 1], curves.pr[0].y[place - 1]
    assert recall == pytest.approx(target[best_20].sum() / target.sum(), rel=1e-4)
    assert precision == pytest.approx(target[best_20].mean(), rel=1e-4)
    assert np.sum(curves.confusion) == 100
    assert curves.confusion[1][1] == ((scores > 0.5) & (target == 1)).sum()
    assert sum(part.rows for part in curves.calibration) == 100


def test_a_curve_of_many_rows_has_few_points_and_both_ends():
    scores = np.random.default_rng(1).random(50_000)
    (roc,) = draw_curves(scores, (scores > 0.9) * 1.0, task="binary").roc
    assert len(roc.x) <= 202
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)


def test_each_class_has_a_line_and_an_absent_one_has_none():
    answers = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]])
    curves = draw_curves(
        answers, np.array([0.0, 1.0, 1.0]), task="multiclass", classes=("a", "b", "c")
    )
    assert [line.name for line in curves.roc] == ["a", "b"]
    assert curves.confusion == ((1, 0, 0), (1, 1, 0), (0, 0, 0))


def test_values_have_residuals_and_dots():
    actual = np.arange(1000.0)
    curves = draw_curves(actual + 1, actual, task="regression")
    assert curves.residuals is not None
    assert curves.scatter is not None
    assert sum(curves.residuals.counts) == 1000
    assert len(curves.scatter.x) <= 600
    assert [part.predicted - part.observed for part in curves.calibration] == [1.0] * 10


def test_no_rows_draw_nothing():
    assert draw_curves(np.zeros(0), np.zeros(0), task="binary").roc == ()


def test_slices_divide_the_rows_and_name_what_is_missing():
    generator = np.random.default_rng(2)
    age = generator.normal(40, 10, 1000)
    age[:100] = np.nan
    city = np.array(["Ulm", "Bonn", None, "Köln"], object)[generator.integers(0, 4, 1000)]
    slices = find_slices(
        {"age": age, "city": city},
        [Input(name="age", type="number"), Input(name="city", type="category")],
        Outcomes(generator.random(1000), observed=generator.random(1000)),
    )
    for column in ("age", "city"):
        assert sum(s.rows for s in slices if s.column == column) == 1000
        assert any(s.value == "missing" for s in slices if s.column == column)
    assert all(s.low < s.loss < s.high for s in slices)
    assert all(s.predicted is None and s.observed is not None for s in slices)


def test_rows_that_are_alike_make_wider_intervals():
    losses = np.repeat(np.random.default_rng(3).random(50), 20)
    columns = {"x": np.zeros(1000)}
    inputs = [Input(name="x", type="number")]
    (alone,) = find_slices(columns, inputs, Outcomes(losses))
    (grouped,) = find_slices(columns, inputs, Outcomes(losses, groups=np.repeat(np.arange(50), 20)))
    assert grouped.high - grouped.low > 3 * (alone.high - alone.low)


def test_a_mean_lies_within_its_interval_in_95_of_100_draws():
    generator = np.random.default_rng(4)
    inputs = [Input(name="x", type="number")]
    inside = 0
    for _ in range(400):
        (part,) = find_slices(
            {"x": np.zeros(200)}, inputs, Outcomes(generator.exponential(1.0, 200))
        )
        inside += part.low < 1.0 < part.high
    assert 0.91 <= inside / 400 <= 0.98
