"""Times as people write them: each form gives the moment that ISO 8601 gives."""

import datetime
import email.utils
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.automl.data.columns import read_column
from liverank.automl.profile.column_types import infer_type
from liverank.automl.profile.given_types import given_types
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.report.html.numbers import day
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Input, read_values
from liverank.values.time_forms import find_time_form
from liverank.values.times import moment_of

START = datetime.datetime(1970, 1, 1)


def ms(moment: datetime.datetime) -> float:
    return (moment - START) / datetime.timedelta(milliseconds=1)


WRITERS = {
    "22-Jan-2024": ("month_name", "%d-%b-%Y"),
    "Jan 22, 2024": ("month_name", "%b %d, %Y"),
    "22 January 2024": ("month_name", "%d %B %Y"),
    "Monday, 22 January 2024 20:29:03": ("month_name", "%A, %d %B %Y %H:%M:%S"),
    "22-JAN-2024 08:29 PM": ("month_name", "%d-%b-%Y %I:%M %p"),
    "22/Jan/2024:20:29:03 +0000": ("month_name", "%d/%b/%Y:%H:%M:%S +0000"),
    "Mon Jan 22 20:29:03 2024": ("month_name", "%a %b %d %H:%M:%S %Y"),
    "20240122": ("yyyymmdd", "%Y%m%d"),
    "20240122202903": ("yyyymmdd", "%Y%m%d%H%M%S"),
    "20240122T202903": ("yyyymmdd", "%Y%m%dT%H%M%S"),
    "2024-01": ("iso", "%Y-%m"),
    "2024-01-22": ("iso", "%Y-%m-%d"),
    "2024-01-22 08:29:03 PM": ("iso", "%Y-%m-%d %I:%M:%S %p"),
    "2024-01-22T20:29:03.500000": ("iso", "%Y-%m-%dT%H:%M:%S.%f"),
    "01/22/2024 08:29:03 PM": ("month_first", "%m/%d/%Y %I:%M:%S %p"),
    "22.01.2024": ("day_first", "%d.%m.%Y"),
    "22.01.2024 20:29:03.500000": ("day_first", "%d.%m.%Y %H:%M:%S.%f"),
}


@pytest.mark.parametrize("example", WRITERS)
@given(moment=st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)))
def test_a_moment_is_read_in_every_form(example: str, moment: datetime.datetime) -> None:
    form, pattern = WRITERS[example]
    text = moment.strftime(pattern)
    meant = datetime.datetime.strptime(text, pattern)
    assert moment_of(text, form) == ms(meant)
    assert moment_of(text, pattern) == ms(meant)


@given(st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(2100, 1, 1)))
def test_dates_of_mail_and_offsets_are_read(moment: datetime.datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=datetime.UTC)
    assert moment_of(email.utils.format_datetime(whole), "month_name") == whole.timestamp() * 1000
    there = whole.astimezone(datetime.timezone(datetime.timedelta(hours=-5, minutes=-30)))
    assert moment_of(there.isoformat(), "iso") == whole.timestamp() * 1000


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("0000-00-00", "iso"),
        ("2024-13-01", "iso"),
        ("2024-00", "iso"),
        ("30-Feb-2024", "month_name"),
        ("22-Foo-2024", "month_name"),
        ("1/2/2024 13:00 PM", "month_first"),
        ("13/1/2024", "month_first"),
        ("20241301", "yyyymmdd"),
        ("2024012", "yyyymmdd"),
        ("soon", "%d/%m/%y"),
        (True, "yyyymmdd"),
        (20240122.5, "yyyymmdd"),
    ],
)
def test_what_is_no_time_is_unknown(text: object, form: str) -> None:
    assert math.isnan(moment_of(text, form))


def test_iso_dates_among_days_and_months_are_read_as_before() -> None:
    for form in ("month_first", "day_first"):
        assert moment_of("2024-01-22", form) == moment_of("2024-01-22", "iso")
    with pytest.raises(ValueError, match="no form of times"):
        Input(name="at", type="time", time_form="soon")


@pytest.mark.parametrize("example", WRITERS)
def test_a_column_of_each_form_is_a_time(example: str) -> None:
    form, pattern = WRITERS[example]
    days = [
        datetime.datetime(2024, 1, 2, 20, 29, 3) + datetime.timedelta(days=9 * n) for n in range(40)
    ]
    texts = [moment.strftime(pattern) for moment in days]
    inferred = infer_type(pl.Series("x", texts))
    assert inferred is not None
    assert (inferred.form.type, inferred.form.time_form) == ("time", form)
    expected = [ms(datetime.datetime.strptime(text, pattern)) for text in texts]
    assert read_column(pl.Series("x", texts), inferred.form).tolist() == expected
    assert read_values(inferred.form, texts).tolist() == expected


@pytest.mark.parametrize(("unit", "per_s"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_unix_times_of_every_unit_are_one_moment(unit: str, per_s: int) -> None:
    seconds = [1_705_955_343 + 3600 * n for n in range(50)]
    column = pl.Series("at", [second * per_s for second in seconds])
    for given_type in (None, "time"):
        types = given_types({} if given_type is None else {"at": given_type}, None, None)
        inferred = infer_type(column, types.get("at"))
        assert inferred is not None
        assert inferred.form.time_form == f"epoch_{unit}"
        found = read_column(column, inferred.form)
        np.testing.assert_allclose(found, np.array(seconds) * 1000.0, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "digits", [["20240122", "20240311"], ["202401", "202403"], ["2024", "2023"]]
)
def test_digits_of_a_day_that_are_named_as_time_are_no_unix_seconds(digits: list[str]) -> None:
    given_type = given_types({}, "at", None)["at"]
    for column in (pl.Series("at", digits * 20), pl.Series("at", [int(d) for d in digits] * 20)):
        inferred = infer_type(column, given_type)
        assert inferred is not None
        assert inferred.form.time_form == "yyyymmdd"
        year = datetime.datetime(2024, 1, 1)
        assert abs(read_column(column, inferred.form)[0] - ms(year)) < 32 * 86_400_000


@pytest.mark.parametrize(
    ("name", "first", "kind"),
    [
        ("tweet_id", 1_500_000_000_000_000_000, "category"),
        ("snowflake", 1_500_000_000_000_000_000, "number"),
        ("order_id", 20_240_101, "category"),
        ("created", 20_240_101, "time"),
    ],
)
def test_ids_as_large_as_times_are_no_times(name: str, first: int, kind: str) -> None:
    apart = 1 if first < 10**9 else 10**12
    inferred = infer_type(pl.Series(name, [first + n * apart for n in range(25)]))
    assert inferred is not None
    assert inferred.form.type == kind
    assert (inferred.oddity is not None) == (name == "snowflake")


def test_numbers_that_would_be_of_1970_are_said_to_be() -> None:
    inferred = infer_type(pl.Series("step", range(100)), given_types({}, "step", None)["step"])
    assert inferred is not None
    assert inferred.oddity is not None
    assert "before 1990" in inferred.oddity


@pytest.mark.parametrize(
    ("texts", "form", "reason"),
    [
        (["1/2/2024", "13/2/2024"], "day_first", "a day above 12"),
        (["1/2/2024", "2/13/2024"], "month_first", "a day above 12"),
        (["11.1.2024", "12.1.2024", "1.2.2024", "2.2.2024"], "day_first", "in the order of time"),
        (["1.11.2024", "1.12.2024", "2.1.2024", "2.2.2024"], "month_first", "in the order of time"),
        (["3/2/2024", "1/2/2024", "9/2/2024", "5/2/2024"], "day_first", "they cover 9 days"),
        (["2/3/2024", "2/1/2024", "2/9/2024", "2/5/2024"], "month_first", "they cover 9 days"),
        (["1/2/2024", "2/1/2024", "7/5/2024", "5/7/2024"], "month_first", "no value shows which"),
        (["1.2.2024", "2.1.2024", "7.5.2024", "5.7.2024"], "day_first", "no value shows which"),
    ],
)
def test_day_or_month_first_is_decided_by_the_column(
    texts: list[str], form: str, reason: str
) -> None:
    found = find_time_form(dict.fromkeys(texts, 1), 0.95)
    assert found is not None
    assert found.form == form
    assert reason in found.reason
    inferred = infer_type(pl.Series("at", texts))
    assert inferred is not None
    assert (inferred.oddity is None) == ("above 12" in reason)
    if inferred.oddity is not None:
        other = {"day_first": "month_first", "month_first": "day_first"}[form]
        assert f"--type at=time:{other}" in inferred.oddity


def test_zeros_for_a_date_are_unknown_and_counted() -> None:
    texts = [f"2024-01-{n:02}" for n in range(1, 31)] + ["0000-00-00"] * 20
    inferred = infer_type(pl.Series("since", texts))
    assert inferred is not None
    assert inferred.form.type == "time"
    assert inferred.oddity == (
        '20 of 50 values are not times ("0000-00-00") and are treated as unknown'
    )


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("odd", ["1900-01-01", "9999-12-31"])
def test_a_placeholder_far_from_all_other_times_is_unknown(odd: str, as_text: bool) -> None:
    texts = [f"2024-01-{n:02}" for n in range(1, 31)] + [odd] * 2
    at = pl.Series("since", texts) if as_text else pl.Series("since", texts).str.to_date()
    table = pl.DataFrame({"since": at, "y": [0, 1] * 16})
    profile = profile_table(table, TableRoles(target="y"))
    form = profile["since"].form
    assert f"2 of 32 values are {odd}, far from all other times" in profile.notes[0]
    for values in (read_column(table["since"], form), read_values(form, at.to_list())):
        assert np.isnan(values).tolist() == [False] * 30 + [True] * 2
    asked = profile_table(table, TableRoles(target="y", types={"since": "time"}))
    assert not np.isnan(read_column(table["since"], asked["since"].form)).any()


def test_the_year_1900_among_others_is_a_time() -> None:
    texts = [f"{year}-01-01" for year in range(1890, 1990)]
    profile = profile_table(pl.DataFrame({"born": texts, "y": [0, 1] * 50}), TableRoles(target="y"))
    assert not profile["born"].form.placeholders


def a_table(at: list[object]) -> pl.DataFrame:
    n = len(at)
    return pl.DataFrame({"at": at, "x": np.arange(n) % 7 / 3, "y": np.arange(n) % 2}, strict=False)


def test_a_form_that_is_given_wins_and_counts_what_it_cannot_read() -> None:
    at = [f"{1 + n % 12}/{1 + n // 12}/24" for n in range(60)]
    column = "values such as"
    assert column in profile_table(a_table(at), TableRoles(target="y")).notes[0]
    roles = TableRoles(target="y", time="at", time_format="%d/%m/%y")
    profile = profile_table(a_table([*at, "soon"]), roles)
    assert profile["at"].form == Input(name="at", type="time", time_form="%d/%m/%y")
    assert '1 of 61 values are not times ("soon")' in profile.notes[0]
    typed = profile_table(a_table(at), TableRoles(target="y", types={"at": "time:%m/%d/%y"}))
    assert typed["at"].form.time_form == "%m/%d/%y"
    assert typed.notes == () or "at" in typed.notes[-1]


@pytest.mark.parametrize(
    ("types", "time", "time_format", "says"),
    [
        ({"at": "time:%q"}, None, None, "times of the form `%q`; expected a pattern"),
        ({"at": "time:iso8601"}, None, None, "one of iso, month_first"),
        ({"at": "number:iso"}, None, None, "or time:FORMAT"),
        ({}, None, "%d/%m/%y", "--time-format is the form of the --time column"),
    ],
)
def test_a_form_that_there_is_not_is_an_error(
    types: dict[str, str], time: str | None, time_format: str | None, says: str
) -> None:
    with pytest.raises(TrainingError, match=says):
        given_types(types, time, time_format)


def test_a_type_that_is_given_counts_what_it_cannot_read() -> None:
    given_type = given_types({"x": "number", "b": "boolean"}, None, None)
    numbers = infer_type(pl.Series("x", ["$5"] * 3 + ["free"]), given_type["x"])
    assert numbers is not None
    assert numbers.oddity == '1 of 4 values are not numbers ("free") and are treated as unknown'
    booleans = infer_type(pl.Series("b", ["yes", "no", "maybe"]), given_type["b"])
    assert booleans is not None
    assert booleans.oddity is not None
    assert '1 of 3 values are not booleans ("maybe")' in booleans.oddity


def test_days_of_any_year_are_written_in_the_report() -> None:
    assert day(ms(datetime.datetime(2024, 1, 22, 5))) == "2024-01-22"
    assert day(1_700_000_000_000_000.0) == "55840-11-08"  # as `date -u -d @1700000000000` has it
    assert day(-86_400_000.0) == "1969-12-31"
