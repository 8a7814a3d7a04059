"""Tables and rows are taken in whatever form people hold them, and mean the same in each."""

import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from liverank import automl
from liverank.automl.data.table_input import frame_of
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.table_roles import TableRoles
from liverank.errors import LiverankError, ServingError, TrainingError
from liverank.models.encoder.columns import Input
from liverank.models.encoder.rows import read_rows

N = 120


def table():
    draw = np.random.default_rng(0)
    x = draw.normal(size=N)
    x[::10] = np.nan
    return pl.DataFrame(
        {
            "x": pl.Series(x).fill_nan(None),
            "c": [None if n % 11 == 0 else "ab"[n % 2] for n in range(N)],
            "flag": draw.random(N) < 0.5,
            "id": draw.integers(0, 5, N) + 2**60,
            "at": [datetime.datetime(2026, 1, 1) + datetime.timedelta(hours=n) for n in range(N)],
            "tags": [["p", "q"][: n % 3] for n in range(N)],
            "y": np.nan_to_num(x) > 0,
        }
    )


@pytest.fixture(scope="module")
def found():
    result = automl.fit(table(), target="y", budget_s=1, families=["linear"])
    assert {form.name for form in result.predictor.encoder.inputs} >= {"x", "c", "tags"}
    return result


def pandas_of(frame):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({name: frame[name].to_list() for name in frame.columns})


def arrow_of(frame):
    pytest.importorskip("pyarrow")
    return frame.to_arrow()


class Stream:
    """Has nothing but the Arrow interface."""

    def __init__(self, frame):
        self._frame = frame

    def __arrow_c_stream__(self, schema=None):
        return self._frame.__arrow_c_stream__(schema)


FORMS = {
    "lazy": lambda frame: frame.lazy(),
    "lists": lambda frame: frame.to_dict(as_series=False),
    "series": lambda frame: frame.to_dict(),
    "records": lambda frame: frame.to_dicts(),
    "pandas": pandas_of,
    "pandas series": lambda frame: dict(pandas_of(frame)),
    "arrow": arrow_of,
    "arrow columns": lambda frame: dict(zip(frame.columns, arrow_of(frame).columns, strict=True)),
    "tuples": lambda frame: {name: tuple(frame[name]) for name in frame.columns},
    "arrays": lambda frame: {
        name: frame[name].to_list() if name == "tags" else frame[name].to_numpy()
        for name in frame.columns
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_the_same_in_every_form(form):
    frame = frame_of(FORMS[form](table()))
    assert frame.columns == table().columns
    for name in table().columns:
        column = frame[name].fill_nan(None) if frame[name].dtype == pl.Float64 else frame[name]
        assert column.to_list() == table()[name].to_list(), name


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_predicted_alike_in_every_form(form, found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "a.bundle"
    found.save(str(folder), created_ms=0)
    bundle = automl.load(str(folder))
    expected = found.predict(table())
    rows = FORMS[form](table().drop("y"))
    assert found.predict(rows).tolist() == expected.tolist()
    assert bundle.predict(rows).tolist() == expected.tolist()
    assert bundle.predict(table()).tolist() == expected.tolist()
    names, parts = found.explain(rows)
    assert parts.effects.shape == (N, len(names), 1)


def test_one_row_is_a_dict_of_its_values(found, tmp_path):
    found.save(tmp_path / "a.bundle", created_ms=0)
    bundle = automl.load(Path(tmp_path / "a.bundle"))
    expected = found.predict(table())
    for number in (0, 1, 2, 11):
        row = table().drop("y").row(number, named=True)
        assert bundle.predict(row).tolist() == [expected[number]]
        assert found.predict([row]).tolist() == [expected[number]]
        assert found.predict(row).tolist() == [expected[number]]
    assert bundle.predict([]).tolist() == []
    assert bundle.predict(table().head(0)).tolist() == []


@pytest.mark.parametrize("end", ["parquet", "csv"])
def test_a_path_may_be_text(end, found, tmp_path):
    found.save(tmp_path / "a.bundle", created_ms=0)
    bundle = automl.load(tmp_path / "a.bundle")
    rows = table().with_columns(pl.col("tags").list.join(",")) if end == "csv" else table()
    path = tmp_path / f"t.{end}"
    rows.write_csv(path) if end == "csv" else rows.write_parquet(path)
    expected = found.predict(rows)
    for given in (path, str(path)):
        assert found.predict(given).tolist() == pytest.approx(expected.tolist(), rel=1e-12)
        assert bundle.predict(given).tolist() == pytest.approx(expected.tolist(), rel=1e-12)


def test_a_search_takes_other_forms_and_a_path_as_text(tmp_path):
    table().drop("tags").write_csv(tmp_path / "t.csv")
    for given in (pandas_of(table()), table().to_dicts(), str(tmp_path / "t.csv")):
        result = automl.fit(given, target="y", budget_s=1, families=["linear"])
        assert result.report.asked.classes == ("false", "true")


def test_an_object_with_the_arrow_interface_is_a_table(found):
    assert frame_of(Stream(table())).equals(table())
    assert found.predict(Stream(table())).tolist() == found.predict(table()).tolist()


def test_a_structured_array_is_a_table():
    array = np.array([(1, 2.5, "a"), (3, np.nan, "b")], [("n", "i8"), ("x", "f8"), ("c", "U1")])
    assert frame_of(array).select("n", "c").rows() == [(1, "a"), (3, "b")]
    read = read_rows(array, [Input(name="x", type="number"), Input(name="c", type="category")])
    assert read["c"].tolist() == ["a", "b"]
    assert read["x"][0] == 2.5


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2.5, None], [1.0, 2.5, None]),
        ([1, "a", 2.0, None, True], ["1", "a", "2", None, "true"]),
        ([2**63 + 1, -1], [2**63 + 1, -1]),
        ([2**130, -1], [str(2**130), "-1"]),
        ([2**60 + 1, 0.5], [str(2**60 + 1), "0.5"]),
        ([Decimal("0.5"), Decimal(3)], [0.5, 3.0]),
        ([np.float32(0.5), np.int64(3)], [0.5, 3.0]),
        ([np.True_, None], [True, None]),
        ([], []),
        ([None, None], [None, None]),
    ],
)
def test_mixed_values_lose_nothing(values, expected):
    column = frame_of({"v": values})["v"]
    assert column.to_list() == expected


def test_columns_of_pandas_keep_their_values():
    pandas = pytest.importorskip("pandas")
    moment = pandas.Timestamp("2026-03-01 12:00")
    zoned = moment.tz_localize("Europe/Berlin")
    frame = frame_of(
        pandas.DataFrame(
            {
                "whole": pandas.array([2**60 + 1, None, 3], dtype="Int64"),
                "kind": pandas.Categorical(["a", None, "b"]),
                "text": pandas.array(["x", None, "z"], dtype="string"),
                "zoned": [zoned, pandas.NaT, zoned],
                "at": [moment, pandas.NaT, moment],
                "real": [0.5, np.nan, 2.0],
                "mixed": [1, "a", None],
                7: [True, None, False],
            },
            index=[5, 3, 1],
        )
    )
    plain = datetime.datetime(2026, 3, 1, 12)
    earlier = datetime.datetime(2026, 3, 1, 11)
    assert frame.to_dict(as_series=False) == {
        "whole": [2**60 + 1, None, 3],
        "kind": ["a", None, "b"],
        "text": ["x", None, "z"],
        "zoned": [earlier, None, earlier],
        "at": [plain, None, plain],
        "real": [0.5, None, 2.0],
        "mixed": ["1", "a", None],
        "7": [True, None, False],
    }


WRONG = [7, None, object(), b"x,y", np.zeros((3, 2)), [1, 2], [[1, 2]], {1, 2}]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: type(wrong).__name__)
def test_what_is_no_table_is_one_clear_error(wrong, found, tmp_path):
    found.save(tmp_path / "a.bundle", created_ms=0)
    takes = "a data frame of polars or pandas, an Arrow table, a dict of lists"
    for call in (found.predict, automl.load(tmp_path / "a.bundle").predict, frame_of):
        with pytest.raises(LiverankError, match=takes):
            call(wrong)
    with pytest.raises(TrainingError, match=takes):
        automl.fit(wrong, target="y", budget_s=1)


def test_a_table_whose_columns_do_not_fit_says_where(found, tmp_path):
    found.save(tmp_path / "a.bundle", created_ms=0)
    bundle = automl.load(tmp_path / "a.bundle")
    with pytest.raises(LiverankError, match="no such file"):
        bundle.predict("nowhere.csv")
    with pytest.raises(TrainingError, match="column `x` has 2 values and `y` has 1"):
        frame_of({"x": [1, 2], "y": [1]})
    pandas = pytest.importorskip("pandas")
    with pytest.raises(TrainingError, match="names column `x` more than once"):
        frame_of(pandas.DataFrame([[1, 2]], columns=["x", "x"]))


def test_rows_that_lack_columns_or_mix_forms_say_so():
    inputs = [Input(name=name, type="number") for name in ("x", "z")]
    for rows in ({"x": [1]}, [{"x": 1}], {"x": 1}, pl.DataFrame({"x": [1]})):
        with pytest.raises(ServingError, match="the rows lack `z` of the 2 columns"):
            read_rows(rows, inputs)
    with pytest.raises(ServingError, match="`x` is one value and `z` is several"):
        read_rows({"x": 1, "z": [1, 2]}, inputs)
    assert read_rows([{"x": 1}, {"z": 2}], inputs)["x"].tolist()[0] == 1.0


def test_a_column_without_a_value_has_no_values_in_every_form(tmp_path):
    rows = {"x": [0, 1, 2, 3] * 10, "gone": [None] * 40, "y": [0, 1] * 20}
    pl.DataFrame(rows).write_csv(tmp_path / "t.csv")
    pl.DataFrame(rows).write_parquet(tmp_path / "t.parquet")
    for form in (rows, pandas_of(pl.DataFrame(rows)), tmp_path / "t.csv", tmp_path / "t.parquet"):
        column = profile_table(frame_of(form), TableRoles(target="y"))["gone"]
        assert (column.role, column.reason) == ("unused", "it has no values")


def test_rows_in_a_form_that_training_did_not_have_are_warned_of(found) -> None:
    later = table().with_columns(pl.format("about {}", "x").alias("x"))
    with pytest.warns(UserWarning, match="column `x`: 108 of 120 values are not numbers") as caught:
        found.predict(later)
    assert [each.filename for each in caught] == [__file__]
