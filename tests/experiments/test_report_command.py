"""``liverank experiment report`` and ``plan`` on the log of a project."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from experiment_logs import START, World, log_of

from liverank.cli import main
from liverank.events.event import ExperimentChange
from liverank.events.log import Log
from liverank.experiments.metrics.need import DAY_MS

TEXT = """
[label]
interaction = "join"
[experiments.tab]
days = 8
[experiments.tab.variants]
popular = { rank = "popular" }
model = { rank = "model" }
"""
Run = Callable[..., tuple[int, dict, str]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose log holds a whole experiment, started by an event."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "liverank.toml").write_text(TEXT)
    events = log_of(World(users=1200, days=8, lift=0.4, arrivals=0.5))
    is_list = pl.col("event") == "ranking"
    ids = pl.concat_str(pl.lit("q"), pl.int_range(pl.len()).cast(pl.String))
    events = events.with_columns(
        seq=pl.lit(None, pl.Int64), id=pl.when(is_list).then(ids).otherwise(pl.col("id"))
    )
    (folder / ".liverank").mkdir()
    with Log.open(folder / ".liverank" / "log") as log:
        log.import_frame(events, arrived_ms=START + 9 * DAY_MS)
        started = ExperimentChange(time=START, experiment="tab", action="started")
        log.append([started], arrived_ms=START + 9 * DAY_MS)
    return folder


@pytest.fixture
def run(project: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, dict, str]:
        config = ("--config", str(project / "liverank.toml"))
        code = main(["experiment", *words, *config, "--json"])
        told = capsys.readouterr()
        return code, json.loads(told.out.splitlines()[-1]), told.err

    return run


def test_a_report_decides_and_writes_its_page(run: Run, project: Path) -> None:
    code, found, told = run("report", "tab", "--html", str(project / "report.html"))
    assert code == 0
    assert found["ok"]
    assert found["decision"]["action"] == "ship"
    assert found["decision"]["variant"] == "model"
    assert "Ship model" in told
    assert "How it was computed" in told
    assert found["start_ms"] == START
    assert [one["name"] for one in found["metrics"]] == [
        "daily_active",
        "join_rate",
        "clicks_to_explore",
    ]
    page = (project / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert run("report", "tab")[1] == found


def test_a_report_as_of_an_earlier_day_reads_no_further(run: Run) -> None:
    at = str(START + 3 * DAY_MS)
    code, found, _ = run("report", "tab", "--at", at)
    assert code == 0
    assert found["now_ms"] == int(at)
    assert found["decision"]["action"] == "wait"
    assert len(found["metrics"][1]["variants"][0]["looks"]) == 3


def test_an_unknown_experiment_and_a_page_that_cannot_be_written_are_one_line(
    run: Run, project: Path
) -> None:
    code, found, told = run("report", "tub")
    assert code == 1
    assert found["error"] == "there is no [experiments.tub] in the config; it has: tab"
    assert told.count("\n") == 1
    code, found, _ = run("report", "tab", "--html", str(project / "no" / "page.html"))
    assert code == 1
    assert "cannot be written" in found["error"]


def test_an_empty_log_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "liverank.toml").write_text(TEXT)
    config = ["--config", str(tmp_path / "liverank.toml")]
    for words in (["report", "tab"], ["plan", "tab"]):
        assert main(["experiment", *words, *config]) == 1
        assert "the log is empty" in capsys.readouterr().err


def test_a_plan_from_the_log_says_what_is_in_reach_and_refuses_the_rest(run: Run) -> None:
    code, found, told = run("plan", "tab", "--days", "5")
    assert code == 0
    assert {one["metric"] for one in found["metrics"]} >= {"daily_active", "join_rate"}
    reach = found["metrics"][0]["smallest_lift"]
    assert 0.02 < reach < 0.5
    assert found["alpha"] == pytest.approx(0.05 / 3)
    code, found, told = run("plan", "tab", "--days", "5", "--effect", f"{1.05 * reach:.6f}")
    assert code == 0
    assert found["metrics"][0]["enough"]
    code, found, told = run("plan", "tab", "--days", "5", "--effect", "0.5%")
    assert code == 1
    assert not found["ok"]
    assert f"takes {found['metrics'][0]['users']:,} users" in found["error"]
    assert "look for a larger effect" in told


def test_a_plan_from_given_numbers_needs_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["experiment", "plan", "--baseline", "0.2", "--effect", "1.96%", "--json"]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    (size,) = found["metrics"]
    assert size["users_one_look"] == pytest.approx(2 * 69_000, rel=0.005)
    assert size["users_one_look"] < size["users"] < 1.1 * size["users_one_look"]
    assert size["enough"] is None
    assert main([*words, "--daily-users", "1000"]) == 1
    assert "or plan" in capsys.readouterr().err
    assert main(["experiment", "plan", "--metric", "clicks", "--baseline", "2"]) == 1
    assert "needs --sd" in capsys.readouterr().err
    assert main(["experiment", "plan", "--baseline", "0.2", "--days", "0"]) == 1
    assert "--days is 0; expected 1 or more" in capsys.readouterr().err
