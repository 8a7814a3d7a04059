"""The server's side of taking snapshots: a process of low priority, started now and then.

Invariant: what ranks is never touched; a snapshot that fails costs the next start some time.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress

from liverank.serving.server_log.events import write_event

_LOWEST = 19


class SnapshotTaker:
    """Runs a command that takes a snapshot, again and again. Belongs to one event loop.

    ``command`` exits with 0, or tells why not on stderr; ``every_s`` is the pause between two runs.

    >>> async def take_once(*command):
    ...     taker = SnapshotTaker(command, every_s=60)
    ...     await taker.take()
    ...     return taker.trouble
    >>> asyncio.run(take_once("true"))
    >>> asyncio.run(take_once("sh", "-c", "echo no room >&2; exit 1"))
    'no room'
    """

    def __init__(self, command: Sequence[str], *, every_s: float) -> None:
        self.trouble: str | None = None
        """Why the last one could not be taken, or None."""
        self._command = command
        self._every_s = every_s

    async def run(self) -> None:
        """Take snapshots until cancelled, which gives up the one at hand."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.take()

    async def take(self) -> None:
        """Take one, and tell ``trouble`` how it went."""
        began = time.perf_counter()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            self._tell(f"the process does not start: {error}", began)
            return
        try:
            with suppress(ProcessLookupError):  # it was quick
                os.setpriority(os.PRIO_PROCESS, process.pid, _LOWEST)
            _, told = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        lines = told.decode(errors="replace").strip().splitlines()
        status = f"the process ended with {process.returncode}"
        self._tell(None if process.returncode == 0 else [status, *lines][-1], began)

    def _tell(self, trouble: str | None, began: float) -> None:
        if trouble is None:
            seconds = time.perf_counter() - began
            what = f"the snapshot is as new as the log was, after {seconds:.1f} s"
            write_event("snapshot_taken", what, seconds=round(seconds, 1))
        elif trouble != self.trouble:
            write_event("snapshot_failed", f"no snapshot was taken: {trouble}", reason=trouble)
        self.trouble = trouble
