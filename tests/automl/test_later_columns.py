"""What is odd about later rows is reported, with the count, an example and what to do."""

import numpy as np
import polars as pl
import pytest

from liverank.automl.data.columns import read_columns
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.evaluation.later_columns import LaterColumns
from liverank.automl.preprocessing.encoder import fit_transform, take_rows
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.table_roles import TableRoles

N = 200
TRAIN = pl.DataFrame(
    {
        "price": [f"{n + 0.5}" for n in range(N)],
        "city": ["Ulm", "Bonn", "Kiel", "Rome"] * (N // 4),
        "at": [f"2024-{1 + n % 12:02}-{1 + n % 28:02}" for n in range(N)],
        "ok": ["yes", "no"] * (N // 2),
        "y": [n * 7 % 3 % 2 for n in range(N)],
    }
)


@pytest.fixture(scope="module")
def later_columns():
    profile = profile_table(TRAIN, TableRoles(target="y"))
    columns = read_columns(TRAIN, profile.inputs)
    encoder, _ = fit_transform(
        columns, profile.inputs, TrainingTarget(TRAIN["y"].to_numpy().astype(float))
    )

    def check(*batches: pl.DataFrame) -> LaterColumns:
        later = LaterColumns(encoder, take_rows(columns, np.arange(0, N, 10)), profile.columns)
        for batch in batches:
            later.add(batch, read_columns(batch, encoder.inputs))
        return later

    return check


def test_rows_as_in_training_raise_no_warning(later_columns) -> None:
    later = later_columns(TRAIN.head(100), TRAIN.tail(100))
    assert later.warnings() == later.notes() == []
    some = pl.int_range(N) % 2 == 0
    holes = TRAIN.with_columns(
        price=pl.when(some).then("price"), ok=pl.when(some).then("ok").otherwise(pl.lit("n/a"))
    )
    assert later_columns(holes).warnings() == []


@pytest.mark.parametrize(("name", "empty"), [("price", None), ("city", ""), ("ok", "n/a")])
def test_a_column_that_is_empty_now_is_reported(later_columns, name: str, empty) -> None:
    holes = TRAIN.with_columns(pl.lit(empty, pl.String).alias(name))
    assert later_columns(holes).warnings() == [
        f"column `{name}`: 200 of 200 values are empty, and in training most were not: see that "
        "the column is filled where the rows come from"
    ]
    assert later_columns(holes.head(5)).warnings() == []


@pytest.mark.parametrize("written", ["1,234.50", "1234,50", "$1234.50"])
def test_numbers_in_another_form_are_counted(later_columns, written: str) -> None:
    batch = TRAIN.head(50).with_columns(price=pl.lit(written))
    (warning,) = later_columns(batch, batch).warnings()
    assert warning == (
        f'column `price`: 100 of 100 values are not numbers ("{written}") and are treated as '
        "unknown; in training none was: write them as in the training table"
    )


def test_few_unread_values_are_a_note_where_training_had_such(later_columns) -> None:
    one = TRAIN.with_columns(
        price=pl.when(pl.int_range(N) == 7).then(pl.lit("free")).otherwise("price")
    )
    later = later_columns(one)
    assert later.warnings() == []
    assert later.notes() == [
        'column `price`: 1 of 200 values are not numbers ("free") and are treated as unknown, as '
        "in training"
    ]


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("at", "22.01.2024", '200 of 200 values are not times ("22.01.2024")'),
        ("at", "1970-01-20", "200 of 200 times are far from those of training, such as 1970-01-20"),
        ("ok", "ja", '200 of 200 values are not booleans ("ja")'),
        (
            "city",
            "ULM",
            '200 of 200 values are levels that training never or rarely saw, such as "ULM"',
        ),
    ],
)
def test_times_booleans_and_levels_of_another_spelling_are_warned_of(
    later_columns, column: str, value: str, says: str
) -> None:
    (warning,) = later_columns(TRAIN.with_columns(pl.lit(value).alias(column))).warnings()
    assert warning.startswith(f"column `{column}`: ")
    assert says in warning


def test_some_new_levels_and_later_times_are_no_reason_to_warn(later_columns) -> None:
    batch = TRAIN.with_columns(
        city=pl.when(pl.int_range(N) % 2 == 0).then(pl.lit("Oslo")).otherwise("city"),
        at=pl.lit("2026-05-01"),
    )
    assert later_columns(batch).warnings() == []


def test_a_category_that_is_unknown_in_the_first_rows_is_read(later_columns) -> None:
    holes = TRAIN.with_columns(
        city=pl.when(pl.int_range(N) < 5).then(None).otherwise(pl.lit("Bonn"))
    )
    assert later_columns(holes, holes.with_columns(city=pl.lit(None, pl.String))).warnings() == []


def test_new_ids_are_a_note_since_they_come_all_the_time(later_columns) -> None:
    later = later_columns(TRAIN.with_columns(city=pl.format("u{}", pl.int_range(N))))
    assert later.warnings() == []
    (note,) = later.notes()
    assert '200 of 200 values are levels that training never or rarely saw, such as "u0"' in note
