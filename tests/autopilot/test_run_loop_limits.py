"""Budgets and locks of a training: it ends beyond them, says why, and leaves nothing held."""

import os
import signal
import subprocess
import sys
import time

import pytest

from liverank.autopilot.run_loop.jobs import Job
from liverank.autopilot.run_loop.lock import is_taken, only_one
from liverank.errors import AutopilotError

_LIMITED = """
import sys, time
from liverank.autopilot.run_loop.limits import limited
with limited(memory_bytes=int(sys.argv[1]), seconds=float(sys.argv[2]), parent={parent},
             on_exceeded=lambda reason: print(reason, flush=True)):
    {work}
print("done")
"""


def run_limited(
    work: str, *, memory: float = 1e12, seconds: float, parent: int | None = None
) -> tuple[int, str]:
    script = _LIMITED.format(work=work, parent=parent)
    done = subprocess.run(
        [sys.executable, "-c", script, str(int(memory)), str(seconds)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.strip()


def test_a_training_that_takes_too_much_memory_ends_and_says_what_to_change():
    grow = "held = [bytearray(b'x') * 50_000_000 for _ in range(40) if not time.sleep(0.2)]"
    status, said = run_limited(grow, memory=400e6, seconds=60)
    assert status == 1
    assert said.startswith("the training took 0.")
    assert "raise `autopilot.memory`" in said


def test_a_training_that_takes_too_long_ends_and_says_what_to_change():
    status, said = run_limited("time.sleep(60)", seconds=0.5)
    assert status == 1
    assert "raise `autopilot.within`" in said


def test_within_its_budget_it_ends_by_itself():
    assert run_limited("time.sleep(0.3)", seconds=60, parent=os.getpid()) == (0, "done")


def test_it_does_not_outlive_the_run_loop_that_started_it():
    not_its_parent = os.getppid()
    status, said = run_limited("time.sleep(60)", seconds=60, parent=not_its_parent)
    assert (status, said) == (1, "the run loop that started the training was killed")


def test_a_second_training_is_refused_with_the_process_that_runs(tmp_path):
    with (
        only_one(tmp_path, "training"),
        pytest.raises(AutopilotError, match=rf"pid {os.getpid()}.*one training at a time"),
        only_one(tmp_path, "training"),
    ):
        raise AssertionError("two trainings at once")
    with only_one(tmp_path, "training"):
        assert is_taken(tmp_path, "training")
    assert not is_taken(tmp_path, "training")


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib, sys, time\n"
            "from liverank.autopilot.run_loop.lock import only_one\n"
            "with only_one(pathlib.Path(sys.argv[1]), 'training'):\n"
            "    print('held', flush=True)\n"
            "    time.sleep(60)",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    assert is_taken(tmp_path, "training")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert not is_taken(tmp_path, "training")


def test_a_job_gives_its_answer_and_the_last_line_of_its_errors(tmp_path):
    job = Job("list", ["bundles"], tmp_path / "missing.toml", seconds=60)
    result = job.result(wait_s=30)
    assert result is not None
    assert result.status == 1
    assert result.answer["ok"] is False
    assert "missing.toml: no such file" in result.error


def test_a_job_that_takes_too_long_is_killed(tmp_path):
    (tmp_path / "liverank.toml").write_text('[label]\ninteraction = "join"\n')
    job = Job("serve", ["serve", "--port", "0"], tmp_path / "liverank.toml", seconds=0.2)
    began = time.monotonic()
    result = None
    while result is None:
        result = job.result(wait_s=0.1)
    assert time.monotonic() - began < 30
    assert result.status != 0
