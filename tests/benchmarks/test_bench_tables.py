"""Tables of a folder: a column `target` is enough, a file beside them says what else there is."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from automl.drift_tables import MAKERS
from automl.made_tables import made_tables
from automl.prepared import prepare_table
from automl.tables import Ask, Table, find_tables, load_table
from liverank.errors import SourceError

ROWS = pl.DataFrame(
    {
        "day": [f"2026-01-{day:02}" for day in range(1, 31)],
        "user": [f"u{day // 2}" for day in range(30)],
        "x": range(30),
        "target": [0, 1, 1] * 10,
    }
)


def test_a_folder_is_read_by_the_endings_of_its_files(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "b.parquet")
    ROWS.write_csv(tmp_path / "a.csv")
    (tmp_path / "c.tsv.gz").write_bytes(gzip.compress(ROWS.write_csv(separator="\t").encode()))
    (tmp_path / "notes.md").write_text("of no concern")

    tables = find_tables(tmp_path)

    assert [table.name for table in tables] == ["a", "b", "c"]
    for table in tables:
        loaded = load_table(table)
        assert (loaded.task, loaded.classes, loaded.frame.height) == ("binary", ("0", "1"), 30)
        assert loaded.frame["target"].to_list() == ["0", "1", "1"] * 10


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tables.toml", '[sales]\nfile = "a.csv"\ntarget = "x"\ntime = "day"\ndrop = ["target"]\n'),
        (
            "tables.json",
            '{"sales": {"file": "a.csv", "target": "x", "time": "day", "drop": ["target"]}}',
        ),
    ],
)
def test_what_is_written_beside_the_files_is_followed(tmp_path: Path, name: str, text: str) -> None:
    ROWS.write_csv(tmp_path / "a.csv")
    (tmp_path / name).write_text(text)

    (table,) = find_tables(tmp_path)
    loaded = load_table(table)

    assert table.name == "sales"
    assert (loaded.task, loaded.classes) == ("regression", ())
    assert loaded.frame.columns == ["day", "user", "x"]
    assert loaded.frame["day"].dtype == pl.Datetime("ms")
    assert loaded.at_ms is not None
    assert np.unique(np.diff(loaded.at_ms)).tolist() == [86_400_000]


def test_a_table_without_a_target_says_where_to_name_one(tmp_path: Path) -> None:
    ROWS.drop("target").write_csv(tmp_path / "a.csv")

    with pytest.raises(
        SourceError, match=r"a\.csv: has no column `target`, but `day`.*tables\.toml"
    ):
        load_table(find_tables(tmp_path)[0])


def test_a_target_of_one_value_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    ROWS.with_columns(target=pl.lit(1)).write_csv(tmp_path / "a.csv")

    with pytest.raises(SourceError, match=r"a\.csv: target `target` is \"1\" in all 30 rows"):
        load_table(find_tables(tmp_path)[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[a]\ntraget = "x"\n', "traget"),
        ('[b]\ntarget = "x"\n', "`b` is described, but no file has that name"),
    ],
)
def test_a_mistake_in_the_description_is_told(tmp_path: Path, text: str, said: str) -> None:
    ROWS.write_csv(tmp_path / "a.csv")
    (tmp_path / "tables.toml").write_text(text)

    with pytest.raises(SourceError, match=said):
        find_tables(tmp_path)


def test_types_that_only_some_libraries_know_become_plain_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    ROWS.with_columns(
        pl.col("day").str.to_date(),
        level=pl.col("user").cast(pl.Categorical),
        price=pl.col("x").cast(pl.Decimal(10, 2)),
    ).write_parquet(path)

    frame = load_table(Table("a", path, Ask())).frame

    assert [frame[name].dtype for name in ("day", "level", "price")] == [
        pl.Datetime("ms"),
        pl.String,
        pl.Float64,
    ]


def test_rows_without_a_target_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    ROWS.with_columns(pl.when(pl.col("x") > 3).then("target")).write_parquet(path)

    assert load_table(Table("a", path, Ask())).frame.height == 26


def test_the_files_for_systems_do_not_hold_what_they_are_judged_by(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    ROWS.write_parquet(path)

    prepared = prepare_table(
        Table("a", path, Ask(time="day", group="user")), tmp_path / "parts", seed=0
    )

    train, test = pl.read_parquet(prepared.train), pl.read_parquet(prepared.test)
    assert prepared.is_chronological
    assert (train.height, test.height) == (prepared.rows, len(prepared.truth)) == (24, 6)
    assert "target" in train.columns
    assert "target" not in test.columns
    assert max(train["x"]) < min(test["x"])


def test_what_is_asked_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    ROWS.write_parquet(path)

    assert Table("a", path, Ask()).fingerprint != Table("a", path, Ask(time="day")).fingerprint


def test_made_tables_set_three_different_tasks(tmp_path: Path) -> None:
    tables = made_tables(tmp_path)

    found = {table.name: load_table(table) for table in tables}
    assert {name: loaded.task for name, loaded in found.items()} == {
        "made_drift": "binary",
        "made_mixed": "multiclass",
        "made_prices": "regression",
    }
    assert [name for name, loaded in found.items() if loaded.at_ms is not None] == ["made_drift"]


def test_tables_that_drift_are_in_the_order_of_their_time_and_the_same_for_a_seed() -> None:
    assert len(MAKERS) >= 7
    for make in MAKERS.values():
        table = make(3)
        assert table["at"].is_sorted()
        assert set(table["y"].unique()) == {0, 1}
        assert table.equals(make(3))
        assert not table.equals(make(4))
