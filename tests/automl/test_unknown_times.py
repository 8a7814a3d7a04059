"""Values that stand for an unknown time are unknown, and reported; fractions are times too."""

import numpy as np
import polars as pl
import pytest

from liverank.automl.data.columns import read_column
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.table_roles import TableRoles


@pytest.mark.parametrize(
    "unknown", ["9999-12-31 23:59:59", "2262-04-11 23:47:16", "1900-01-01 00:00"]
)
def test_a_placeholder_may_have_a_time_of_day(unknown: str) -> None:
    at = [unknown if n % 4 == 0 else f"2024-01-{1 + n % 28:02} 08:30:00" for n in range(80)]
    profile = profile_table(pl.DataFrame({"at": at, "y": [0, 1] * 40}), TableRoles(target="y"))
    times = read_column(pl.Series("at", at), profile["at"].form)
    assert np.isnan(times).sum() == 20
    assert any(f"20 of 80 values are {unknown[:10]}" in note for note in profile.notes)
    assert profile.time is None


@pytest.mark.parametrize("unknown", [0, -1, 99_991_231, 99_999_999])
@pytest.mark.parametrize("named", [None, "at"])
def test_numbers_may_stand_for_unknown_days(unknown: int, named: str | None) -> None:
    at = [unknown if n % 4 == 0 else 20_240_101 + n % 28 for n in range(80)]
    table = pl.DataFrame({"at": at, "x": [n * 7 % 11 for n in range(80)], "y": [0, 1] * 40})
    profile = profile_table(table, TableRoles(target="y", time=named))
    form = profile["at"].form
    assert (form.type, form.time_form) == ("time", "yyyymmdd")
    assert np.isnan(read_column(table["at"], form)).sum() == 20
    assert any("20 of 80 values are" in note and "as unknown" in note for note in profile.notes)


def test_unix_times_may_have_fractions_and_minus_one_for_unknown() -> None:
    y = [0, 1] * 40
    seconds = [1_705_955_343.25 + 3_700 * n for n in range(80)]
    profile = profile_table(pl.DataFrame({"at": seconds, "y": y}), TableRoles(target="y"))
    assert (profile["at"].form.type, profile["at"].form.time_form) == ("time", "epoch_s")
    holes = [-1.0 if n % 4 == 0 else second for n, second in enumerate(seconds)]
    table = pl.DataFrame({"at": holes, "y": y})
    form = profile_table(table, TableRoles(target="y"))["at"].form
    assert form.type == "time"
    assert np.isnan(read_column(table["at"], form)).sum() == 20
