"""Time spans, times of day, structs and vectors are numbers, or are left out with a note."""

import datetime

import numpy as np
import polars as pl
import pytest

from liverank import automl
from liverank.automl.data.columns import read_column, read_columns
from liverank.automl.data.nested_columns import taken_apart, with_parts
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.profile.task import find_target
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Input, read_values
from liverank.models.encoder.nested_values import part_of

N = 60
SECONDS = [None, 0.5, 90.0, 3600.25] * (N // 4)
SPANS = [None if s is None else datetime.timedelta(seconds=s) for s in SECONDS]
TIMES = [
    None if s is None else (datetime.datetime.min + datetime.timedelta(seconds=s)).time()
    for s in SECONDS
]
NUMBER = Input(name="x", type="number")


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_time_spans_are_their_seconds(unit: str) -> None:
    column = pl.Series("x", SPANS, dtype=pl.Duration(unit))
    expected = np.array([np.nan if s is None else s for s in SECONDS])
    np.testing.assert_array_equal(read_column(column, NUMBER), expected)
    np.testing.assert_array_equal(read_values(NUMBER, SPANS), expected)


def test_times_of_day_are_seconds_since_midnight() -> None:
    expected = np.array([np.nan if s is None else s for s in SECONDS])
    np.testing.assert_array_equal(read_column(pl.Series("x", TIMES), NUMBER), expected)
    np.testing.assert_array_equal(read_values(NUMBER, TIMES), expected)


def a_table() -> pl.DataFrame:
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(N, 3))
    return pl.DataFrame(
        {
            "place": [{"city": f"c{n % 3}", "at": {"lat": n / 7}} for n in range(N)],
            "embedding": vectors.tolist(),
            "tags": [["a", "b"][: n % 3] for n in range(N)],
            "uneven": [[0.5] * (1 + n % 2) for n in range(N)],
            "raw": [bytes([n]) for n in range(N)],
            "span": SPANS,
            "y": [n % 2 for n in range(N)],
        }
    ).with_columns(fixed=pl.Series(vectors.tolist(), dtype=pl.Array(pl.Float32, 3)))


PARTS = {
    "place.city",
    "place.at.lat",
    "embedding_0",
    "embedding_1",
    "embedding_2",
    "fixed_0",
    "fixed_1",
    "fixed_2",
}


def test_structs_and_vectors_are_columns_of_their_parts() -> None:
    table = a_table()
    apart = taken_apart(table)
    assert set(apart.columns) == PARTS | {"tags", "uneven", "raw", "span", "y"}
    assert apart["embedding_2"].to_list() == [vector[2] for vector in table["embedding"].to_list()]
    assert apart["place.at.lat"].to_list() == [n / 7 for n in range(N)]
    again = with_parts(table, PARTS)
    values = {name: table[name].to_list() for name in table.columns}
    for name in PARTS:
        assert again[name].to_list() == apart[name].to_list() == list(part_of(values, name) or ())


def test_a_batch_without_known_vectors_has_the_columns_all_the_same() -> None:
    batch = a_table().with_columns(embedding=pl.lit(None, pl.List(pl.Float64)))
    values = read_columns(batch, [Input(name="embedding_1", type="number")])["embedding_1"]
    assert np.isnan(values).all()
    assert part_of({"embedding": [None, [0.5]]}, "embedding_1") == [None, None]
    assert part_of({"other": [1]}, "embedding_1") is None


def test_a_column_of_the_same_name_is_never_replaced() -> None:
    table = pl.DataFrame({"v": [[0.5], [0.25]], "v_0": [1, 2]})
    assert taken_apart(table).equals(table)
    assert with_parts(table, ["v_0"]).equals(table)


def test_what_no_model_reads_is_left_out_with_a_note() -> None:
    profile = profile_table(taken_apart(a_table()), TableRoles(target="y"))
    assert profile["raw"].role == "unused"
    assert profile["span"].form.type == "number"
    assert [note for note in profile.notes if "`raw`: left out" in note and "write them as" in note]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (SPANS, r"is a time span \(such as 0:00:00.500000\); write it as a number"),
        (TIMES, "is a time of day"),
        ([datetime.date(2024, 1, 1 + n % 28) for n in range(N)], "is a date or time"),
        ([f"{1990 + n}-01-{1 + n % 28:02}" for n in range(150)], "is a date or time"),
    ],
)
def test_a_target_of_times_says_what_to_write(values: list[object], says: str) -> None:
    with pytest.raises(TrainingError, match=says):
        find_target(pl.Series("y", values))


def test_a_model_reads_nested_rows_as_it_was_trained(tmp_path) -> None:
    table = a_table().with_columns(
        y=pl.Series([int(v[1] > 0) for v in a_table()["fixed"].to_list()])
    )
    result = automl.fit(table, target="y", budget_s=3, families=["linear"])
    result.save(tmp_path / "m.bundle", created_ms=0)
    bundle = automl.load(tmp_path / "m.bundle")
    rows = {name: table[name].to_list() for name in table.columns}
    np.testing.assert_allclose(bundle.predict(rows), result.predict(table))
