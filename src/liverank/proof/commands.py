"""Runs liverank's commands as a user would: in separate processes, with JSON output."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from liverank.errors import ProofError

Answer = dict[str, Any]


def run_command(*words: str, config: Path | None = None, may_fail: bool = False) -> Answer:
    """Run ``liverank WORDS --config FILE --json`` and return its JSON output.

    Raises ProofError if the command fails; with ``may_fail`` the output contains ``error`` instead.
    """
    command = [*words, *(() if config is None else ("--config", str(config))), "--json"]
    done = subprocess.run(  # noqa: S603  # our own command line
        [sys.executable, "-m", "liverank", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines()
    try:
        answer: Answer = msgspec.json.decode(lines[-1] if lines else "", type=dict[str, Any])
    except msgspec.DecodeError:
        answer = {"ok": False, "error": done.stderr.strip() or f"it ended with {done.returncode}"}
    if done.returncode and not may_fail:
        raise ProofError(f"`liverank {' '.join(command)}` failed: {answer.get('error')}")
    return answer
