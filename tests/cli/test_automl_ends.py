"""However a search ends, by Ctrl-C, a full disk or a place that cannot be written, it says so."""

import json
import signal
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from liverank import automl
from liverank.automl.table import warm_up
from liverank.bundle import files
from liverank.bundle.table_bundle import load_table_bundle
from liverank.cli import main


@pytest.fixture
def table(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(3000, 6))
    y = np.where(x[:, 0] + x[:, 1] ** 2 + generator.normal(size=3000) > 1, "yes", "no")
    frame = pl.DataFrame({f"x{j}": x[:, j] for j in range(6)} | {"y": y})
    frame.write_csv(tmp_path / "t.csv")
    return tmp_path / "t.csv"


def words_of(table, *more):
    return ["automl", str(table), "--target", "y", *map(str, more)]


def test_an_interrupt_keeps_the_best_so_far(table, tmp_path):
    warm_up()
    out = tmp_path / "model"
    words = words_of(table, "--budget", "100s", "--out", out, "--json")
    command = [sys.executable, "-m", "liverank", *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as search:
        for line in search.stderr:
            if ": loss " in line:
                break
        search.send_signal(signal.SIGINT)
        printed, told = search.communicate(timeout=95)
    assert search.returncode == 0, told
    assert "Stopping with the best so far" in told
    result = json.loads(printed.splitlines()[-1])
    assert result["seconds"] < 95, "it ends before its budget does"
    bundle = load_table_bundle(out)
    report = json.loads(bundle.documents["report.json"])
    assert "interrupt" in report["stopped"]
    assert all(entry["seconds"] < 95 for entry in report["leaderboard"])


def test_a_budget_that_is_over_before_the_search_begins_still_gives_a_model(table):
    ticks = iter([1.0, 1.0, 1.0, *[1e4] * 100_000])
    result = automl.fit(
        table, target="y", budget_s=5, clock=ticks.__next__, families=["lightgbm", "linear"]
    )
    assert [entry.family for entry in result.report.leaderboard] == ["linear"]
    again = automl.fit(table, target="y", plan=result.plan)
    assert again.predict(table).tolist() == result.predict(table).tolist()


@pytest.mark.parametrize("place", ["t.csv/model", "/proc/none/model", "/dev/null/model"])
def test_a_place_that_cannot_be_written_is_told_before_the_search(
    table, tmp_path, monkeypatch, capsys, place
):
    monkeypatch.chdir(tmp_path)
    assert main(words_of(table, "--budget", "100s", "--out", place)) == 1
    heard = capsys.readouterr().err
    assert "cannot be written" in heard
    assert len(heard.splitlines()) == 1


def test_a_bundle_that_finds_no_room_is_kept_elsewhere_and_the_old_one_stays(
    table, tmp_path, monkeypatch, capsys
):
    words = words_of(table, "--budget", "4s", "--out", tmp_path / "model")
    assert main(words) == 0
    before = (tmp_path / "model" / "bundle.json").read_bytes()
    write, elsewhere = files.write_durably, tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))

    def full(file, content):
        if elsewhere not in file.parents:
            raise OSError(28, "No space left on device")
        write(file, content)

    monkeypatch.setattr(files, "write_durably", full)
    assert main([*words, "--force"]) == 1
    heard = capsys.readouterr().err.splitlines()[-1]
    assert "No space left" in heard
    (kept,) = elsewhere.glob("*/bundle")
    assert str(kept) in heard
    assert load_table_bundle(kept).target == "y"
    assert (tmp_path / "model" / "bundle.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "model", "t.csv"]
