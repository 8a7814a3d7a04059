"""Numbers as people write them: one form a column, read alike value by value and as a whole."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from liverank.automl.data.columns import read_column
from liverank.automl.profile.column_types import infer_type
from liverank.models.encoder.columns import Input, read_values
from liverank.values.number_forms import NumberForm, find_number_form, number_written


def grouped(number: int, mark: str) -> str:
    return f"{number:,}".replace(",", mark)


@pytest.mark.parametrize(
    ("text", "form", "number"),
    [
        ("1,234.50", NumberForm(), 1234.5),
        ("1,234,567", NumberForm(), 1234567.0),
        ("12,34,567.5", NumberForm(), 1234567.5),
        ("1.234,56", NumberForm(","), 1234.56),
        ("1 234,56", NumberForm(","), 1234.56),
        ("1\u00a0234,56", NumberForm(","), 1234.56),
        ("1\u2009234\u2009567", NumberForm(","), 1234567.0),
        ("1'234.5", NumberForm(), 1234.5),
        ("1\u2019234.5", NumberForm(), 1234.5),
        ("491,80", NumberForm(","), 491.8),
        (",5", NumberForm(","), 0.5),
        ("$1,234.50", NumberForm(unit="$"), 1234.5),
        ("-$5", NumberForm(unit="$"), -5.0),
        ("$-5", NumberForm(unit="$"), -5.0),
        ("($1,234)", NumberForm(unit="$"), -1234.0),
        ("1.234,50 EUR", NumberForm(",", "€"), 1234.5),
        ("£7", NumberForm(unit="£"), 7.0),
        ("¥1,000", NumberForm(unit="¥"), 1000.0),
        ("1234", NumberForm(unit="$"), 1234.0),
        ("12.5 %", NumberForm(unit="%"), 12.5),
        ("12,5%", NumberForm(",", "%"), 12.5),
        ("(1,234)", NumberForm(), -1234.0),
        ("1234-", NumberForm(), -1234.0),
        ("+7", NumberForm(), 7.0),
        ("\u22125.5", NumberForm(), -5.5),
        ("1e-60", NumberForm(), 1e-60),
    ],
)
def test_a_number_is_read_in_its_form(text: str, form: NumberForm, number: float) -> None:
    assert number_written(text, form) == number


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("1,23", NumberForm()),
        ("0,123", NumberForm()),
        ("1234,567", NumberForm()),
        ("1,234.5.6", NumberForm()),
        ("1.5", NumberForm(",")),
        ("€5", NumberForm(unit="$")),
        ("$5", NumberForm()),
        ("12.5", NumberForm(unit="%")),
        ("-(5)", NumberForm()),
        ("(5", NumberForm()),
        ("--5", NumberForm()),
        ("$5$", NumberForm(unit="$")),
        ("1 23", NumberForm()),
        ("<0.1", NumberForm()),
        ("", NumberForm()),
    ],
)
def test_another_form_is_unknown_and_never_another_number(text: str, form: NumberForm) -> None:
    assert math.isnan(number_written(text, form))


@pytest.mark.parametrize(
    ("texts", "decimal", "unit"),
    [
        (["491.80", "1,669.78"], ".", None),
        (["491", "1,669"], ".", None),
        (["1,669", "0,5"], ",", None),
        (["1,669", "12345,678"], ",", None),
        (["491,80", "1.669,78"], ",", None),
        (["1.669", "1.669.780"], ",", None),
        (["$491.80", "$1,669.78", "7"], ".", "$"),
        (["12 %", "13.5 %"], ".", "%"),
        (["12,5 €", "1.000 €"], ",", "€"),
    ],
)
def test_the_form_is_told_by_the_whole_column(
    texts: list[str], decimal: str, unit: str | None
) -> None:
    found = find_number_form(dict.fromkeys(texts, 1))
    assert found is not None
    assert found.form == NumberForm(decimal, unit)
    assert found.read == len(texts)


def test_a_column_is_a_number_in_its_form_and_a_note_says_so() -> None:
    prices = [f"${n:,}.50" for n in range(800, 1200)]
    inferred = infer_type(pl.Series("price", prices))
    assert inferred is not None
    assert inferred.form == Input(name="price", type="number", number_form=NumberForm(unit="$"))
    assert inferred.oddity is not None
    assert '"$1,199.50" is read as 1199.5' in inferred.oddity
    assert "--type price=category" in inferred.oddity
    assert read_column(pl.Series("price", prices), inferred.form).tolist() == [
        n + 0.5 for n in range(800, 1200)
    ]


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("price", [f"${n}" for n in range(30)] + [f"€{n}" for n in range(30)]),
        ("share", [f"{n} %" for n in range(30)] + [f"0.{n}" for n in range(10, 40)]),
        ("price", [f"{n},50" for n in range(30)] + [f"1,{n}.50" for n in range(100, 130)]),
        ("phone", [f"{n} 555 123" for n in range(100, 130)]),
        ("tags", ["1|2", "2|3", "1|3"] * 10),
    ],
)
def test_values_of_several_forms_units_or_names_are_no_numbers(name: str, texts: list[str]) -> None:
    inferred = infer_type(pl.Series(name, texts))
    assert inferred is not None
    assert inferred.form.type != "number"


def test_plain_numbers_keep_the_bytes_of_their_bundle() -> None:
    from liverank.models.json_array import decode_json, encode_json

    plain, written = (
        Input(name="x", type="number"),
        Input(name="x", type="number", number_form=NumberForm(",")),
    )
    assert b"number_form" not in encode_json(plain)
    assert decode_json(encode_json(written), Input, where="x") == written


@given(
    st.floats(-1e12, 1e12).map(lambda x: round(x, 2)),
    st.sampled_from([("", ""), ("$", ""), ("", " €"), ("", "%")]),
)
def test_a_number_is_the_same_in_both_decimal_forms(number: float, unit: tuple[str, str]) -> None:
    sign = "-" if number < 0 else ""
    point = f"{abs(number):,.2f}"
    comma = point.translate(str.maketrans(",.", ".,"))
    name = {"$": "$", " €": "€", "%": "%"}.get("".join(unit))
    for text, form in (
        (f"{sign}{unit[0]}{point}{unit[1]}", NumberForm(".", name)),
        (f"{sign}{unit[0]}{comma}{unit[1]}", NumberForm(",", name)),
    ):
        assert number_written(text, form) == number


written = st.text("0123456789.,' -+()$€%eE\u00a0\u2212", max_size=9) | st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-", "$", "(", "+", "€ "]),
    st.integers(0, 10**7).map(lambda n: grouped(n, ",")) | st.integers(0, 10**7).map(str),
    st.sampled_from(["", ".5", ",50", "e3"]),
    st.sampled_from(["", "%", " %", ")", "-", " EUR", "$"]),
)


@given(
    st.lists(st.none() | written, max_size=20),
    st.sampled_from([".", ","]),
    st.sampled_from([None, "$", "€", "%"]),
)
@example(["(1,234)", "-5", "5-", "$ 5", "1 234", "\x1c5", "1.", "1e400"], ".", None)
def test_a_whole_column_is_read_as_each_of_its_values(
    texts: list[str | None], decimal: str, unit: str | None
) -> None:
    form = Input(name="x", type="number", number_form=NumberForm(decimal, unit))
    found = read_column(pl.Series("x", texts, dtype=pl.String), form)
    np.testing.assert_array_equal(found, read_values(form, texts))
