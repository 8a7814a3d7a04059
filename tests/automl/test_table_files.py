"""Tables are read from whatever file holds them, and what cannot be read says where."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.automl.data.read_table import column_names, read_batches, read_table
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.table_roles import TableRoles
from liverank.errors import SourceError

TABLES = Path(__file__).parents[3] / "shared" / "data" / "tables"

WORDS = st.text("abc, ;\t\"'\n0é", max_size=5)


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_the_separator_is_told_from_the_file(tmp_path, separator):
    path = tmp_path / "table.txt"
    rows = [["name", "size", "at"], ["a", "1", "2026-01-01"], ["b", "2", "2026-01-02"]]
    path.write_text("\n".join(separator.join(row) for row in rows))
    table = read_table(path)
    assert table.columns == ["name", "size", "at"]
    assert table.rows() == [("a", 1, "2026-01-01"), ("b", 2, "2026-01-02")]


def test_a_file_may_be_compressed_and_begin_with_a_mark(tmp_path):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfa,b\r\n1,x\r\n2,y\r\n"))
    assert read_table(path).rows() == [(1, "x"), (2, "y")]


def test_parquet_is_known_by_its_bytes(tmp_path):
    table = pl.DataFrame({"a": [1, 2], "b": [["x"], None]})
    table.write_parquet(tmp_path / "table.data")
    assert read_table(tmp_path / "table.data").equals(table)


def test_types_are_those_that_all_values_have(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(
        "whole,real,odd,code,gone,mixed\n1,1.5,1,007,,1\n-2,NA,2,123,,x\n\n,1e3,three,045,,2.5\n"
    )
    table = read_table(path)
    assert table.schema == {
        "whole": pl.Int64,
        "real": pl.Float64,
        "odd": pl.String,
        "code": pl.String,
        "gone": pl.String,
        "mixed": pl.String,
    }
    assert table["whole"].to_list() == [1, -2, None]
    assert table["real"].to_list() == [1.5, None, 1000.0]


def test_a_value_of_another_type_far_down_makes_its_column_text_and_loses_nothing(tmp_path):
    path = tmp_path / "table.csv"
    rows = [f"{n},{n / 2},x{n},NA\n" for n in range(30_000)]
    path.write_text("whole,real,text,gone\n" + "".join(rows) + "0.5,odd,7,3\n")
    table = read_table(path)
    assert table.dtypes == [pl.Float64, pl.String, pl.String, pl.Int64]
    assert table.row(-1) == (0.5, "odd", "7", 3)
    assert table.row(1) == (1.0, "0.5", "x1", None)


def test_commas_before_decimals_are_read_where_semicolons_divide(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a;b\n1,5;x\n2,25;y, z\n")
    assert read_table(path).rows() == [(1.5, "x"), (2.25, "y, z")]


@settings(max_examples=60)
@given(st.lists(st.tuples(WORDS, st.floats(allow_nan=False) | st.none()), min_size=1, max_size=20))
def test_what_polars_writes_is_read_back(tmp_path_factory, rows):
    table = pl.DataFrame(rows, schema={"text": pl.String, "x": pl.Float64}, orient="row")
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    table.with_columns(key=pl.lit("k")).write_csv(path, quote_style="non_numeric")
    again = read_table(path)
    assert again["x"].cast(pl.Float64, strict=False).to_list() == table["x"].to_list()
    if again["text"].dtype == pl.String:  # else all its values are numbers
        assert [v or None for v in again["text"]] == [v or None for v in table["text"]]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a,b\n", "has a header and no rows"),
        ("a.csv", b"a,b\n1,2\n3,4,5\n", "row 2 after the header: has more than the 2 columns"),
        ("a.csv", b"a,b,a\n1,2,3\n", "names column `a` 2 times"),
        ("a.parquet", b"PAR1 and nothing else", "cannot be read as a table"),
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:30], "it was cut"),
    ],
)
def test_what_cannot_be_read_says_where_and_what_to_do(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=says) as error:
        read_table(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    with pytest.raises(SourceError, match="is a folder"):
        read_table(tmp_path)


def test_a_byte_that_is_not_utf8_far_down_is_an_error_that_names_the_row(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"a,b\n" + b"1,some text\n" * 40_000 + b"2,caf\xe9\n")
    with pytest.raises(
        SourceError, match=r"row 40001 after the header: `b` is not UTF-8: caf\\xe9"
    ):
        read_table(path)
    assert read_table(path, ["a"]).height == 40_001


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_in_quotes_do_not_end_a_row_wherever_a_piece_ends(tmp_path, monkeypatch, end):
    monkeypatch.setattr("liverank.tables.delimited._PIECE_BYTES", 64)
    monkeypatch.setattr("liverank.tables.compressed._BLOCK", 16)
    path = tmp_path / "table.csv"
    rows = [(n, f'line {n}{end}and "more"' if n % 3 else "", n / 4) for n in range(50)]
    text = "".join(f'{n},"{t.replace(chr(34), chr(34) * 2)}",{x}{end}' for n, t, x in rows)
    path.write_text(f"n,text,x{end}{text}", newline="")
    expected = [(n, text, x) for n, text, x in rows]
    assert read_table(path).rows() == expected
    pieces = list(read_batches(path, 5))
    assert len(pieces) > 1
    assert pl.concat(pieces)["text"].to_list() == [text for _, text, _ in rows]


@pytest.mark.skipif(not TABLES.is_dir(), reason="../shared/data/tables is absent")
def test_real_tables_are_read_whole():
    sizes = {
        "537_houses.tsv.gz": (20640, 9),
        "bike_hourly.csv.gz": (17379, 15),
        "churn.tsv.gz": (5000, 21),
        "credit_g.tsv.gz": (1000, 21),
        "magic.tsv.gz": (19020, 11),
        "phoneme.tsv.gz": (5404, 6),
        "satimage.tsv.gz": (6435, 37),
        "spambase.tsv.gz": (4601, 58),
    }
    for name, shape in sizes.items():
        table = read_table(TABLES / name)
        assert table.shape == shape
        separator = "\t" if ".tsv" in name else ","
        plain = pl.read_csv(TABLES / name, separator=separator, infer_schema_length=None)
        for column in plain.select(pl.selectors.numeric()).columns:
            np.testing.assert_array_equal(table[column].to_numpy(), plain[column].to_numpy())
    assert (
        profile_table(read_table(TABLES / "churn.tsv.gz"), TableRoles(target="target")).target.rows
        == 5000
    )


def test_some_columns_are_read_as_they_are_in_the_whole_table(tmp_path: Path) -> None:
    text = "a,b,c\n1,x,\n2,,3.5\n,y,\n"
    (tmp_path / "t.csv").write_text(text)
    whole = read_table(tmp_path / "t.csv")
    whole.write_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        assert column_names(tmp_path / name) == ["a", "b", "c"]
        some = read_table(tmp_path / name, ["c", "b", "absent"])
        assert some.equals(whole.select("b", "c"))
    assert read_table(tmp_path / "t.csv", ["c"])["c"].to_list() == [3.5]
