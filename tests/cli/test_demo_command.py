"""The demo, as a person runs it: the life of a small app, a model, an A/B test, and a page."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from liverank.cli import main
from liverank.config import load_config
from liverank.errors import ServingError
from liverank.proof.results import METRICS
from liverank.simulator.server.own_server import own_server


class Done(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def liverank(*words: str) -> Done:
    """Run a command in this process, since each start of another one takes two seconds."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    return Done(code, out.getvalue(), err.getvalue())


def answer_of(done: Done) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "kept"


@pytest.fixture(scope="module")
def shown(kept: Path) -> Done:
    size = ("--people", "600", "--days", "2", "--budget", "4s", "--load", "1")  # some room is live
    return liverank("demo", *size, "--kept-days", "0", "--keep", str(kept), "--json")


def test_a_small_app_goes_through_the_whole_loop(shown: Done, kept: Path) -> None:
    answer = answer_of(shown)

    assert answer["ok"]
    metrics = answer["result"]["metrics"]
    assert [metric["name"] for metric in metrics] == list(METRICS)
    assert all(metric["true_lift"] is not None for metric in metrics)
    assert answer["load"]["errors"] == 0
    assert answer["load"]["answered"] > 50
    people = answer["people"]
    assert len({person["user"] for person in people}) == 3
    for person in people:
        assert person["popular"]
        scores = [room["score"] for room in person["model"]]
        assert all(0 < score < 1 for score in scores)
        assert scores == sorted(scores, reverse=True)
        assert {len(person["popular"]), len(person["model"])} == {len(scores)}
        for room in (*person["popular"], *person["model"]):
            assert 0 < room["true_join_probability"] < 1
    assert any(room["reasons"] for person in people for room in person["model"])
    assert any(person["model"] != person["popular"] for person in people)


def test_the_terminal_ends_with_the_table_and_the_page(shown: Done, kept: Path) -> None:
    answer, end = answer_of(shown), shown.stderr[shown.stderr.index("4 of 4") :]

    assert answer["result"]["decision"] in end
    for column in ("lift", "95 % interval", "verdict", "true lift", "of oracle"):
        assert column in end
    assert str(kept / "demo.html") in end


def test_the_page_shows_the_lists_of_the_same_people(shown: Done, kept: Path) -> None:
    answer = answer_of(shown)
    page = Path(answer["page"]).read_text(encoding="utf-8")

    assert Path(answer["page"]) == kept / "demo.html"
    for person in answer["people"]:
        assert f"<h3>{person['user']}</h3>" in page
        for room in (*person["popular"], *person["model"]):
            assert room["title"] in page


def test_what_is_kept_is_a_project_whose_served_features_equal_the_replayed_ones(
    shown: Done, kept: Path
) -> None:
    config = answer_of(shown)["result"]["project"] + "/liverank.toml"
    assert load_config(Path(config)).label.interaction == "join"

    replayed = answer_of(liverank("replay", "--check", "--config", config, "--json"))
    report = answer_of(liverank("experiment", "report", "tab", "--config", config, "--json"))

    assert replayed["ok"]
    units = answer_of(shown)["result"]["units"]
    assert report["units_by_arm"] == units, "what was tried on the project is not in its log"


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")

    refused = liverank("demo", "--keep", str(tmp_path))

    assert refused.returncode == 1
    assert "is not empty; give --keep a new folder" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_too_small_a_world_is_refused_in_one_line() -> None:
    refused = liverank("demo", "--people", "3")

    assert refused.returncode == 1
    assert "liverank demo: `people` is 3; a world needs at least 10" in refused.stderr


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    told = r"ended before it listened: .*no such file"

    with pytest.raises(ServingError, match=told), own_server(tmp_path / "liverank.toml"):
        pass
