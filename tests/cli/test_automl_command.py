"""``liverank automl`` and ``liverank predict``, from a file to answers, and what can go wrong."""

import json
import random
import subprocess
import sys

import msgspec
import numpy as np
import polars as pl
import pytest

from liverank import automl
from liverank.automl.table import warm_up
from liverank.automl.trials.plan import Made, Plan, Trial, encode_plan
from liverank.bundle.table_bundle import load_table_bundle
from liverank.cli import main

KEYS = ["task", "rows", "columns", "budget_s", "seconds", "validation", "test", "served"]


def people(n, seed):
    """Buyers by city and age, with holes, codes and a list."""
    draw = random.Random(seed)
    rows = []
    for place in range(n):
        city, age = draw.choice(["Ulm", "Bonn", "Köln", ""]), draw.gauss(40, 12)
        bought = draw.random() < 0.15 + 0.5 * (city == "Ulm") + 0.25 * (age > 45)
        rows.append(
            {
                "row": place,
                "city": city,
                "age": f"{age:.1f}" if draw.random() > 0.1 else "",
                "tags": draw.choice(["a|b", "b", "c|a", ""]),
                "bought": "yes" if bought else "no",
            }
        )
    return pl.DataFrame(rows)


def run(capsys, *words):
    code = main([str(word) for word in words])
    heard = capsys.readouterr()
    return code, heard.out, heard.err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with tables and a bundle, and what the command printed."""
    warm_up()
    folder = tmp_path_factory.mktemp("automl")
    people(600, 1).write_csv(folder / "train.csv")
    people(300, 2).drop("tags").with_columns(more=1).write_csv(folder / "test.csv")
    words = ["automl", folder / "train.csv", "--target", "bought", "--test", folder / "test.csv"]
    words += ["--budget", "12s", "--seed", "3", "--out", folder / "model", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "liverank", *map(str, words)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, done


def test_the_last_line_is_json_with_what_was_promised(trained):
    folder, done = trained
    told = json.loads(done.stdout.splitlines()[-1])
    assert list(told)[: len(KEYS) - 3] == KEYS[:-3]
    assert {*KEYS, "families", "bundle"} <= set(told)
    assert (told["task"], told["rows"], told["columns"]) == ("binary", 600, 5)
    assert {"log_loss", "auc", "auc_pr"} <= set(told["test"])
    assert {"kind", "us_per_row_55", "size_mb"} <= set(told["served"])
    assert 0.6 < told["test"]["auc"] <= 1
    assert told["bundle"] == str(folder / "model")
    assert "linear ridge: loss" in done.stderr, "progress goes to stderr"


def test_a_bundle_holds_a_report_for_people_and_the_plan(trained):
    bundle = load_table_bundle(trained[0] / "model")
    page = bundle.documents["report.html"].decode()
    assert "Predicting" in page
    assert "--seed 3" in page
    report = json.loads(bundle.documents["report.json"])
    assert len(report["data"]["sha256"]) == 64
    assert all(entry["us_per_row"] for entry in report["leaderboard"])
    assert json.loads(bundle.documents["plan.json"])["trials"]


def test_a_plan_runs_again_to_the_same_bytes_with_the_same_data_options_and_seed(
    trained, tmp_path, capsys
):
    folder, _ = trained
    plan = folder / "model" / "plan.json"
    words = ("automl", folder / "train.csv", "--target", "bought", "--plan", plan)
    code, _, err = run(capsys, *words, "--out", tmp_path / "again")
    assert code == 0, err
    for name in ("model.npz", "plan.json", "golden.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / "model" / name).read_bytes()
    report = json.loads((tmp_path / "again" / "report.json").read_bytes())
    assert report["asked"]["seed"] == 3
    assert f"--plan {plan}" in report["asked"]["command"]


RIDGE = Trial(family="linear", name="ridge", params={"heaviest": 1.0}, seed=0, rounds=(1,))


def plan_of(**changes):
    plan = Plan(seed=1, n_threads=1, folds=1, timings={}, finished=True, trials=(RIDGE,))
    return encode_plan(msgspec.structs.replace(plan, **changes))


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"{}", (), "is not a plan of this version"),
        (b"", (), "is not a plan of this version"),
        (None, (), "cannot be read"),
        (plan_of(finished=False), (), "did not come to its end"),
        (plan_of(), ("--seed", "2"), "was made with seed 1"),
        (plan_of(extras=(Made(columns=("a", "b")),)), (), "has no column `a`"),
        (
            plan_of(trials=(msgspec.structs.replace(RIDGE, family="wood"),)),
            (),
            "`wood` of the plan is unknown",
        ),
    ],
)
def test_a_plan_that_cannot_be_run_is_named_in_one_line(
    tmp_path, capsys, content, options, message
):
    (tmp_path / "t.csv").write_text(SOUND)
    if content is not None:
        (tmp_path / "plan.json").write_bytes(content)
    words = ("automl", tmp_path / "t.csv", "--target", "y", "--plan", tmp_path / "plan.json")
    code, _, err = run(capsys, *words, *options, "--out", tmp_path / "model")
    assert code == 1
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "model").exists()


def test_answers_are_those_of_the_bundle_row_by_row(trained, tmp_path, capsys):
    rows = people(200, 4)
    rows.write_csv(tmp_path / "new.csv")
    out = tmp_path / "p.parquet"
    words = ("predict", trained[0] / "model", tmp_path / "new.csv", "--out", out)
    code, heard, _ = run(capsys, *words, "--keep", "row", "--attributions", "--json")
    assert code == 0
    answers = pl.read_parquet(out)
    assert json.loads(heard)["columns"] == answers.columns
    assert answers["row"].cast(pl.Int64).to_list() == list(range(200))
    said = automl.load(trained[0] / "model").predict(rows.to_dict(as_series=False))
    assert answers["probability"].to_list() == said.tolist()
    assert ((answers["probability"] > 0.5) == (answers["class"] == "yes")).all()
    assert any(name.startswith("attribution_") for name in answers.columns)


def test_a_file_that_is_larger_than_a_batch_comes_out_whole(trained, tmp_path, capsys, monkeypatch):
    rows = people(1000, 5)
    rows.write_parquet(tmp_path / "new.parquet")
    words = ("predict", trained[0] / "model", tmp_path / "new.parquet", "--out")
    assert run(capsys, *words, tmp_path / "whole.csv")[0] == 0
    monkeypatch.setattr("liverank.automl.data.read_table.read_batches.__defaults__", (64,))
    assert run(capsys, *words, tmp_path / "parts.csv")[0] == 0
    assert (tmp_path / "whole.csv").read_bytes() == (tmp_path / "parts.csv").read_bytes()


def test_missing_columns_of_data_to_predict_are_named(trained, tmp_path, capsys):
    people(20, 6).drop("age", "city").write_csv(tmp_path / "new.csv")
    words = ("predict", trained[0] / "model", tmp_path / "new.csv", "--out", tmp_path / "p.csv")
    code, _, err = run(capsys, *words)
    assert code == 1
    assert "lacks" in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "p.csv").exists()


FEW = "x,y\n1,a\n2,b\n3,a\n"
ONE_CLASS = "x,y\n" + "".join(f"{i},a\n" for i in range(50))
CONSTANT = "x,y\n" + "".join(f"1,{'ab'[i % 2]}\n" for i in range(50))
RAGGED = "x,y\n1,a,3\n"
SOUND = "x,y\n" + "".join(f"{i * 7 % 31},{'ab'[i % 2]}\n" for i in range(50))
HUGE = SOUND.replace(",a", ",1e300").replace(",b", ",3e300")
BELOW = SOUND.replace(",a", ",-1").replace(",b", ",2")


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (None, (), "no such file"),
        ("", (), "is empty"),
        ("x,y\n", (), "no rows"),
        (FEW, (), "known in 3 of 3 rows"),
        (ONE_CLASS, (), "nothing to predict"),
        (CONSTANT, (), "no column can predict"),
        (RAGGED, (), "more than the 2 columns"),
        (SOUND, ("--target", "z"), "no column `z`"),
        (SOUND, ("--time", "when"), "no column `when`"),
        (SOUND, ("--weight", "y"), "named as"),
        (SOUND, ("--objective", "rmse"), "does not fit"),
        (SOUND, ("--type", "x=colour"), "expected one of"),
        (SOUND, ("--test", "none.csv"), "none.csv: no such file"),
        (SOUND, ("--task", "regression"), "not a number"),
        ("y\n" + "a\nb\n" * 30, (), "there is no other column; add columns"),
        (SOUND.replace("x,y", "x,x", 1), (), "names column `x` 2 times"),
        (
            SOUND.replace(",a", ",1e300").replace(",b", ",3e300"),
            ("--task", "regression"),
            "larger unit",
        ),
        (
            SOUND.replace(",a", ",-1").replace(",b", ",2"),
            ("--task", "regression", "--objective", "rmsle"),
            "goes down to -1",
        ),
        (SOUND, ("--objective", "profit"), "give log_loss, auc"),
        ("w," + SOUND.replace("\n", "\n-1,"), ("--weight", "w"), "at least 0"),
        ("w," + SOUND.replace("\n", "\n0,"), ("--weight", "w"), "all are 0"),
        ("t," + SOUND.replace("\n", "\n1-Jan-24,"), ("--time", "t"), "are not times"),
        (SOUND, ("--group", "y"), "named as"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_told_in_one_line(
    tmp_path, capsys, monkeypatch, text, options, said
):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "t.csv").write_text(text)
    words = ("automl", "t.csv", "--target", "y", "--budget", "3s", "--out", "model", *options)
    code, _, err = run(capsys, *words)
    assert code == 1
    assert said in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [("x\n1\n", "the test table has no column `y`"), ("x,y\n1,c\n", "does not have, such as 'c'")],
)
def test_a_test_table_that_could_not_judge_is_told_before_the_search(tmp_path, capsys, text, said):
    (tmp_path / "t.csv").write_text(SOUND)
    (tmp_path / "test.csv").write_text(text)
    words = ("automl", tmp_path / "t.csv", "--target", "y", "--test", tmp_path / "test.csv")
    code, _, err = run(capsys, *words, "--budget", "100s", "--out", tmp_path / "model")
    assert code == 1
    assert said in err


def test_what_is_odd_and_can_be_lived_with_is_a_warning(tmp_path, capsys):
    rows = people(300, 8).with_columns(
        empty=pl.lit(""),
        same=pl.lit("x"),
        mixed=pl.Series([f"{i}" if i % 4 else "many" for i in range(300)]),
        huge=pl.Series([10**18 + i * 10**15 for i in range(300)]),
        at=pl.Series([f"2026-01-{1 + i // 12:02}" for i in range(300)]),
        größe=pl.Series(["ja", "nein", ""] * 100),
    )
    came = pl.when(pl.col("row") > 200).then(pl.lit("no")).otherwise(pl.col("bought"))
    rows.with_columns(bought=came).write_csv(tmp_path / "t.csv")
    words = ("automl", tmp_path / "t.csv", "--target", "bought", "--budget", "4s", "--json")
    code, heard, _ = run(capsys, *words, "--time", "at", "--out", tmp_path / "late")
    assert code == 0
    told = json.loads(heard.splitlines()[-1])
    assert told["validation"]["auc"] is None
    assert any('holdout rows are "no"' in warning for warning in told["warnings"])
    split = ("--split-column", "part", "--gap", "1d")
    rows.with_columns(
        part=pl.Series(["TRAIN", "TRAIN", "VALIDATE", "TEST"] * 75), at=pl.lit("2026-01-01")
    ).write_csv(tmp_path / "t.csv")
    code, heard, _ = run(capsys, *words, *split, "--out", tmp_path / "parts")
    assert code == 0
    told = json.loads(heard.splitlines()[-1])
    assert any("a gap of 1d was asked for" in warning for warning in told["warnings"])


def test_text_of_another_encoding_is_told_with_its_line_and_its_cure(tmp_path, capsys):
    (tmp_path / "t.csv").write_bytes((SOUND + "3,Köln\n").encode("latin1"))
    code, _, err = run(capsys, "automl", tmp_path / "t.csv", "--target", "y", "--out", "m")
    assert code == 1
    assert "line 52 is not UTF-8" in err
    assert "iconv -f latin1 -t utf-8 t.csv" in err


def test_a_bundle_that_is_there_is_not_replaced_unasked(tmp_path, capsys):
    (tmp_path / "model").mkdir()
    words = ("automl", tmp_path / "t.csv", "--target", "y", "--out", tmp_path / "model")
    assert "exists already" in run(capsys, *words)[2]
    assert "is no bundle" in run(capsys, *words, "--force")[2]


@pytest.mark.parametrize(
    "options", [("--budget", "fast"), ("--serving-budget", "0us"), ("--type", "x"), ()]
)
def test_bad_usage_exits_with_two(capsys, options):
    words = ["automl", "t.csv", *options] + (["--target", "y"] if options else [])
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert "expected" in capsys.readouterr().err or not options


def test_rows_that_came_later_are_scored_beside_what_was_claimed(trained, tmp_path, capsys):
    later = people(3000, 9)
    later.write_parquet(tmp_path / "later.parquet")
    words = ("predict", trained[0] / "model", tmp_path / "later.parquet", "--score", "--json")
    code, heard, err = run(capsys, *words, "--report", tmp_path / "later.html")
    assert code == 0
    score = json.loads(heard.splitlines()[-1])["score"]
    claimed = json.loads(load_table_bundle(trained[0] / "model").documents["report.json"])
    assert score["claimed"] == claimed["held_out"]
    answers = automl.load(trained[0] / "model").predict(later.to_dict(as_series=False))
    came = (later["bought"] == "yes").to_numpy()
    loss = -np.log(np.where(came, answers, 1 - answers)).mean()
    assert abs(score["figures"]["log_loss"] - loss) < 1e-9
    assert score["rows"] == 3000
    assert "claimed" in err
    assert "3,000 rows" in (tmp_path / "later.html").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--out, or ask for --score"),
        (("--out", "p.json"), ".parquet or .csv"),
        (("--out", "none/p.csv"), "its folder does not exist"),
        (("--out", "p.csv", "--report", "r.html"), "give --score too"),
        (("--score", "--report", "r.pdf"), "a file in .html"),
        (("--score",), "have no column `bought`"),
        (("--out", "p.csv", "--keep", "zip"), "lacks `zip`"),
    ],
)
def test_what_cannot_be_predicted_as_asked_is_told_in_one_line(
    trained, tmp_path, capsys, monkeypatch, options, said
):
    monkeypatch.chdir(tmp_path)
    people(30, 6).drop("bought").write_csv("new.csv")
    code, _, err = run(capsys, "predict", trained[0] / "model", "new.csv", *options)
    assert code == 1
    assert said in err
    assert len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]
