"""Two ids that differ stay two levels, classes and groups, whatever their size and their type."""

from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.automl.data.columns import read_column
from liverank.automl.data.read_table import read_table
from liverank.automl.profile.column_types import infer_type
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.roles import read_roles
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.profile.task import find_target, read_target
from liverank.automl.table import fit
from liverank.models.encoder.columns import (
    Input,
    level_of,
    number_level_of,
    plain_value,
    read_values,
)

START = {"int64": 1_750_000_000_000_000_000, "uint64": 18 * 10**18, "digits": 4 * 10**22}


def ids(n, kind):
    """The numbers of ids, and a column of them that begins with ``START``."""
    codes = np.random.default_rng(1).integers(0, 12, n)
    values = [START[kind] + int(code) for code in codes]
    dtype = {"int64": pl.Int64, "uint64": pl.UInt64}.get(kind)
    return codes, pl.Series("id", values if dtype else list(map(str, values)), dtype=dtype)


@given(st.integers(-(2**70), 2**70))
def test_a_whole_number_is_one_level_in_every_form(number):
    forms = [
        number,
        str(number),
        f" {number} ",
        f"{number}.0",
        Decimal(number),
        Decimal(f"{number}.00"),
    ]
    assert {number_level_of(form) for form in forms} == {str(number)}
    assert level_of(number) == level_of(Decimal(number)) == str(number)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_float_is_one_level_in_every_form(number):
    forms = [number, np.float64(number), np.float32(number), repr(number)]
    assert len({number_level_of(form) for form in forms}) == 1


def test_values_of_other_libraries_are_those_of_python():
    moment = np.datetime64("2026-11-29T15:00:00.250000000", "ns")
    day = Input(name="at", type="time")
    assert level_of(np.True_) == level_of(True) == "true"
    assert plain_value(np.int64(7)) == 7
    assert plain_value(moment).isoformat() == "2026-11-29T15:00:00.250000"
    assert read_values(day, [moment, np.datetime64("NaT")]).tolist()[0] == 1_795_964_400_250.0
    assert level_of(Decimal("0.50")) == level_of(0.5) == "0.5"


def test_unknown_values_of_pandas_are_unknown():
    pandas = pytest.importorskip("pandas")
    for type_ in ("number", "category", "boolean", "time", "list", "text"):
        values = read_values(Input(name="x", type=type_), [pandas.NA, pandas.NaT, None])
        assert pl.Series(values.tolist(), strict=False).fill_nan(None).null_count() == 3


@pytest.mark.parametrize("kind", START)
@pytest.mark.parametrize("name", ["id", "x"])
def test_large_ids_are_categories_of_as_many_levels(tmp_path, kind, name):
    _, column = ids(300, kind)
    table = pl.DataFrame({name: column, "y": [0, 1] * 150})
    table.write_csv(tmp_path / "t.csv")
    for read in (table, read_table(tmp_path / "t.csv")):
        form = profile_table(read, TableRoles(target="y"))[name].form
        assert (form.type, form.numeric) == ("category", True)
        assert len(set(read_column(read[name], form))) == 12


def test_numbers_that_float64_tells_apart_stay_numbers():
    large = pl.Series("x", [10**15 + n for n in range(50)] * 2)
    assert infer_type(large).form.type == "number"
    even = pl.Series("x", [2**54 + 4 * n for n in range(50)] * 2)
    assert infer_type(even).form.type == "number"
    odd = pl.Series("x", [2**54 + n for n in range(50)] * 2)
    assert infer_type(odd).form == Input(name="x", type="category", numeric=True)


@pytest.mark.parametrize("kind", START)
def test_large_ids_predict_what_small_ones_do(kind):
    codes, column = ids(1000, kind)
    rates = np.tile([0.05, 0.95], 6)
    y = (np.random.default_rng(2).random(1000) < rates[codes]).astype(int)
    table = pl.DataFrame({"id": column, "y": y})
    result = fit(table, target="y", budget_s=3, families=["lightgbm"])
    # rates of .05 and .95 by halves: the best AUC is .95
    assert result.report.held_out["auc"] > 0.9
    few = pl.DataFrame({"id": [column[int(np.flatnonzero(codes == code)[0])] for code in (0, 1)]})
    low, high = result.predict(few.with_columns(pl.col("id").cast(column.dtype)))
    assert low < 0.3 < 0.7 < high


@pytest.mark.parametrize("kind", START)
@pytest.mark.parametrize("n", [2, 3])
def test_large_classes_stay_apart_and_in_order(tmp_path, kind, n):
    numbers = [START[kind] + k for k in range(n)] * 40
    dtype = {"int64": pl.Int64, "uint64": pl.UInt64}.get(kind)
    column = pl.Series("y", numbers if dtype else list(map(str, numbers)), dtype=dtype)
    target = find_target(column)
    assert target.classes == tuple(str(START[kind] + k) for k in range(n))
    assert target.task == ("binary" if n == 2 else "multiclass")
    assert read_target(column, target).tolist() == [float(k) for k in range(n)] * 40
    pl.DataFrame({"x": range(40 * n), "y": column}).write_csv(tmp_path / "t.csv")
    again = read_table(tmp_path / "t.csv")["y"]
    assert read_target(again, target).tolist() == [float(k) for k in range(n)] * 40


@pytest.mark.parametrize("kind", START)
def test_large_groups_stay_apart(kind):
    codes, column = ids(240, kind)
    table = pl.DataFrame({"g": column, "x": np.arange(240) % 7, "y": [0, 1] * 120})
    profile = profile_table(table, TableRoles(target="y", group="g"))
    groups = read_roles(table, profile)[1].groups
    same = codes[:, None] == codes
    np.testing.assert_array_equal(groups[:, None] == groups, same)


def test_decimals_categories_and_128_bits_mean_what_plain_columns_do():
    numbers = [1, 2, 3, 4] * 20
    plain = pl.Series("y", numbers)
    for dtype in (pl.Decimal(38, 0), pl.Int128, pl.UInt64, pl.Float64, pl.String, pl.Categorical):
        column = plain.cast(pl.String).cast(dtype) if dtype == pl.Categorical else plain.cast(dtype)
        target = find_target(column, "multiclass")
        assert target.classes == ("1", "2", "3", "4")
        assert read_target(column, target).tolist() == [0.0, 1.0, 2.0, 3.0] * 20
        assert read_target(plain, target).tolist() == [0.0, 1.0, 2.0, 3.0] * 20
    money = pl.Series("x", ["1.50", "2.00", "0.10"]).cast(pl.Decimal(10, 2))
    form = Input(name="x", type="category", numeric=True)
    assert read_column(money, form).tolist() == ["1.5", "2", "0.1"]


@pytest.mark.parametrize("end", [".0", ".", ".00"])
def test_large_ids_written_with_a_point_stay_apart(tmp_path, end):
    rows = [f"{1_750_000_000_000_000_000 + k % 12}{end},{k % 2}" for k in range(240)]
    (tmp_path / "t.csv").write_text("\n".join(["id,y", *rows]) + "\n")
    table = read_table(tmp_path / "t.csv")
    (form,) = profile_table(table, TableRoles(target="y")).inputs
    assert form.type == "category"
    assert len(set(read_column(table["id"], form))) == 12
    assert read_column(table["id"], form)[1] == "1750000000000000001"
