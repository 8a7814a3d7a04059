"""One decision on the kind of values serves columns of tables and fields of events."""

import polars as pl
import pytest

from liverank.automl.profile.column_types import infer_type
from liverank.events.schema.field_types import profile_field


@pytest.mark.parametrize(
    ("name", "values", "of_table", "of_event"),
    [
        ("price", [1.5, 2.0], "number", "number"),
        ("viewers", [3, 400, 1200], "number", "number"),
        ("starts", [1_795_428_000_000] * 3, "time", "time"),
        ("starts", ["2026-11-23T10:00:00Z"] * 3, "time", "time"),
        ("language", ["en", "de"] * 20, "category", "category"),
        ("device", [1, 3, 4] * 30, "category", "category"),
        # Where they differ, models trained on events keep their features:
        ("seen", [0, 1, 1], "boolean", "number"),
        ("time", [1_700_000_000, 1_700_000_060], "time", "number"),
        ("starts", [3_000_000_000_000] * 3, "number", "time"),
        ("age", ["12", "13", "14"], "number", "category"),
        ("state", [1, 2, 3], "category", "number"),
        ("hash", [f"{n:032x}" for n in range(10, 110)], "category", "key"),
        ("title", ["AI tonight", "Music now", "News"], "category", "text"),
    ],
)
def test_a_column_and_a_field_of_the_same_values_have_the_kind_that_is_owed(
    name: str, values: list[object], of_table: str, of_event: str
) -> None:
    inferred = infer_type(pl.Series(name, values))
    assert inferred is not None
    assert inferred.form.type == of_table
    assert profile_field(name, values).guess == of_event
