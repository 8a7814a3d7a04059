"""Files as people write them are read, or refused with what they are and where; never half."""

import csv
import gzip
import io
import json
import os

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.automl.data.read_table import column_names, read_batches, read_file, read_table
from liverank.cli import main
from liverank.errors import SourceError
from liverank.tables.quotes import _one_by_one, find_quotes
from liverank.tables.table_file import TableFile

ROWS = [(1.5, "a", 1), (-2.5, "b", 0), (0.25, "a, b", 1)]
BODY = '1.5,a,1\n-2.5,b,0\n0.25,"a, b",1\n'


def file_of(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path, content, name="table.csv"):
    """The names, the rows, and what is said of a file; by one reading and by pieces alike."""
    file = TableFile(file_of(tmp_path, content, name))
    table = read_file(file)
    said = file.notes, file.warnings
    pieces = pl.concat(list(read_batches(file, 2)))
    assert (file.notes, file.warnings) == said
    assert pieces.columns == table.columns
    assert pieces.height == table.height
    return table.columns, table.rows(), [*said[0], *said[1]]


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# exported 2024-01-01\n",
        "# one\n# two, with, commas\n#\n",
        "Sales of May\n",
        "Sales of May\nby,Ann\n\n",
        "\n\n",
        ",,\n",
        "sep=,\n",
        '"sep=,"\n',
    ],
)
def test_what_stands_before_the_header_is_passed_over(tmp_path, before):
    names, rows, said = read(tmp_path, f"{before}x,c,y\n{BODY}")
    assert (names, rows) == (["x", "c", "y"], ROWS)
    is_said = any(character.isalnum() for character in before) and "sep=" not in before
    assert [("before the header" in each) for each in said] == [True] * is_said


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("#chrom,at\nchr1,5\nchr2,7\n", ["#chrom", "at"]),
        ("#id\n5\n7\n", ["#id"]),
        ("#,name\n1,a\n2,b\n", ["#", "name"]),
        ("first,second\na,b\nc,d\n", ["first", "second"]),
        ("a,b,c\n1\n2\n3\n", ["a", "b", "c"]),
        ("1,2\n3,4\n5,6\n", ["1", "2"]),
    ],
)
def test_a_first_line_that_may_be_the_header_is_the_header(tmp_path, text, names):
    path = file_of(tmp_path, text)
    assert column_names(path) == names
    assert read_table(path).height == text.count("\n") - 1


def test_a_column_called_as_the_numbers_of_rows_keeps_its_values(tmp_path):
    path = file_of(tmp_path, "#,name\n7,a\n8,b\n")
    assert read_table(path).rows() == [(7, "a"), (8, "b")]
    assert pl.concat(list(read_batches(path, 1))).rows() == [("7", "a"), ("8", "b")]
    read_table(path).write_parquet(tmp_path / "t.parquet")
    assert pl.concat(list(read_batches(tmp_path / "t.parquet"))).rows() == [(7, "a"), (8, "b")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_line_ends_encodings_and_separators_are_detected(tmp_path, end, encoding, separator):
    mark = "\ufeff" if encoding[-2:] in ("le", "be") else ""
    rows = ["x", "c", '"n\n2"'], ["1", '"a;b,c|d"', "ä"], ["2", '"\nü"', '"say ""hi"""'], ["3"] * 3
    text = mark + "".join(separator.join(row) + end for row in rows)
    names, rows, said = read(tmp_path, text.encode(encoding), "table.txt")
    assert names == ["x", "c", "n\n2"]
    assert rows == [(1, "a;b,c|d", "ä"), (2, "\nü", 'say "hi"'), (3, "3", "3")]
    assert said == []


def test_a_header_may_hold_line_ends_and_be_long(tmp_path):
    names = [f"column {n}\nof {'very ' * 100} many" for n in range(1100)]
    text = ",".join(f'"{name}"' for name in names) + "\n" + ",".join(["1"] * 1100) + "\n"
    path = file_of(tmp_path, text)
    assert len(text) > 2 * (1 << 18)
    assert column_names(path) == names
    assert read_table(path).shape == (1, 1100)


@pytest.mark.parametrize("value", ['5" pipe', '5", 6" and 7"', 'a "b" c'])
def test_a_quote_within_an_unquoted_value_is_a_character(tmp_path, monkeypatch, value):
    monkeypatch.setattr("liverank.tables.delimited._PIECE_BYTES", 32)
    monkeypatch.setattr("liverank.tables.compressed._BLOCK", 16)
    value = value.replace(",", ".")
    text = "".join(f'{n},{value},"q, {n}"\n' for n in range(30))
    _, rows, _ = read(tmp_path, f"n,text,q\n{text}")
    assert rows == [(n, value, f"q, {n}") for n in range(30)]


def test_blanks_before_a_quote_belong_to_no_value(tmp_path):
    _, rows, _ = read(tmp_path, 'x, c, y\n1, "a, b", 2\n3, "c", 4\n')
    assert rows == [(1, "a, b", 2), (3, "c", 4)]


@pytest.mark.parametrize("rows_before", [3, 40_000])
@pytest.mark.parametrize("after", ["4,d\n5,e\n", '4,"d"\n5,"e, f"\n', '4,"d"\n5,e'])
def test_a_quote_that_is_not_closed_is_told_by_its_line(tmp_path, rows_before, after):
    plain = "".join(f'{n},"some ""more"" text"\n' for n in range(rows_before))
    path = file_of(tmp_path, f'x,c\n{plain}3,"c\n{after}')
    with pytest.raises(SourceError, match=f"line {rows_before + 2}: the quote that opens here"):
        read_table(path)


def test_a_header_whose_quote_is_not_closed_is_told_by_its_line(tmp_path):
    path = file_of(tmp_path, '# of May\nx,"c,y\n1,a,2\n3,b,4\n')
    with pytest.raises(SourceError, match="line 2: the quote that opens here is not closed"):
        read_table(path)


def test_a_quote_within_a_name_is_a_character(tmp_path):
    names, rows, _ = read(tmp_path, 'size 5",x\n1,2\n')
    assert (names, rows) == (['size 5"', "x"], [(1, 2)])


def test_values_may_be_very_long(tmp_path):
    long = "word, and\nmore " * 50_000
    _, rows, said = read(tmp_path, f'x,text,y\n1,"{long}",2\n3,b,4\n' + "5,c,6\n" * 20)
    assert rows[:2] == [(1, long, 2), (3, "b", 4)]
    assert said == []


def test_text_after_a_closing_quote_is_told_by_its_line(tmp_path):
    path = file_of(tmp_path, 'x,c\n1,a\n2,"say "hi""\n')
    with pytest.raises(SourceError, match="line 3: a quote closes before its value ends"):
        read_table(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"x": 1, "y": 2}\n{"x": 2, "y": 3}\n', "is JSON, not CSV"),
        ('[{"x": 1, "y": 2},\n {"x": 2, "y": 3}]', "is JSON, not CSV"),
        ('{\n  "x": [1, 2],\n  "y": [3, 4]\n}\n', "is JSON, not CSV"),
        ("[[1, 2], [3, 4]]", "is JSON, not CSV"),
        ("<!DOCTYPE html><html><body><table>", "is HTML or XML"),
        (b"PK\x03\x04 and more", "is a zip file or a workbook"),
        (gzip.compress(b"x,y\n1,2\n", mtime=0), "is compressed by gzip; name it .csv.gz"),
        ("x,y\n1,2\n".encode("utf-32"), "is UTF-32; save it in UTF-8"),
        ("x,y\n1,2\n".encode("utf-16-le"), "not text in UTF-8"),
        ("x,y\n1,2\n".encode("utf-16")[:-1], "its UTF-16 is broken"),
        ("x,y\n1,2,3\n4,5,6\n", r"fewer names \(2\) than most rows have values \(3\)"),
        ("x,y\n" + "1,2\n" * 9 + "4,5,6\n", "row 10 after the header: has more than the 2"),
    ],
)
def test_what_is_no_table_is_told_by_what_it_is(tmp_path, content, says):
    with pytest.raises(SourceError, match=says) as error:
        read_table(file_of(tmp_path, content))
    assert str(tmp_path / "table.csv") in str(error.value)


@pytest.mark.parametrize("rows_before", [3, 60_000])
def test_a_byte_that_is_not_utf8_is_told_by_its_place_with_the_cure(tmp_path, rows_before):
    path = file_of(tmp_path, b"x,c\n" + b"1,abc\n" * rows_before + "2,Köln\n".encode("latin-1"))
    place = "line 5" if rows_before == 3 else "row 60001 after the header"
    with pytest.raises(SourceError, match=rf"{place}.*iconv -f latin1 -t utf-8 table.csv"):
        read_table(path)
    with pytest.raises(SourceError, match=place):
        list(read_batches(path, 1000))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_without_a_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="is a pipe, which cannot be read twice; save it"):
        TableFile(tmp_path / "pipe")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_among_the_rows_is_left_out_with_a_warning(tmp_path, end, mark):
    half = f"x,c,y{end}1.5,a,1{end}-2.5,x,0{end}"
    names, rows, said = read(tmp_path, mark + half + mark + half + mark + half)
    assert names == ["x", "c", "y"]
    assert rows == [(1.5, "a", 1), (-2.5, "x", 0)] * 3
    assert said == [
        "2 rows repeat the header (row 3 after the header, for instance), as where files are put "
        "together; they are left out"
    ]
    some = read_table(tmp_path / "table.csv", ["c"])
    assert some["c"].to_list() == ["a", "x"] * 3


def test_a_value_that_is_its_columns_name_is_a_value(tmp_path):
    _, rows, said = read(tmp_path, "c,d\nc,1\nc,2\nd,d\n")
    assert rows == [("c", "1"), ("c", "2"), ("d", "d")]
    assert said == []
    assert read_table(file_of(tmp_path, "c\na\nc\n"))["c"].to_list() == ["a", "c"]


def test_rows_with_too_few_values_are_counted(tmp_path):
    _, rows, said = read(tmp_path, 'x,c,y\n1,"a,\n",2\n3\n\n4,b\n5,c,6\n')
    assert rows == [(1, "a,\n", 2), (3, None, None), (4, "b", None), (5, "c", 6)]
    assert said == [
        "2 rows have fewer values than the header has names (row 2 after the header, for "
        "instance); the last values are unknown"
    ]
    assert read(tmp_path, "x,c,y\n1,,\n2,b,\n")[2] == []


def test_a_separator_at_the_end_of_each_line_adds_nothing_but_an_empty_column(tmp_path):
    names, rows, said = read(tmp_path, "x,c,\n1,a,\n2,b,\n")
    assert (names, rows) == (["x", "c", "column_3"], [(1, "a", None), (2, "b", None)])
    assert said == []
    assert read(tmp_path, "x,c\n1,a,\n2,b,\n3,c,\n4,d\n5,e\n6,f\n7,g\n")[1][0] == (1, "a")


def test_names_are_stripped_and_empty_ones_get_numbers(tmp_path):
    assert column_names(file_of(tmp_path, " x , ,column_2\n1,2,3\n")) == [
        "x",
        "column_2_",
        "column_2",
    ]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (["1750000000000000000", "-3", ""], pl.Int64),
        (["18446744073709551615", "0", "NA"], pl.UInt64),
        (["1750000000000000000", "1750000000000000001.5"], pl.String),
        (["340282366920938463463374607431768211455", "1"], pl.String),
        (["9007199254740993", "1.5"], pl.String),
        (["9007199254740991", "1.5"], pl.Float64),
        ([" 12 ", "7"], pl.Int64),
        (["1e300", "1"], pl.Float64),
    ],
)
def test_whole_numbers_keep_every_digit(tmp_path, values, dtype):
    text = "".join(f"{value},k\n" for value in values)
    table = read_table(file_of(tmp_path, f"id,k\n{text}"))
    assert table["id"].dtype == dtype
    if dtype in (pl.Int64, pl.UInt64):
        known = [int(value) for value in values if value.strip().lstrip("-").isdigit()]
        assert table["id"].drop_nulls().to_list() == known


TEXTS = st.text("abc ,;|\t\"\n'0#é", max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(st.just("k"), TEXTS, TEXTS), min_size=1, max_size=12),
    separator=st.sampled_from(",;|\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quotes_all=st.booleans(),
    at_once=st.integers(1, 5),
)
def test_what_pythons_csv_writes_is_read(
    rows, separator, end, quotes_all, at_once, tmp_path_factory
):
    written = io.StringIO()
    # a quoted name, so that tabs come with quotes
    written.write(separator.join(['"key"', '"one"', '"two"']) + end)
    # the writer leaves line ends without quotes that are not its own
    quoting = csv.QUOTE_ALL if quotes_all or end == "\r" else csv.QUOTE_MINIMAL
    writer = csv.writer(written, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerows(rows)
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    path.write_bytes(written.getvalue().encode())
    file = TableFile(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("liverank.tables.delimited._PIECE_BYTES", 16)
        patch.setattr("liverank.tables.compressed._BLOCK", 8)
        table = pl.concat(list(file.pieces(at_once)))
    assert [tuple(value or "" for value in row) for row in table.rows()] == rows
    assert (file.notes, file.warnings) == ((), ())


@pytest.mark.parametrize("text", ["1,a,2\n", '1,"a\n",2\n"b"', '"a,1\n', "\n\n", '"""",1\n"x"'])
@pytest.mark.parametrize("more", ["", '5" x,7\n', ', "blank"\n', '"open'])
def test_quotes_in_pairs_and_one_by_one_are_the_same(text, more):
    whole = (text + more).encode()
    at = [n for n, byte in enumerate(whole) if byte == ord('"')]
    quick = find_quotes(whole, ",", "\n")
    slow = _one_by_one(whole, at, b",", b"\n")
    assert quick[:4] == slow[:4]


def test_a_wide_file_asks_each_column_a_few_times_at_most(tmp_path, monkeypatch):
    calls = {"schema": 0, "columns": 0}
    for name in calls:
        plain = getattr(pl.DataFrame, name)

        def counted(self, name=name, plain=plain):
            calls[name] += 1
            return plain.fget(self)

        monkeypatch.setattr(pl.DataFrame, name, property(counted))
    names = [f"c{n}" for n in range(600)]
    path = file_of(tmp_path, ",".join(names) + "\n" + (",".join(["1.5"] * 600) + "\n") * 3)
    assert read_table(path).shape == (3, 600)
    # each call builds all of the names, so that one a column makes the time quadratic
    assert max(calls.values()) < 100


def test_the_note_and_the_warning_of_a_file_are_on_the_terminal(tmp_path, capsys):
    text = "# of May\nx,y\n" + "".join(f"{n % 7},{n % 2}\n" for n in range(60)) + "x,y\n3,1\n"
    path = file_of(tmp_path, text)
    words = ["--target", "y", "--budget", "1s", "--out", str(tmp_path / "m")]
    assert main(["automl", str(path), *words]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    words = [str(tmp_path / "m"), str(path), "--score", "--json"]
    assert main(["predict", *words]) == 0
    later = json.loads(capsys.readouterr().out)
    assert later["rows"] == 61
    assert [each in printed for each in later["notes"] + later["warnings"]] == [True, True]
    assert 'Note: 1 line stands before the header and is passed over, such as "# of May"' in printed
    assert "Warning: 1 row repeats the header (row 61 after the header, for instance)" in printed
