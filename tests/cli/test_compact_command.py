"""``liverank compact`` on a log of a few events."""

import argparse
import json
import time
from pathlib import Path

import pytest
from rich.console import Console

from liverank.cli.commands import compact
from liverank.events.event import User
from liverank.events.log import Log

DAY_MS = 86_400_000


@pytest.fixture
def config(tmp_path) -> Path:
    """A config beside a log of one event of today and two of a month ago."""
    now_ms = time.time_ns() // 1_000_000
    with Log.open(tmp_path / "data" / "log") as log:
        old = [User(time=now_ms - 30 * DAY_MS, user=f"u{n}") for n in range(2)]
        log.append(old, arrived_ms=now_ms)
        log.append([User(time=now_ms, user="u3")], arrived_ms=now_ms)
    file = tmp_path / "liverank.toml"
    file.write_text('path = "data"\n[label]\ninteraction = "join"\n[log]\nsegment_rows = 1000\n')
    return file


def run(*argv: object) -> dict:
    parser = argparse.ArgumentParser()
    compact.configure(parser)
    console = Console(quiet=True)
    return compact.run(parser.parse_args([str(argument) for argument in argv]), console)


def test_it_moves_the_tail_into_segments_and_keeps_everything_by_default(config):
    result = run("--config", config, "--verify")
    assert json.loads(json.dumps(result)) == result
    assert result["moved"] == 3
    assert result["expired"] == 0
    assert result["verified"] == result["segments"] == 1
    assert result["tail_rows"] == 0
    assert run("--config", config)["moved"] == 0


def test_it_leaves_a_short_tail_alone(config):
    assert run("--config", config, "--min-rows", 4)["moved"] == 0
    assert run("--config", config, "--min-rows", 3)["moved"] == 3


def test_it_drops_what_is_older_than_the_config_keeps(config):
    keep = config.read_text() + 'keep = "7d"\n'
    config.write_text(keep)
    result = run("--config", config, "--min-rows", 100)
    assert (result["expired"], result["rows"]) == (2, 1)
