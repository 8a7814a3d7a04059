"""Tests in two processes: those that are ``alone``, and what others print (see conftest.py)."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = "[pytest]\nmarkers = alone\n"
TESTS = """
import time
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(8))
def test_shared(number):
    ran("shared")

@pytest.mark.alone
@pytest.mark.parametrize("number", range(2))
def test_alone(number):
    ran("alone")

def ran(kind):
    began = time.monotonic()
    time.sleep(0.05)
    with Path("spans.txt").open("a") as file:
        file.write(f"{kind} {began} {time.monotonic()}\\n")
"""


ODD = """
import pytest

def test_it_fails():
    pytest.fail("half a character: " + chr(0xD800))
"""


def run_in_two_processes(folder: Path) -> "subprocess.CompletedProcess[str]":
    shutil.copy(ROOT / "conftest.py", folder)
    (folder / "pytest.ini").write_text(SETTINGS)
    options = ("-p", "xdist", "--numprocesses=2", "--dist=loadfile")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # it starts three processes
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_failure_with_half_characters_is_shown_with_escapes(tmp_path: Path) -> None:
    (tmp_path / "test_odd.py").write_text(ODD)
    ended = run_in_two_processes(tmp_path)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "half a character: \\ud800" in ended.stdout, ended.stdout
    assert "1 failed" in ended.stdout


def test_no_other_test_runs_while_one_that_is_alone_does(tmp_path: Path) -> None:
    for name in ("test_one.py", "test_two.py"):
        (tmp_path / name).write_text(TESTS)
    ended = run_in_two_processes(tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = [line.split() for line in (tmp_path / "spans.txt").read_text().splitlines()]
    spans = [(kind, float(began), float(end)) for kind, began, end in lines]
    assert len(spans) == 20
    overlaps = [
        {one[0], other[0]}
        for place, one in enumerate(spans)
        for other in spans[:place]
        if one[1] < other[2] and other[1] < one[2]
    ]
    assert {"shared"} in overlaps, "others run at once"
    assert all("alone" not in kinds for kinds in overlaps)
