"""Jobs of the run loop: commands of liverank in own processes, of which one runs at a time.

Invariant: a job that is killed, or kills itself, leaves only what it logged.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

import msgspec

from liverank.errors import AutopilotError

_STOP_S = 10.0


class JobResult(NamedTuple):
    """How a job ended: its exit status, its JSON object, and the last line of its errors."""

    name: str
    status: int
    answer: dict[str, Any]
    error: str


class Job:
    """A running command ``liverank WORDS --config FILE --json``.

    ``seconds`` is the time after which it is killed. Raises AutopilotError if it does not start.
    """

    def __init__(self, name: str, words: Sequence[str], config: Path, *, seconds: float) -> None:
        self.name = name
        self._until_s = time.monotonic() + seconds
        self._result: JobResult | None = None
        self._output: IO[str] = _new_file()
        self._errors: IO[str] = _new_file()
        command = [sys.executable, "-m", "liverank", *words, "--config", str(config), "--json"]
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own command line
                command, stdin=subprocess.DEVNULL, stdout=self._output, stderr=self._errors
            )
        except OSError as error:
            self._close()
            raise AutopilotError(f"`{' '.join(words)}` does not start: {error}") from None

    def result(self, *, wait_s: float = 0.0) -> JobResult | None:
        """The result, or None while it runs; waits for at most ``wait_s`` seconds."""
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return None if time.monotonic() < self._until_s else self.stop()
        return self._ended()

    def stop(self) -> JobResult:
        """End the process, and return its result: it is asked, and then killed."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return self._ended()

    def _ended(self) -> JobResult:
        """The result of the process, which has ended; its output is read once."""
        if self._result is None:
            error, answer = _last_line(self._errors), _answer(self._output)
            self._result = JobResult(self.name, self._process.returncode, answer, error)
            self._close()
        return self._result

    def _close(self) -> None:
        self._output.close()
        self._errors.close()


def _new_file() -> IO[str]:
    return TemporaryFile("w+", encoding="utf-8", errors="replace")


def _answer(file: IO[str]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = msgspec.json.decode(_last_line(file), type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}
    return found


def _last_line(file: IO[str]) -> str:
    file.seek(0)
    lines = file.read().strip().splitlines()
    return lines[-1] if lines else ""
