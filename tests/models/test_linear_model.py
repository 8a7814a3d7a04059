"""Linear models equal their plain definition, row by row."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.errors import BundleError, ServingError
from liverank.models.linear.model import Linear, expand


def a_linear(seed=0, f=3):
    generator = np.random.default_rng(seed)
    return Linear(
        low=generator.normal(-3, 1, f),
        high=generator.normal(5, 1, f),
        logarithmic=generator.random(f) < 0.5,
        mean=generator.normal(size=f),
        weight=np.where(generator.random(f) < 0.3, 0, generator.normal(size=f)),
        missing_weight=generator.normal(size=f),
        intercept=generator.normal(size=1),
    )


def plain_linear(model, row):
    total = float(model.intercept[0])
    for j, x in enumerate(row):
        if math.isnan(x):
            total += model.missing_weight[j]
            continue
        held = min(max(float(x), model.low[j]), model.high[j])
        if model.logarithmic[j]:
            power = math.floor(math.log2(1 + abs(held)))
            held = math.copysign(power + (1 + abs(held)) / 2**power - 1, held)
        total += model.weight[j] * (held - model.mean[j])
    return total


rows_of_three = st.lists(
    st.lists(st.floats(width=32), min_size=3, max_size=3), min_size=1, max_size=9
).map(lambda rows: np.array(rows, np.float32))


@given(rows_of_three, st.integers(0, 20))
def test_a_linear_model_equals_its_definition(rows, seed):
    model = a_linear(seed)
    expected = [plain_linear(model, row) for row in rows]
    np.testing.assert_allclose(model.margin(rows), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(model.times(-2).margin(rows), -2 * model.margin(rows), rtol=1e-12)


@given(rows_of_three, st.integers(0, 20))
def test_a_row_scores_the_same_alone(rows, seed):
    together = a_linear(seed).margin(rows)
    for i in range(len(rows)):
        np.testing.assert_array_equal(a_linear(seed).margin(rows[i : i + 1]), together[i : i + 1])


def test_a_linear_model_comes_back_from_its_arrays():
    rows = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    again = Linear.from_arrays(a_linear().to_arrays())
    np.testing.assert_array_equal(again.margin(rows), a_linear().margin(rows))
    np.testing.assert_array_equal(again.used, a_linear().used)


def test_a_model_reads_the_columns_it_is_given():
    wide = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    narrow = np.ascontiguousarray(wide[:, [4, 0, 2]])
    moved = a_linear().on_columns(np.array([4, 0, 2]), 5)
    np.testing.assert_allclose(moved.margin(wide), a_linear().margin(narrow), rtol=1e-12)


def test_the_logarithm_rises_everywhere_and_stays_near_the_true_one():
    x = np.linspace(-1000, 1000, 20001, dtype=np.float32).reshape(-1, 1)
    wide = np.array([1e9])
    values = expand(x, -wide, wide, np.array([True]))[:, 0]
    assert (np.diff(values) > 0).all()
    true = np.sign(x[:, 0]) * np.log2(1 + np.abs(x[:, 0].astype(np.float64)))
    assert np.abs(values - true).max() < 0.0861


def test_arrays_that_make_no_linear_model_are_refused():
    arrays = a_linear().to_arrays()
    for broken, message in (
        (arrays | {"low": np.zeros(3, np.float32)}, "not float64"),
        (arrays | {"low": np.full(3, np.inf)}, "not finite"),
        (arrays | {"mean": np.zeros(4)}, "`mean` is not"),
    ):
        with pytest.raises(BundleError, match=message):
            Linear.from_arrays(broken)


def test_rows_of_another_width_are_refused():
    with pytest.raises(ServingError, match="expected float32"):
        a_linear().margin(np.zeros((2, 4), np.float32))
