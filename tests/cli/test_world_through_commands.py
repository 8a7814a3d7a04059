"""The log of a simulated app goes through every command of the README, and back out of its log."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from liverank.bundle import store
from liverank.cli import main


def liverank(*words: str) -> dict[str, Any]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main((*words, "--json"))
    assert code == 0, err.getvalue()
    answer: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return answer


def test_the_log_of_a_simulated_app_goes_through_every_command(tmp_path: Path) -> None:
    app, config = tmp_path / "app", str(tmp_path / "liverank.toml")
    lived = liverank("simulate", "run", "--people", "300", "--days", "3", "--out", str(app))
    events = app / "events.jsonl"
    written = events.read_bytes().count(b"\n")
    assert lived["events"] == written

    proposed = liverank("init", str(events), "--out", config)
    assert proposed["label"] == "join"
    with Path(config).open("a") as lines:
        lines.write('\n[training]\nbudget = "2s"\n')
    assert liverank("validate", str(events), "--config", config)["ok"]
    assert liverank("ingest", str(events), "--config", config)["accepted"] == written

    trained = liverank("train", "--force", "--config", config)
    lineage = store.load(tmp_path / ".liverank", trained["bundle"]).lineage
    assert lineage is not None
    assert (lineage.first_seq, lineage.last_seq, lineage.parent) == (1, written, None)
    assert lineage.rows == trained["report"]["data"]["rows"]
    assert liverank("replay", "--config", config)["ok"]

    tested = liverank("backtest", "--config", config, "--test-from", "2024-01-03")
    assert {"random", "model", tested["best_heuristic"]} <= set(tested["methods"])
    assert tested["methods"]["model"]["lists"] > 50
