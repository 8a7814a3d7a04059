"""``liverank autopilot judge`` on a project with a log and two bundles."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from liverank.autopilot.gather import look_at
from liverank.bundle import store
from liverank.bundle.bundle import pack_bundle
from liverank.bundle.lineage import Lineage
from liverank.cli import main
from liverank.config import parse_config
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.features.spec import derive_spec
from liverank.models.calibrator import Calibrator
from liverank.models.linear.model import Linear
from liverank.models.predictor import Predictor, Term
from liverank.simulator.simulate import write_events

START_MS, MINUTE_MS = 1_795_392_000_000, 60_000
TEXT = '[label]\ninteraction = "click"\nwithin = "1m"\n[items.fields]\nquality = "number"\n'
"""From 2026-11-23T00:00:00Z, a list a minute for ten hours."""


def events():
    random = np.random.default_rng(1)
    made = [
        Item(time=START_MS - 1, item=f"i{n}", state="started", fields={"quality": float(n % 7)})
        for n in range(60)
    ]
    for n in range(600):
        at_ms = START_MS + n * MINUTE_MS
        items, user = random.permutation(60)[:6].tolist(), f"u{n % 40}"
        made.append(Ranking(time=at_ms, id=f"q{n}", user=user, items=[f"i{i}" for i in items]))
        made += [
            Interaction(time=at_ms + 5, type="click", user=user, item=f"i{i}", ranking=f"q{n}")
            for i in items
            if random.random() < 0.1 * (i % 7)
        ]
    return made


def packed(spec, weight, created_ms, lineage=None):
    part = Linear(
        low=np.zeros(1),
        high=np.full(1, 9.0),
        logarithmic=np.zeros(1, bool),
        mean=np.full(1, 3.0),
        weight=np.full(1, weight),
        missing_weight=np.zeros(1),
        intercept=np.full(1, -1.0),
    )
    model = Predictor((Term(part, 0, 1.0),), Calibrator.none(1), "sigmoid", ("no", "yes"))
    return pack_bundle(
        spec=spec,
        heads={"click": model},
        report=part_of_report(),
        golden=np.zeros((1, 1), np.float32),
        created_ms=created_ms,
        lineage=lineage,
    )


def part_of_report():
    config = parse_config(TEXT)
    return config.training  # any struct; the command needs none of a report's figures


@pytest.fixture
def project(tmp_path: Path):
    """A project, the version in service, and that of a worse challenger."""
    made = events()
    write_events(tmp_path / "events.jsonl", made)
    (tmp_path / "liverank.toml").write_text(TEXT)
    config = parse_config(TEXT)
    frame = frame_of(made, seqs=range(1, len(made) + 1))
    spec = derive_spec(look_at(lambda: [frame], config), config).keep({"item_quality"})
    root = tmp_path / ".liverank"
    good = store.add(root, packed(spec, 0.5, 1))
    bad = store.add(root, packed(spec, -0.5, 2))
    store.promote(root, good)
    return tmp_path, good, bad


def judge(capsys, project, *options, since=("--since", "2026-11-23T05:00:00Z")):
    code = main(
        [
            "autopilot",
            "judge",
            *options,
            *since,
            "--until",
            "2026-11-23T09:00:00Z",
            "--events",
            str(project / "events.jsonl"),
            "--config",
            str(project / "liverank.toml"),
            "--json",
        ]
    )
    text = capsys.readouterr().out
    return code, json.loads(text.strip().splitlines()[-1]), text


def test_a_challenger_is_compared_with_the_one_in_service(project, capsys):
    root, good, bad = project
    code, answer, _ = judge(capsys, root, bad)
    assert code == 1
    verdict = answer["verdict"]
    assert (answer["ok"], verdict["challenger"], verdict["champion"]) == (False, bad, good)
    assert "champion" in [check["name"] for check in verdict["checks"] if not check["passed"]]
    assert verdict["lists"] == 239


def test_the_one_in_service_is_compared_with_the_one_before_or_with_popularity(project, capsys):
    root, good, bad = project
    code, answer, _ = judge(capsys, root, good, "--champion", "popularity")
    assert (code, answer["verdict"]["champion"]) == (0, None)
    store.promote(root / ".liverank", bad)
    code, answer, _ = judge(capsys, root, bad)
    assert (code, answer["verdict"]["champion"]) == (1, good)
    code, answer, _ = judge(capsys, root, good, "--champion", bad)
    assert (code, answer["verdict"]["champion"]) == (0, bad)


def test_without_a_time_lists_are_those_after_the_training(project, capsys):
    root, good, _ = project
    code, answer, _ = judge(capsys, root, good, since=())
    assert code == 1
    assert "give --since" in answer["error"]
    spec = store.load(root / ".liverank", good).spec
    lineage = Lineage(
        first_seq=1,
        last_seq=9,
        trained_until_ms=START_MS + 420 * MINUTE_MS,
        lists_from_ms=START_MS,
        lists_to_ms=START_MS,
        lists=1,
        rows=1,
        config="{}",
        config_sha256="",
    )
    newer = store.add(root / ".liverank", packed(spec, 0.6, 3, lineage))
    code, answer, _ = judge(capsys, root, newer, since=())
    assert (code, answer["verdict"]["from_ms"]) == (0, lineage.trained_until_ms)


def test_the_terminal_shows_figures_checks_and_the_reason(project):
    root, good, bad = project
    run = subprocess.run(
        [
            sys.executable, "-m", "liverank", "autopilot", "judge", bad,
            "--since", "2026-11-23T05:00:00Z", "--until", "2026-11-23T09:00:00Z",
            "--events", "events.jsonl",
        ],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert run.returncode == 1, run.stderr
    shown = run.stdout + run.stderr
    for text in (
        "minus champion",
        "unbiased",
        "obs/pred",
        "95 % low",
        "log_loss",
        "Checks",
        "popularity",
    ):
        assert text in shown
    assert max(map(len, shown.splitlines()[:-4])) <= 100
    assert "Refused: The challenger does not rank better than the most popular list" in shown
    assert store.current(root / ".liverank") == good
