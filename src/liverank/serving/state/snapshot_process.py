"""Periodically starts a process of low priority that takes a snapshot.

Invariant: served state is never touched; the only effect of a failed snapshot is a slower next
start.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress

from liverank.serving.server_log.events import write_event

_LOWEST_PRIORITY = 19


class SnapshotTaker:
    """Runs a command that takes a snapshot, periodically. Belongs to one event loop.

    ``command`` exits with 0, or writes the reason of its failure to stderr; ``every_s`` is the
    pause between two runs.

    >>> async def take_once(*command):
    ...     taker = SnapshotTaker(command, every_s=60)
    ...     await taker.take()
    ...     return taker.trouble
    >>> asyncio.run(take_once("true"))
    >>> asyncio.run(take_once("sh", "-c", "echo disk full >&2; exit 1"))
    'disk full'
    """

    def __init__(self, command: Sequence[str], *, every_s: float) -> None:
        self.trouble: str | None = None
        """The reason why the last snapshot could not be taken, or None."""
        self._command = command
        self._every_s = every_s

    async def run(self) -> None:
        """Take snapshots until cancelled; cancelling kills a running command."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.take()

    async def take(self) -> None:
        """Take one snapshot, and set ``trouble``."""
        began = time.perf_counter()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            self._report(f"the process does not start: {error}", began)
            return
        try:
            with suppress(ProcessLookupError):  # it has already ended
                os.setpriority(os.PRIO_PROCESS, process.pid, _LOWEST_PRIORITY)
            _, stderr = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        lines = stderr.decode(errors="replace").strip().splitlines()
        status = f"the process ended with {process.returncode}"
        self._report(None if process.returncode == 0 else [status, *lines][-1], began)

    def _report(self, trouble: str | None, began: float) -> None:
        if trouble is None:
            seconds = time.perf_counter() - began
            what = f"a snapshot of the whole log was taken in {seconds:.1f} s"
            write_event("snapshot_taken", what, seconds=round(seconds, 1))
        elif trouble != self.trouble:
            write_event("snapshot_failed", f"no snapshot was taken: {trouble}", reason=trouble)
        self.trouble = trouble
