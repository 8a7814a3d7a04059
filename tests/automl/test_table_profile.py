"""Types, roles and the task of a table are inferred from its values, each with a reason."""

import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from liverank.automl.data.columns import read_column
from liverank.automl.profile.column_types import infer_type
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.roles import read_roles, split_rows
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.profile.task import find_target, read_target
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Input, moment_of, read_values

TABLES = Path(__file__).parents[3] / "shared" / "data" / "tables"


def type_of(values, name="x"):
    inferred = infer_type(pl.Series(name, values, strict=False))
    return inferred.form.type


def a_table(n=200, **columns):
    generator = np.random.default_rng(0)
    return pl.DataFrame(
        {"size": generator.normal(size=n), "target": generator.integers(0, 2, n), **columns}
    )


def test_types_are_told_from_values():
    many = np.random.default_rng(0).integers(0, 1000, 300)
    assert type_of([1.5, 2.25, None]) == "number"
    assert type_of([0, 1, 1, 0]) == "boolean"
    assert type_of(["yes", "no", "No", "YES", "yes"]) in ("boolean", "category")
    assert type_of(["yes", "no"]) == "boolean"
    assert type_of([True, None]) == "boolean"
    assert type_of(["red", "green", "red"]) == "category"
    assert type_of(["00123", "04312", "90210"]) == "category"
    assert type_of([f"{n}" for n in many]) == "number"
    assert type_of([f"{n}" for n in many], "user_id") == "number"  # texts say less than types
    assert type_of(many.tolist(), "userId") == "category"
    assert type_of([datetime.date(2026, 1, 1)]) == "time"
    assert type_of(["2026-01-01 10:00:00", "2026-01-01T11:00:00.5Z"]) == "time"
    assert type_of([1_700_000_000, 1_700_000_060], "timestamp") == "time"
    assert type_of([1_700_000_000_000, 1_700_000_060_000]) == "time"
    assert type_of([["a"], ["a", "b"]]) == "list"
    assert type_of(['["a"]', '["a", "b"]']) == "list"
    assert type_of(["a|b", "b", "c|a|b", "c"] * 5) == "list"
    titles = [f"the {n}th story about item {n * 7 % 50} today" for n in range(50)]
    assert type_of(titles) == "text"


def test_a_number_that_could_be_a_time_is_left_a_number_and_said():
    inferred = infer_type(pl.Series("account", [1_700_000_000 + n for n in range(50)]))
    assert inferred.form.type == "number"
    assert "Unix seconds" in inferred.oddity


def test_days_before_months_are_told_apart_where_a_value_tells():
    for texts, form in (
        (["1/2/2011", "1/31/2011"], "month_first"),
        (["1/2/2011", "31/1/2011"], "day_first"),
    ):
        assert infer_type(pl.Series("day", texts * 10)).form.time_form == form


def test_a_column_of_mixed_types_is_read_as_what_it_mostly_is_and_says_so():
    inferred = infer_type(pl.Series("age", [str(n) for n in range(99)] + ["unknown"]))
    assert inferred.form.type == "number"
    assert (
        inferred.oddity == '1 of 100 values are not numbers ("unknown") and are treated as unknown'
    )
    half = infer_type(pl.Series("code", ["7", "x", "8", "y"] * 20))
    assert half.form.type == "category"
    assert half.oddity == "50% of the values are numbers, the others are text"


def test_columns_that_cannot_help_are_left_out_with_the_reason():
    n = 200
    table = a_table(
        n,
        same=["x"] * n,
        empty=pl.Series([None] * n, dtype=pl.String),
        key=[f"k{i}" for i in range(n)],
        row=list(range(n)),
        sometimes=[1.0, None] * (n // 2),
    )
    profile = profile_table(table, TableRoles(target="target"))
    left_out = {c.form.name: c.reason for c in profile.columns if c.role == "unused"}
    assert set(left_out) == {"same", "empty", "key", "row"}
    assert "one value" in left_out["same"]
    assert "no values" in left_out["empty"]
    assert "memorised" in left_out["key"]
    asked = profile_table(
        table, TableRoles(target="target", types={"row": "number", "key": "text"})
    )
    assert {form.name for form in asked.inputs} == {"size", "row", "key", "sometimes"}


def test_numbers_that_are_names_are_found_by_what_they_tell():
    generator = np.random.default_rng(0)
    n = 6000
    shop = generator.permutation(10_000)[:200][generator.integers(0, 200, n)]
    taste = generator.normal(size=10_000)
    target = (generator.random(n) < 1 / (1 + np.exp(-2 * taste[shop]))).astype(int)
    smooth = generator.integers(0, 500, n)
    table = pl.DataFrame({"place": shop, "smooth": smooth, "target": target})
    profile = profile_table(table, TableRoles(target="target"))
    assert profile["place"].form == Input(name="place", type="number")
    assert profile.encodings == {"place": "both"}
    assert "levels explain" in profile["place"].reason
    assert profile["smooth"].form.type == "number"
    rises = (generator.random(n) < smooth / 500).astype(int)
    ordered = profile_table(
        table.with_columns(target=pl.Series(rises)), TableRoles(target="target")
    )
    assert ordered["smooth"].form.type == "number"


@pytest.mark.parametrize("seed", range(20))
def test_numbers_that_tell_nothing_stay_numbers(seed):
    generator = np.random.default_rng(seed)
    n = 400
    table = pl.DataFrame(
        {
            "day": 20241301 + generator.integers(0, 31, n),  # no days: there is no 13th month
            "target": generator.integers(0, 2, n),
        }
    )
    profile = profile_table(table, TableRoles(target="target"))
    assert profile["day"].form.type == "number"
    assert profile.encodings == {}


def test_one_time_beyond_doubt_is_used_and_said():
    start = datetime.datetime(2026, 1, 1)
    at = [start + datetime.timedelta(minutes=n) for n in range(200)]
    profile = profile_table(a_table(seen=at), TableRoles(target="target"))
    assert (profile.time, profile["seen"].role) == ("seen", "time")
    assert "rows are in its order" in profile.notes[-1]
    shuffled = [at[n * 37 % 200] for n in range(200)]
    assert (
        profile_table(a_table(event_time=shuffled), TableRoles(target="target")).time
        == "event_time"
    )


def test_a_time_in_doubt_is_never_used_silently():
    start = datetime.datetime(2026, 1, 1)
    at = [start + datetime.timedelta(minutes=n * 37 % 200) for n in range(200)]
    birthday = profile_table(a_table(birthday=at), TableRoles(target="target"))
    assert birthday.time is None
    assert "--time birthday" in birthday.notes[-1]
    two = profile_table(a_table(created=at, updated=at), TableRoles(target="target"))
    assert two.time is None
    assert "`created`, `updated` look like times" in two.notes[-1]
    assert (
        profile_table(a_table(birthday=at), TableRoles(target="target", time="birthday")).time
        == "birthday"
    )


def test_the_target_tells_the_task():
    def task(values):
        return find_target(pl.Series("y", values)).task

    assert task([0, 1] * 20) == "binary"
    assert task([-1.5, 2.5] * 20) == "binary"
    assert task(["a", "b", "c"] * 20) == "multiclass"
    assert task([1, 2, 3, 7] * 20) == "multiclass"
    assert task(["1", "2", "3", "7"] * 20) == "multiclass"
    assert task(list(range(40))) == "regression"
    assert task([0.5, 1.5, 2.0] * 20) == "regression"
    assert find_target(pl.Series("y", ["yes", "no"] * 20)).classes == ("no", "yes")
    assert find_target(pl.Series("y", ["1", "never"] * 20)).classes == ("never", "1")
    assert find_target(pl.Series("y", [10, 9, 2] * 20)).classes == ("2", "9", "10")
    assert find_target(pl.Series("y", [1, 2, 3] * 20), "regression").task == "regression"


@pytest.mark.parametrize(
    ("values", "task", "says"),
    [
        ([1] * 50, None, 'is "1" in all 50 rows'),
        ([1, 0, 1], None, "known in 3 of 3 rows"),
        ([None] * 50, None, "known in 0 of 50 rows"),
        ([f"word {n}" for n in range(200)], None, "200 different values"),
        (["a", "b"] * 20, "regression", '"a", which is not a number'),
        ([1, 2, 3] * 20, "binary", "has 3 values"),
        ([1, 2, 3] * 20, "ranking", "expected one of binary, multiclass, regression"),
    ],
)
def test_a_target_that_cannot_be_learned_says_why(values, task, says):
    with pytest.raises(TrainingError, match=says):
        find_target(pl.Series("y", values), task)


def test_rows_without_a_target_are_left_out_and_counted():
    column = pl.Series("y", ["a", "b", None, "", "a"] * 20)
    assert find_target(column).rows == 60
    numbers = pl.Series("target", [1.5, 2.5, 3.5, 5.0, float("nan")] * 20)
    table = a_table(100).with_columns(numbers)
    assert np.isnan(read_target(numbers, find_target(numbers))).sum() == 20
    profile = profile_table(table, TableRoles(target="target"))
    assert "20 rows without a target are left out" in profile.notes
    assert read_roles(table, profile)[0].height == 80


def test_wrong_names_and_types_are_answered_with_the_right_ones():
    table = a_table()
    with pytest.raises(TrainingError, match="no column `targe`; did you mean `target`"):
        profile_table(table, TableRoles(target="targe"))
    with pytest.raises(TrainingError, match="named as target and as time"):
        profile_table(table, TableRoles(target="target", time="target"))
    with pytest.raises(TrainingError, match="expected one of number, category"):
        profile_table(table, TableRoles(target="target", types={"size": "float"}))
    with pytest.raises(TrainingError, match="no column can predict"):
        profile_table(table.drop("size").with_columns(one=pl.lit(1)), TableRoles(target="target"))
    with pytest.raises(TrainingError, match="are not times"):
        profile_table(
            a_table(when=["soon", "later"] * 100), TableRoles(target="target", time="when")
        )


def test_roles_become_arrays_and_a_split():
    start = datetime.datetime(2026, 1, 1)
    table = a_table(
        at=[start + datetime.timedelta(minutes=n) for n in range(200)],
        list=["a", None] * 100,
        part=(["TRAIN"] * 8 + ["Validate", "test"]) * 20,
        w=["1", "2"] * 100,
    )
    profile = profile_table(
        table, TableRoles(target="target", time="at", group="list", weight="w", split="part")
    )
    assert [form.name for form in profile.inputs] == ["size", "at"]
    _, roles = read_roles(table, profile)
    assert len(np.unique(roles.groups)) == 101
    assert roles.weight[:2].tolist() == [1.0, 2.0]
    split, why = split_rows(roles, seed=0)
    assert (len(split.train), len(split.validation), len(split.holdout)) == (160, 20, 20)
    assert why == "by the split column"
    timed = profile_table(table.drop("part", "list"), TableRoles(target="target", time="at"))
    split, why = split_rows(read_roles(table, timed)[1], seed=0, gap_ms=60_000.0)
    assert split.kind == "chronological"
    assert "2 rows in the gap" in why


def test_roles_that_cannot_be_read_say_where():
    table = a_table(w=[1, -1] * 100, part=["train", "later"] * 100)
    weighted = profile_table(table, TableRoles(target="target", weight="w"))
    parted = profile_table(table, TableRoles(target="target", split="part"))
    with pytest.raises(TrainingError, match="row 2 holds -1"):
        read_roles(table, weighted)
    with pytest.raises(TrainingError, match='holds "later"; expected TRAIN'):
        read_roles(table, parted)


@given(st.lists(st.none() | st.integers(-5, 5) | st.floats(allow_nan=True), min_size=1))
@example([-0.0])
def test_numbers_by_type_are_read_as_their_plain_definition_reads_them(values):
    column = pl.Series("x", values, strict=False, dtype=pl.Float64)
    for kind in ("number", "boolean"):
        form = Input(name="x", type=kind)
        np.testing.assert_array_equal(read_column(column, form), read_values(form, values))
    times = Input(name="x", type="time", time_form="epoch_s")
    np.testing.assert_array_equal(read_column(column, times), read_values(times, values))


@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)))
def test_a_moment_is_the_same_however_it_is_written(moment):
    expected = (moment - datetime.datetime(1970, 1, 1)) / datetime.timedelta(milliseconds=1)
    by_type = read_column(pl.Series("x", [moment]), Input(name="x", type="time"))[0]
    assert by_type == pytest.approx(expected, abs=1e-3)
    assert moment_of(moment.isoformat(), "iso") == expected
    assert moment_of(moment.isoformat(" ") + "Z", "iso") == expected
    day = moment.date()
    whole = read_column(pl.Series("x", [day]), Input(name="x", type="time"))[0]
    assert moment_of(f"{day.month}/{day.day}/{day.year}", "month_first") == whole
    assert moment_of(f"{day:%d.%m.%Y}", "day_first") == whole


@pytest.mark.skipif(not TABLES.is_dir(), reason="../shared/data/tables is absent")
def test_real_tables_are_told_for_what_they_are():
    def profile_of(name, target="target"):
        separator = "\t" if ".tsv" in name else ","
        table = pl.read_csv(TABLES / name, separator=separator, infer_schema_length=None)
        return profile_table(table, TableRoles(target=target))

    bike = profile_of("bike_hourly.csv.gz", "cnt")
    assert (bike.target.task, bike.time) == ("regression", "dteday")
    assert bike["instant"].role == "unused"
    assert profile_of("satimage.tsv.gz").target.classes == ("1", "2", "3", "4", "5", "7")
    assert profile_of("537_houses.tsv.gz").target.task == "regression"
    for name in ("churn", "magic", "phoneme", "spambase", "credit_g"):
        assert profile_of(f"{name}.tsv.gz").target.task == "binary"
    churn = profile_of("churn.tsv.gz")
    assert churn["state"].form.type == "category"
    assert churn["phone number"].role == "unused"
