"""Numbers whose differences float32 would lose keep them, and extreme numbers keep their order."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.automl.data.columns import read_column, read_columns
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.preprocessing.encoder import fit_transform
from liverank.automl.preprocessing.scaling import number_step
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.table_roles import TableRoles
from liverank.models.encoder.columns import Input, read_values
from liverank.models.encoder.encoder import Encoder
from liverank.models.encoder.steps import Calendar, Learned, Scaled, Value
from liverank.values.numbers import number_of, wide_number_of

GENERATOR = np.random.default_rng(0)
UNIFORM = GENERATOR.random(1000)
HARD = {
    "a large offset": 1e9 + 100 * UNIFORM,
    "a small range": 52.52 + 1e-5 * UNIFORM,
    "a tiny scale": 1e-60 * 10 ** (UNIFORM * 2),
    "many tiny scales": 10 ** (-300 * UNIFORM),
    "many large scales": 10 ** (300 * UNIFORM) * np.where(UNIFORM > 0.5, 1, -1),
    "beyond float32": 1e39 * (1 + UNIFORM),
}
EASY = {
    "a plain number": GENERATOR.normal(size=20_000),
    "whole numbers": GENERATOR.integers(0, 10**6, 5000).astype(float),
    "one value": np.full(50, 1e9),
    "nothing known": np.full(50, np.nan),
    "prices": np.round(GENERATOR.lognormal(5, 2, 5000), 2),
}


def encoded(values: np.ndarray) -> tuple[Encoder, np.ndarray]:
    target = TrainingTarget((np.arange(len(values)) % 2).astype(float))
    return fit_transform({"x": values}, [Input(name="x", type="number")], target)


@pytest.mark.parametrize("name", HARD)
def test_differences_that_float32_would_lose_are_kept(name: str) -> None:
    values = HARD[name]
    with np.errstate(over="ignore"):
        assert len(np.unique(values.astype(np.float32))) < 0.8 * len(np.unique(values))
    encoder, features = encoded(values)
    (step,) = encoder.spec.steps
    assert isinstance(step, Scaled)
    assert len(np.unique(features)) > 0.95 * len(np.unique(values))
    assert (np.diff(features[np.argsort(values, kind="stable"), 0]) >= 0).all()
    np.testing.assert_array_equal(encoder.transform({"x": values}), features)
    again = Encoder.from_arrays(encoder.to_arrays())
    np.testing.assert_array_equal(again.transform({"x": values}), features)


@pytest.mark.parametrize("name", EASY)
def test_other_columns_keep_their_step_and_bytes(name: str) -> None:
    assert isinstance(number_step("x", EASY[name]), Value)


extreme = st.floats(allow_nan=True, allow_infinity=True)


def test_times_within_an_hour_are_kept_apart() -> None:
    at_ms = 1.7e12 + 1000.0 * GENERATOR.permutation(3000)
    target = TrainingTarget((np.arange(3000) % 2).astype(float))
    form = Input(name="opened", type="time")
    encoder, features = fit_transform({"opened": at_ms}, [form], target)
    assert [step.names for step in encoder.spec.steps] == [("elapsed(opened)",)]
    np.testing.assert_array_equal(np.argsort(features[:, 0]), np.argsort(at_ms))
    later = encoder.transform({"opened": np.array([np.nan, 1.7e12, 1.7e12 + 1.0])})[:, 0]
    assert np.isnan(later[0])
    assert later[2] > later[1]
    of_a_year, _ = fit_transform({"opened": 1.7e12 + 1e7 * np.arange(3000.0)}, [form], target)
    assert isinstance(of_a_year.spec.steps[0], Calendar)
    assert "elapsed" in of_a_year.spec.steps[0].parts


@given(st.lists(extreme, min_size=1, max_size=50), st.lists(extreme, max_size=20))
def test_a_scale_keeps_order_sign_and_what_is_unknown(
    training: list[float], later: list[float]
) -> None:
    step = number_step("x", np.clip(np.array(training), -1.7e308, 1.7e308))
    values = np.sort(np.array([*training, *later]))
    features = step.apply({"x": values}, Learned(None, {}))[:, 0]
    np.testing.assert_array_equal(np.isnan(features), np.isnan(values))
    with np.errstate(invalid="ignore"):
        rises = np.diff(np.clip(features, -3e38, 3e38)[~np.isnan(values)])
    assert (rises >= 0).all()


@given(st.lists(st.none() | extreme | st.integers(-(10**400), 10**400).map(str), min_size=1))
def test_a_wide_column_is_read_as_each_of_its_values(values: list[object]) -> None:
    form = Input(name="x", type="number", wide=True)
    texts = [None if value is None else str(value) for value in values]
    found = read_column(pl.Series("x", texts, dtype=pl.String), form)
    np.testing.assert_array_equal(found, read_values(form, texts))
    floats = [None if isinstance(value, str) else value for value in values]
    by_type = read_column(pl.Series("x", floats, dtype=pl.Float64), form)
    np.testing.assert_array_equal(by_type, read_values(form, floats))


@given(
    st.lists(st.none() | extreme | st.integers() | st.just(10**400) | st.just(-(10**400))),
    st.booleans(),
)
def test_bare_numbers_at_once_are_as_each_by_itself(values: list[object], wide: bool) -> None:
    found = read_values(Input(name="x", type="number", wide=wide), values)
    plain = wide_number_of if wide else number_of
    np.testing.assert_array_equal(found, np.array([plain(value) for value in values]))


def test_extreme_values_are_kept_in_order_where_training_has_them() -> None:
    rows = [-np.inf, -1e300, -1.0, 0.0, 1.0, 1e39, 1e300, np.inf, None] * 5
    table = pl.DataFrame({"x": rows, "y": [n % 2 for n in range(len(rows))]})
    profile = profile_table(table, TableRoles(target="y"))
    assert profile["x"].form.wide is True
    values = read_columns(table, profile.inputs)["x"][:9]
    assert (np.diff(values[:8]) > 0).all()
    assert np.isnan(values[8])
    tame = profile_table(table.with_columns(x=pl.int_range(45) / 7), TableRoles(target="y"))
    assert not tame["x"].form.wide
    assert np.isnan(read_column(pl.Series("x", [1e39]), tame["x"].form)[0])
