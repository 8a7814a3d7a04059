"""Processes that tests of the log start, to be killed."""

import json
import subprocess
import sys
from pathlib import Path

import log_writers
import pytest


@pytest.fixture(scope="session")
def start():
    """A function that starts a function of log_writers in a process, and returns its pid."""
    nursery = subprocess.Popen(
        [sys.executable, log_writers.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def start(function, *arguments) -> int:
        print(
            json.dumps([function.__name__, *map(_plain, arguments)]), file=nursery.stdin, flush=True
        )
        return int(nursery.stdout.readline())

    with nursery:
        yield start
        nursery.stdin.close()


def _plain(argument):
    return str(argument) if isinstance(argument, Path) else argument
