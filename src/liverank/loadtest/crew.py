"""Starts the load processes of a test, begins and stops them together, and collects their results.

Invariant: after the ``with`` block, even on an error, all of them have ended.
"""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from liverank.errors import LoadTestError
from liverank.loadtest.plan import Plan, WorkerResult

_HEAD_START_S = 0.2
"""Time from the start signal until the first request may be due."""
_KILL_AFTER_S = 5.0


class Crew:
    """Load processes that have received their plans and wait for the start."""

    def __init__(self, processes: list[subprocess.Popen[bytes]]) -> None:
        self._processes = processes

    def begin(self) -> None:
        """Start all of them at the same time."""
        start_ns = time.monotonic_ns() + int(_HEAD_START_S * 1e9)
        for process in self._processes:
            _write(process, b"%d\n" % start_ns)

    def stop(self) -> None:
        """Stop all of them early; each reports what it measured so far."""
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.close()

    def results(self) -> list[WorkerResult]:
        """Wait for the results of all. Raises LoadTestError."""
        return [msgspec.json.decode(_read(one), type=WorkerResult) for one in self._processes]


@contextmanager
def crew_for(plans: Sequence[Plan]) -> Iterator[Crew]:
    """Start a process for each plan, and wait until all are ready. Raises LoadTestError."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for _ in plans:
            processes.append(  # noqa: PERF401  # those that were started are ended below
                subprocess.Popen(
                    [sys.executable, "-m", "liverank.loadtest.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
        for process, plan in zip(processes, plans, strict=True):
            _write(process, msgspec.json.encode(plan) + b"\n")
        for process in processes:
            _read(process)
        yield Crew(processes)
    finally:
        _end(processes)


def _write(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(line)
        process.stdin.flush()
    except OSError:
        raise _ended(process) from None


def _read(process: subprocess.Popen[bytes]) -> bytes:
    """The next line that a process writes; it may be longer than the pipe's buffer."""
    assert process.stdout is not None
    descriptor, line = process.stdout.fileno(), bytearray()
    while not line.endswith(b"\n"):
        select.select([descriptor], [], [])  # whether or not the pipe waits by itself
        part = os.read(descriptor, 1 << 20)
        if not part:
            raise _ended(process)
        line += part
    return bytes(line)


def _ended(process: subprocess.Popen[bytes]) -> LoadTestError:
    code = process.wait()
    return LoadTestError(
        f"a load process ended before it was done (exit code {code}); its last words are above, "
        "fewer --workers or --connections may help"
    )


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # it ended before it read all of its input
                    continue
        try:
            process.wait(timeout=_KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
