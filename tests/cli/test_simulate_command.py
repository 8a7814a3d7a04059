"""``liverank simulate run``, as a person runs it."""

import json
from collections import Counter
from pathlib import Path

import pytest

from liverank.cli import main
from liverank.config import load_config

SMALL = ("--people", "60", "--days", "1", "--step", "1800")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["simulate", "run", *SMALL, *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_world_becomes_a_project_whose_events_are_those_that_are_told(tmp_path: Path, capsys):
    result = run(capsys, "--out", str(tmp_path / "world"))
    lines = (tmp_path / "world" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    kinds = Counter(event.get("type", event["event"]) for event in events)
    assert result["events"] == len(events)
    for told, kind in (("visits", "ranking"), ("clicks", "click"), ("joins", "join")):
        assert result[told] == kinds[kind] > 0
    assert load_config(tmp_path / "world" / "liverank.toml").label.interaction == "join"
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)


def test_the_same_seed_gives_the_same_bytes_and_another_policy_others(tmp_path: Path, capsys):
    for name, words in (("a", ()), ("b", ()), ("c", ("--policy", "oracle"))):
        run(capsys, "--out", str(tmp_path / name), *words)
    first, again, oracle = (
        (tmp_path / name / "events.jsonl").read_bytes() for name in ("a", "b", "c")
    )
    assert first == again
    assert first != oracle


def test_a_server_keeps_the_log_that_can_be_gone_on_with(tmp_path: Path, capsys) -> None:
    out = tmp_path / "served"
    result = run(capsys, "--out", str(out), "--policy", "served")
    assert result["fallbacks"] == result["visits"] > 0
    assert not (out / "events.jsonl").exists()
    assert main(["replay", "--config", str(out / "liverank.toml"), "--json"]) == 0
    assert f'"events":{result["events"]}' in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--shown", "0"), "`shown` is 0"),
        (("--step", "0"), "`step_ms` is 0"),
        (("--people", "3"), "`people` is 3"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_folder(tmp_path, capsys, words, told) -> None:
    out = tmp_path / "none"
    assert main(["simulate", "run", *SMALL, *words, "--out", str(out)]) == 1
    assert told in capsys.readouterr().err
    assert not out.exists()
