"""``liverank experiment start``, ``status`` and ``stop``: what is written, and what is refused."""

import json

import pytest

from liverank.cli import main
from liverank.events.log import Log

CONFIG = """
[label]
interaction = "join"
[experiments.tab]
variants = { a = { rank = "popular" }, b = { rank = "model" } }
[experiments.own]
surface = "own"
variants = { a = { rank = "popular" }, b = { rank = "bundle:0123" } }
[experiments.over]
surface = "over"
end = "2026-01-01T00:00:00Z"
variants = { a = { rank = "popular" }, b = { rank = "model" } }
"""


@pytest.fixture
def run(tmp_path, capsys):
    file = tmp_path / "liverank.toml"
    file.write_text(CONFIG)

    def run(*words: str):
        """The exit code, the JSON object and what was said on stderr."""
        code = main(["experiment", *words, "--config", str(file), "--json"])
        heard = capsys.readouterr()
        return code, json.loads(heard.out.splitlines()[-1]), heard.err

    return run


def status_of(run, name="tab"):
    _, said, _ = run("status", name)
    return said["experiments"][name]


def test_an_experiment_is_started_ramped_and_decided(run, tmp_path):
    assert status_of(run)["state"] == "not started"
    code, said, _ = run("start", "tab", "--ramp", "10%")
    assert (code, said["action"], said["ramp"]) == (0, "started", 10)
    status = status_of(run)
    assert (status["state"], status["ramp"], status["variants"]) == (
        "running", 10, {"a": 0.5, "b": 0.5}
    )  # fmt: skip
    assert run("start", "tab", "--ramp", "50")[1]["action"] == "ramped"
    assert "was 50 %: units that no longer take part" in run("start", "tab", "--ramp", "5")[2]
    code, said, _ = run("stop", "tab", "--decision", "ship", "--variant", "b", "--reason", "won")
    assert (code, said["action"]) == (0, "decided")
    status = status_of(run)
    assert (status["state"], status["shipped"], status["reason"]) == ("shipped", "b", "won")
    with Log.open(tmp_path / ".liverank" / "log") as log:
        actions = [one.event.action for one in log.experiment_changes()]
    assert actions == ["started", "ramped", "ramped", "decided"]


def test_an_experiment_that_was_stopped_without_a_decision_may_be_started_again(run):
    run("start", "tab")
    assert run("stop", "tab", "--reason", "a fault")[1]["action"] == "stopped"
    status = status_of(run)
    assert (status["state"], status["reason"]) == ("stopped", "a fault")
    assert run("start", "tab")[1]["action"] == "started"
    assert run("stop", "tab", "--decision", "stop")[0] == 0
    assert status_of(run)["state"] == "stopped"


def test_a_start_in_the_future_has_not_begun(run):
    code, said, _ = run("start", "tab", "--at", "2099-01-01T00:00:00Z")
    assert (code, said["at_ms"]) == (0, 4_070_908_800_000)
    assert status_of(run)["state"] == "not started"


@pytest.mark.parametrize(
    ("before", "words", "why"),
    [
        ([], ["start", "tob"], "there is no [experiments.tob]; it names tab, own, over"),
        ([], ["start", "own"], "no bundle `0123`; there are: none"),
        (
            [],
            ["start", "over"],
            "`experiments.over.end` is 2026-01-01 00:00:00+00:00, which has passed",
        ),
        (
            [["start", "tab"]],
            ["start", "tab"],
            "tab is already running; `--ramp P` changes how many",
        ),
        (
            [["start", "tab"], ["stop", "tab", "--decision", "stop"]],
            ["start", "tab"],
            "tab was decided (stop); give a new experiment another name",
        ),
        ([], ["stop", "tab"], "tab has not been started; there is nothing to stop"),
        ([], ["stop", "tab", "--decision", "ship"], "--decision ship needs --variant: a, b"),
        ([], ["stop", "tab", "--variant", "a"], "--variant is the variant to ship; add --decision"),
        (
            [["start", "tab"]],
            ["stop", "tab", "--decision", "ship", "--variant", "c"],
            "tab has no variant `c`; expected a, b",
        ),
        (
            [["start", "tab"], ["stop", "tab"]],
            ["stop", "tab"],
            "tab is not running; record its outcome with `--decision`",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(run, before, words, why):
    for step in before:
        assert run(*step)[0] == 0
    code, said, heard = run(*words)
    assert (code, said["ok"]) == (1, False)
    assert why in said["error"]
    assert heard.startswith(f"liverank experiment {words[0]}: ")
    assert heard.count("\n") == 1


def test_a_ramp_that_cannot_be_is_bad_usage(run, capsys):
    with pytest.raises(SystemExit) as stopped:
        run("start", "tab", "--ramp", "101")
    assert stopped.value.code == 2
    assert "expected percent from 0 to 100" in capsys.readouterr().err
