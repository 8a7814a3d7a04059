"""``automl`` and ``predict --score`` say on the terminal and in JSON what their figures are of."""

import json

import numpy as np
import polars as pl
import pytest

from liverank.automl.table import warm_up
from liverank.cli import main


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    warm_up()


def patients(n, seed):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=n)
    ill = generator.random(n) < 1 / (1 + np.exp(-2 * x))
    return pl.DataFrame({"x": x, "y": np.where(ill, "diseased", "healthy")})


def run(capsys, *words):
    code = main([str(word) for word in words])
    heard = capsys.readouterr()
    last = heard.out.splitlines()[-1] if heard.out else "{}"
    return code, json.loads(last), " ".join(heard.err.split())


def search(capsys, folder, *options):
    words = ("automl", folder / "t.csv", "--target", "y", "--budget", "2s", "--json")
    return run(capsys, *words, "--out", folder / "model", *options)


def test_the_positive_class_is_named_wherever_a_figure_is_of_it(tmp_path, capsys):
    patients(400, 0).write_csv(tmp_path / "t.csv")
    words = ("--objective", "auc_pr", "--positive", "diseased")
    code, told, shown = search(capsys, tmp_path, *words)
    assert code == 0
    assert told["positive"] == "diseased"
    assert 'The positive class is "diseased": AUC-PR' in shown
    assert "The positive class is “diseased”" in (tmp_path / "model" / "report.html").read_text()
    report = json.loads((tmp_path / "model" / "report.json").read_text())
    assert report["asked"]["classes"] == ["healthy", "diseased"]
    assert "--positive diseased" in report["asked"]["command"]
    code, told, shown = run(
        capsys, "predict", tmp_path / "model", tmp_path / "t.csv", "--out", tmp_path / "o.csv",
        "--json",
    )  # fmt: skip
    assert code == 0
    assert told["positive"] == "diseased"
    assert '`probability` is that of "diseased"' in shown
    answers = pl.read_csv(tmp_path / "o.csv")
    assert answers["probability"].to_list() == answers["probability_diseased"].to_list()
    assert ((answers["probability_diseased"] > 0.5) == (answers["class"] == "diseased")).all()
    code, _, shown = search(capsys, tmp_path, "--force", "--positive", "ill")
    assert code == 1
    assert 'no class "ill"; give "healthy" (the default) or "diseased"' in shown


def test_unseen_classes_and_their_rows_are_in_the_output_and_in_json(tmp_path, capsys):
    patients(400, 0).write_csv(tmp_path / "t.csv")
    novel = pl.when(pl.int_range(200) % 2 == 0).then(pl.lit("novel")).otherwise(pl.col("y"))
    patients(200, 1).with_columns(y=novel).write_csv(tmp_path / "later.csv")
    code, told, shown = search(capsys, tmp_path, "--test", tmp_path / "later.csv")
    assert code == 0
    assert told["test_rows"] == 100
    assert told["test_unseen"]["values"] == {"novel": 100}
    assert any("100 of 200 rows are of classes" in text for text in told["warnings"])
    assert "On the test table (100 of 200 rows):" in shown
    assert sum(told["split"]["rows"].values()) == 400
    page = tmp_path / "later.html"
    words = ("predict", tmp_path / "model", tmp_path / "later.csv", "--score", "--report", page)
    code, again, shown = run(capsys, *words, "--json")
    assert code == 0
    assert "On 100 of 200 rows" in shown
    assert "Accuracy over all 200 rows" in shown
    assert again["score"]["unseen"] == told["test_unseen"]
    assert any("100 of 200 rows are of classes" in text for text in again["warnings"])
    assert "The later rows: 100 of 200 rows are of classes" in page.read_text()


def test_groups_that_go_on_over_the_cut_are_an_error_before_the_search(tmp_path, capsys):
    at = pl.Series(np.arange(400) * 3_600_000 + 1_700_000_000_000).cast(pl.Datetime("ms"))
    user = [f"u{i}" for i in np.random.default_rng(0).integers(0, 30, 400)]
    patients(400, 0).with_columns(at=at, user=pl.Series(user)).write_csv(tmp_path / "t.csv")
    code, _, shown = search(capsys, tmp_path, "--time", "at", "--group", "user")
    assert code == 1
    assert "of 400 rows to train" in shown
    assert "leave --group out to split by time, or --time out" in shown
