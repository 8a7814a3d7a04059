"""Columns that cannot help to predict are left out, and said to be."""

import polars as pl

from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.table_roles import TableRoles


def test_columns_left_out_are_named_with_the_reason() -> None:
    table = pl.DataFrame(
        {
            **{f"c{n}": [n] * 40 for n in range(5)},
            "key": [f"k{n * 7919 % 1000}z" for n in range(40)],
            "x": [n % 7 for n in range(40)],
            "y": [0, 1] * 20,
        }
    )
    notes = profile_table(table, TableRoles(target="y")).notes
    assert "columns `c0`, `c1`, `c2` and 2 more are left out: one value in all rows" in notes
    assert (
        "column `key` is left out: every value is different: it could only be memorised; make a "
        "part of it that matters a column"
    ) in notes
