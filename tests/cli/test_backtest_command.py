"""``liverank backtest`` and ``liverank train`` on files of events, as a person runs them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from liverank.cli import main
from liverank.events.event import Interaction, Item, Ranking
from liverank.simulator.simulate import write_events

START_MS = 1_795_392_000_000
MINUTE_MS = 60_000
TEST_FROM, TEST_FROM_MS = "2026-11-23T08:00:00Z", START_MS + 480 * MINUTE_MS
METRICS = {"list_auc", "ndcg@10", "mrr", "hit_rate@10", "auc", "lists", "log_loss"}
THREE_LINES = '[label]\ninteraction = "click"\nwithin = "1h"\n'
QUICK = THREE_LINES + '[training]\nbudget = "2s"\n'


def history(*, rankings=True, impressions=False):
    """Ten hours of lists for two kinds of people; items carry no fields at all."""
    random = np.random.default_rng(4)
    events = [Item(time=START_MS, item=f"i{n}", state="started") for n in range(15)]
    for n in range(600):
        at_ms = START_MS + n * MINUTE_MS
        person = int(random.integers(25))
        items = random.permutation(15)[:8].tolist()
        if rankings:
            events.append(
                Ranking(time=at_ms, id=f"q{n}", user=f"u{person}", items=[f"i{i}" for i in items])
            )
        for place, i in enumerate(items):
            did = [("impression", place < 6)] if impressions else []
            did.append(("click", random.random() < (0.5 if i % 2 == person % 2 else 0.05)))
            events += [
                Interaction(
                    time=at_ms + 500,
                    type=type_,
                    user=f"u{person}",
                    item=f"i{i}",
                    ranking=f"q{n}" if rankings else None,
                )
                for type_, happened in did
                if happened
            ]
    return events


def true_list_auc(events):
    """The list AUC of who likes what, by which ``history`` draws clicks, in the test period."""
    clicks = {(e.ranking, e.item) for e in events if isinstance(e, Interaction)}
    found = []
    for event in events:
        if isinstance(event, Ranking) and event.time >= TEST_FROM_MS:
            clicked = np.array([(event.id, item) in clicks for item in event.items])
            likes = [int(item[1:]) % 2 == int(event.user[1:]) % 2 for item in event.items]
            likes = np.array(likes, float)
            above = np.sign(likes[clicked][:, None] - likes[~clicked])
            if above.size:
                found.append((above.mean() + 1) / 2)
    return np.mean(found)


@pytest.fixture
def project(tmp_path):
    """Writes a config and a file of events; gives the arguments that name them."""

    def write(config, events):
        (tmp_path / "liverank.toml").write_text(config)
        write_events(tmp_path / "events.jsonl", events)
        return [
            *("--config", str(tmp_path / "liverank.toml")),
            *("--events", str(tmp_path / "events.jsonl")),
        ]

    return write


def run(capsys, *argv):
    """Exit code, the JSON of the last line of stdout (None without any), stderr as one line."""
    code = main([*argv, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out.splitlines()[-1]) if out else None, " ".join(err.split())


def test_three_lines_of_config_and_bare_events_are_enough(project):
    events = history()
    in_no_hurry = THREE_LINES + '[training]\nbudget = "8s"\n'  # two minutes when left out
    paths = project(in_no_hurry, events)
    done = subprocess.run(
        [sys.executable, "-m", "liverank", "backtest", *paths, "--test-from", TEST_FROM, "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert {"methods", "best_heuristic", "rows", "seconds"} <= set(result)
    assert all(set(figures) == METRICS for figures in result["methods"].values())
    assert result["rows"] == 120 * 8
    best = result["methods"][result["best_heuristic"]]
    gain = true_list_auc(events) - best["list_auc"]
    assert result["methods"]["model"]["list_auc"] > best["list_auc"] + 0.8 * gain
    assert "Traceback" not in done.stderr


def test_the_table_names_every_method(project, capsys):
    code = main(["backtest", *project(QUICK, history()), "--test-from", TEST_FROM])
    out = capsys.readouterr().out
    assert code == 0
    assert all(name in out for name in ("random", "popular_24h", "success_rate", "model"))


def test_a_test_period_without_a_success_is_shown_as_unknown(project, capsys):
    events = [e for e in history() if not isinstance(e, Interaction) or e.time < TEST_FROM_MS]
    paths = project(QUICK, events)
    code = main(["backtest", *paths, "--test-from", TEST_FROM])
    assert code == 0
    assert "model less" not in capsys.readouterr().out
    code, result, _ = run(capsys, "backtest", *paths, "--test-from", TEST_FROM)
    assert code == 0
    assert result["methods"]["model"]["ndcg@10"] is None
    assert result["methods"]["model"]["lists"] == 0


def test_impressions_may_be_interactions(project, capsys):
    paths = project(QUICK, history(impressions=True))
    code, result, _ = run(capsys, "backtest", *paths, "--test-from", TEST_FROM)
    assert code == 0
    assert result["methods"]["model"]["list_auc"] > 0.7
    assert result["training_rows"] < 8 * 480, "what was not seen is not learned from"


def test_repeated_events_and_another_logs_cuts_change_nothing(project, capsys):
    events = [
        Interaction(**{f: getattr(e, f) for f in e.__struct_fields__ if f != "id"}, id=f"c{n}")
        if isinstance(e, Interaction)
        else e
        for n, e in enumerate(history())
    ]
    with_cuts = [
        Ranking(time=e.at_ms, id=e.id, user=e.user, items=e.items, cut=10**6)
        if isinstance(e, Ranking)
        else e
        for e in events
    ]
    results = [
        run(capsys, "backtest", *project(QUICK, of), "--test-from", TEST_FROM)[1]["methods"]
        for of in (events, with_cuts + events)
    ]
    for name in ("popular_24h", "success_rate", "next_item"):
        assert results[0][name] == results[1][name]


@pytest.mark.parametrize(
    ("config", "has_rankings", "test_from", "message"),
    [
        (QUICK, False, TEST_FROM, "send `ranking` events, or add `[candidates]`"),
        (
            QUICK,
            True,
            "2026-11-22T00:00:00Z",
            "no rankings to learn from: all of them are of the test period",
        ),
        (QUICK, True, "2026-12-24T00:00:00Z", "choose an earlier `--test-from`"),
        (QUICK, True, "1", "no rankings to learn from: all of them are of the test period"),
        (QUICK.replace("click", "buy"), True, TEST_FROM, "none drew a `buy` within 1h"),
    ],
)
def test_what_cannot_be_tested_is_one_readable_line(
    config, has_rankings, test_from, message, project, capsys
):
    paths = project(config, history(rankings=has_rankings))
    code, result, error = run(capsys, "backtest", *paths, "--test-from", test_from)
    assert (code, result["ok"]) == (1, False)
    assert error.startswith("liverank backtest: ")
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize("given", ["yesterday", "2026-13-01", "", "-5"])
def test_a_time_that_is_none_is_bad_usage(given, project, capsys):
    paths = project(QUICK, [])
    with pytest.raises(SystemExit, match="2"):
        main(["backtest", *paths, f"--test-from={given}"])
    assert "expected e.g. 2026-11-23T10:00:00Z" in capsys.readouterr().err


def test_no_events_at_all_is_an_error(project, capsys):
    code, _, error = run(capsys, "backtest", *project(QUICK, []), "--test-from", TEST_FROM)
    assert code == 1
    assert "no events in" in error


def test_training_on_an_empty_log_says_how_to_fill_it(project, capsys):
    config = project(QUICK, [])[:2]
    code, _, error = run(capsys, "train", *config)
    assert code == 1
    assert "the log is empty; `liverank ingest PATH` fills it" in error


def test_training_makes_a_bundle_and_promotes_it_unless_told_not_to(project, capsys):
    paths = project(QUICK, history())
    code, kept, _ = run(capsys, "train", *paths, "--no-promote")
    assert (code, kept["promoted"]) == (0, False)
    code, promoted, _ = run(capsys, "train", *paths)
    assert (code, promoted["promoted"]) == (0, True)
    assert promoted["report"]["data"]["rows"] > 3000
    assert set(promoted["features"]) >= set(promoted["report"]["used_features"])
    assert promoted["guessed_fields"] == {"items": [], "users": [], "requests": []}


def test_no_bundle_is_written_that_does_not_beat_popularity_unless_forced(project, capsys):
    few = history()[:60]
    paths = project(QUICK, few)
    bundles = Path(paths[1]).parent / ".liverank" / "bundles"
    code, refused, error = run(capsys, "train", *paths)
    assert code == 1
    assert (refused["ok"], refused["bundle"], refused["promoted"]) == (False, None, False)
    assert refused["report"]["against"]["beats"] is False
    assert "too few to compare a model on" in refused["error"]
    assert "Train again when there is more to learn from, or give --force" in error
    assert not bundles.exists()
    code, forced, _ = run(capsys, "train", *paths, "--force")
    assert (code, forced["forced"], forced["promoted"]) == (0, True, True)
    assert (bundles / forced["bundle"]).is_dir()
