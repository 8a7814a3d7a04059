"""A command of the operator, which gets each message as JSON on stdin."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import PurePath
from tempfile import TemporaryFile

import msgspec

from liverank.autopilot.alarms.message import Message
from liverank.errors import NotificationError

TIMEOUT_S = 60.0
"""Longest time that a command may take; then it and its children are killed."""


class Command(msgspec.Struct, frozen=True):
    """Runs a program with arguments, without a shell."""

    argv: tuple[str, ...]
    timeout_s: float = TIMEOUT_S

    @property
    def name(self) -> str:
        """The kind and the program; arguments may hold secrets."""
        return f"command ({PurePath(self.argv[0]).name})"

    def send(self, message: Message) -> None:
        """Run it; exit code 0 is success. Raises NotificationError."""
        program = PurePath(self.argv[0]).name
        with TemporaryFile() as errors:  # a pipe would wait for children that stay in background
            try:
                process = subprocess.Popen(  # noqa: S603  # the operator's own command
                    self.argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                )
            except OSError as error:
                raise NotificationError(f"{program}: {error.strerror}") from None
            try:
                process.communicate(msgspec.json.encode(message), timeout=self.timeout_s)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise NotificationError(
                    f"{program} did not end within {self.timeout_s:g} s, and was killed"
                ) from None
            if process.returncode:
                errors.seek(0)
                lines = errors.read(4_000).decode(errors="replace").strip().splitlines()
                detail = f": {lines[-1][:200]}" if lines else ""
                raise NotificationError(f"{program} exited with {process.returncode}{detail}")
