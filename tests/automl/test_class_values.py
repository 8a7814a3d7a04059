"""Booleans are one target however they are written; classes and ids keep their type."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from liverank.automl.data.read_table import read_table
from liverank.automl.profile.class_values import class_reader, class_type_of, same_spelling
from liverank.automl.profile.task import find_target, read_target
from liverank.automl.report.test_table import check_test
from liverank.automl.table import fit
from liverank.bundle.table_bundle import load_table_bundle
from liverank.cli import main
from liverank.cli.commands.predict.score import class_type_of as class_type_in

TRUTHS = np.random.default_rng(0).random(60) < 0.4
WAYS = {
    "boolean": pl.Series("y", TRUTHS),
    "whole": pl.Series("y", TRUTHS.astype(int)),
    "float": pl.Series("y", TRUTHS.astype(float)),
    "True": pl.Series("y", ["True" if each else "False" for each in TRUTHS]),
    "TRUE": pl.Series("y", ["TRUE" if each else "FALSE" for each in TRUTHS]),
    "true": pl.Series("y", ["true" if each else "false" for each in TRUTHS]),
    "0": pl.Series("y", ["1" if each else "0" for each in TRUTHS]),
    "category": pl.Series("y", ["True" if each else "False" for each in TRUTHS], pl.Categorical),
    "yes": pl.Series("y", ["yes" if each else "no" for each in TRUTHS]),
}


@pytest.mark.parametrize("train", WAYS)
@pytest.mark.parametrize("test", WAYS)
def test_a_boolean_target_is_the_same_however_it_is_written(tmp_path, train, test):
    target = find_target(WAYS[train])
    assert (target.task, len(target.classes)) == ("binary", 2)
    assert read_target(WAYS[test], target).tolist() == TRUTHS.astype(float).tolist()
    WAYS[test].to_frame().write_csv(tmp_path / "t.csv")
    assert read_target(read_table(tmp_path / "t.csv")["y"], target).sum() == TRUTHS.sum()
    assert check_test(WAYS[test].to_frame(), WAYS[train].to_frame(), "y") == []


def test_classes_that_are_no_booleans_are_read_by_their_names():
    number = class_reader(("no", "perhaps", "yes"))
    assert [number(name) for name in ("no", "yes", "perhaps")] == [0, 2, 1]
    assert np.isnan([number("1"), number("true"), class_reader(("1", "2"))("true")]).all()
    assert np.isnan(class_reader(("healthy", "yes"))("true"))


@pytest.mark.parametrize(
    ("levels", "classes"),
    [
        (["True"] * 30 + ["true"] * 9 + ["FALSE"] * 30 + ["0"] * 5, ("FALSE", "True")),
        (["1"] * 30 + ["0"] * 30 + ["true"] * 3, ("0", "1")),
        (["Yes"] * 30 + ["no"] * 20 + ["YES", "No"], ("no", "Yes")),
        (["t"] * 30 + ["f"] * 20 + ["n"] * 9, ("f", "n", "t")),
        (["true"] * 30 + ["false"] * 20 + ["maybe"] * 9, ("false", "maybe", "true")),
    ],
)
def test_spellings_of_one_boolean_are_one_class(levels, classes):
    target = find_target(pl.Series("y", levels))
    assert target.classes == classes
    values = read_target(pl.Series("y", levels), target)
    assert not np.isnan(values).any()


def test_two_spellings_of_one_word_stay_apart_where_there_are_only_two_levels():
    assert same_spelling({"True": 5, "true": 5}) == {}
    assert same_spelling({"a": 1, "A": 2, "b": 3}) == {}


def test_the_type_of_classes_is_that_of_the_column():
    for column, expected in (
        (pl.Series([True, False]), "boolean"),
        (pl.Series(["True", "False"]), "boolean"),
        (pl.Series([0, 1]), "whole"),
        (pl.Series([0.0, 1.0]), "number"),
        (pl.Series(["0", "1"]), "text"),
        (pl.Series([2**63, 2**63 + 1], dtype=pl.UInt64), "whole"),
        (pl.Series([2**70, 1], dtype=pl.Int128), "text"),
    ):
        names = tuple(str(value).removesuffix(".0") for value in column.to_list())
        assert class_type_of(column, names) == expected


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table, and a bundle for each type of its target."""
    made = tmp_path_factory.mktemp("types")
    generator = np.random.default_rng(3)
    x = generator.normal(size=200)
    table = pl.DataFrame(
        {
            "id": np.arange(200) + 2**60,
            "code": [f"{n:04d}" for n in range(200)],
            "part": [None, 1.5, 2.0, -0.25] * 50,
            "flag": ["True", "False"] * 100,
            "note": ["7", "x"] * 100,
            "x": x,
        }
    )
    positive = x + generator.normal(0, 0.3, 200) > 0
    for name, y in {
        "boolean": pl.Series(positive),
        "whole": pl.Series(np.where(positive, 42, 7)),
        "float": pl.Series(np.where(positive, 1.0, 0.0)),
        "large": pl.Series([2**63 + 1 + each for each in positive.tolist()], dtype=pl.UInt64),
        "words": pl.Series(np.where(positive, "True", "False")),
        "text": pl.Series(np.where(positive, "42", "7")),
    }.items():
        full = table.with_columns(y=y)
        full.write_parquet(made / f"{name}.parquet")
        full.write_csv(made / f"{name}.csv")
        fit(full.select("x", "y"), target="y", budget_s=1, families=["linear"]).save(
            made / f"{name}.bundle", created_ms=0
        )
    return made


KEPT = [word for name in ("id", "code", "part", "flag", "note") for word in ("--keep", name)]


@pytest.mark.parametrize("end", ["csv", "parquet"])
@pytest.mark.parametrize("name", ["boolean", "whole", "float", "large", "words", "text"])
def test_classes_come_back_in_the_type_they_came_in(folder, name, end, capsys):
    out = folder / f"{name}-{end}.parquet"
    words = [str(folder / f"{name}.bundle"), str(folder / f"{name}.{end}"), "--out", str(out)]
    assert main(["predict", *words, *KEPT, "--score"]) == 0
    answers, table = pl.read_parquet(out), pl.read_parquet(folder / f"{name}.parquet")
    wanted = {"words": pl.Boolean}.get(name, table["y"].dtype)
    assert answers["class"].dtype == wanted
    given = table["y"] == "True" if name == "words" else table["y"]
    assert (answers["class"] == given).mean() > 0.8
    types = table.select("id", "code", "part", "flag", "note").schema
    if end == "csv":
        types["flag"] = pl.Boolean
    assert answers.select(types.names()).schema == types
    assert answers["id"].equals(table["id"])
    assert answers["part"].equals(table["part"])


@pytest.mark.parametrize("name", ["whole", "float", "words"])
def test_a_csv_keeps_the_text_as_it_was(folder, name, capsys):
    out = folder / f"{name}-out.csv"
    words = [str(folder / f"{name}.bundle"), str(folder / f"{name}.csv"), "--out", str(out)]
    assert main(["predict", *words, *KEPT]) == 0
    answers, table = (
        pl.read_csv(file, infer_schema=False) for file in (out, folder / f"{name}.csv")
    )
    kept = ["id", "code", "part", "flag", "note"]
    assert answers.select(kept).equals(table.select(kept))
    assert set(answers["class"]) == set(table["y"])


def test_a_list_that_is_kept_cannot_go_to_csv(folder, tmp_path, capsys):
    table = pl.read_parquet(folder / "whole.parquet").with_columns(tags=pl.lit(["a", "b"]))
    table.write_parquet(tmp_path / "t.parquet")
    words = [str(folder / "whole.bundle"), str(tmp_path / "t.parquet"), "--keep", "tags", "--out"]
    assert main(["predict", *words, str(tmp_path / "o.csv")]) == 1
    assert "column `tags` is List(String), which CSV cannot hold" in capsys.readouterr().err
    assert main(["predict", *words, str(tmp_path / "o.parquet")]) == 0


def test_a_report_that_does_not_say_the_type_gives_text(folder, tmp_path, capsys):
    bundle = folder / "whole.bundle"
    assert json.loads((bundle / "report.json").read_text())["asked"]["class_type"] == "whole"
    loaded = load_table_bundle(bundle)
    report = json.loads(loaded.documents["report.json"])
    del report["asked"]["class_type"]
    for content in (json.dumps(report).encode(), b"{}"):
        documents = {**loaded.documents, "report.json": content}
        assert class_type_in(replace(loaded, documents=documents)) == "text"
