"""Times as text are read all at once where they can be, and mean the same either way."""

import numpy as np
import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from liverank.automl.data.columns import read_column
from liverank.models.encoder.columns import Input, moment_of, number_of

written = st.builds(
    "{}{}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{}".format,
    st.sampled_from(["", "", "", " "]),
    st.sampled_from(["1600", "1969", "1970", "2024", "2026", "2100", "9999", "0000", "0999"]),
    st.integers(0, 13),
    st.integers(0, 32),
    st.sampled_from(["T", "t", " ", ""]),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
    st.sampled_from(["", ".5", ".123456", ".1234567", "."]),
    st.sampled_from(["", "Z", "z", "+00:00", "-0000", "+02:00", " Z", "x"]),
)
sound = st.datetimes().map(lambda at: at.isoformat())
whatever = st.none() | written | sound | st.sampled_from(["", "never", "2024-02-29", "2024-01"])


@given(st.lists(whatever, max_size=30))
@example(["2024-02-29T00:00:00", "2023-02-29T00:00:00", "1969-12-31 23:59:59.9999", None])
@example(["2024-01-31T00:00:00", "2024-04-31T00:00:00", "2024-12-30T12:00:00.000001Z"])
def test_every_text_is_the_moment_that_it_is_alone(texts):
    form = Input(name="at", type="time")
    found = read_column(pl.Series("at", texts, dtype=pl.String), form)
    expected = np.array([moment_of(text, "iso") for text in texts], np.float64)
    np.testing.assert_array_equal(found, expected)


odd_numbers = ["", "inf", "NaN", "1e300", "-3.5e38", "0x10", "1_000", "5.", ".5", "+7", "9" * 30]
numbers = (
    st.floats().map(str)
    | st.integers().map(str)
    | st.builds("{}{}".format, st.sampled_from(["", "+", "-", " "]), st.floats(0, 1e9))
    | st.text("0123456789+-.eE _,x\u0663\x1c\xa0", max_size=8)
    | st.sampled_from(odd_numbers)
)


@given(st.lists(st.none() | numbers, max_size=30))
@example(["+7", "5.", ".5", "1e5", " 3 ", "1e-400", "0.1", "123456789012345678901", None, "\x1c3"])
def test_every_text_is_the_number_that_it_is_alone(texts):
    form = Input(name="x", type="number")
    found = read_column(pl.Series("x", texts, dtype=pl.String), form)
    expected = np.array([number_of(text) for text in texts], np.float64)
    np.testing.assert_array_equal(found, expected)
