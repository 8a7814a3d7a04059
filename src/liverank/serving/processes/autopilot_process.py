"""Keeps `liverank autopilot run` running next to a server, in a process of lower priority.

Invariant: rankings never wait for it; when it ends, another one is started after a pause.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress

from liverank.serving.server_log.events import write_event

PRIORITY = 10
"""Niceness of the run loop; trainings lower their own further."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 600.0
_LONG_RUN_S = 600.0
"""A run that lasted this long ends the growth of the pauses."""


class AutopilotProcess:
    """Runs a command again and again. Belongs to one event loop.

    ``command`` should never end; what it writes goes to the server's own output.

    >>> async def run_once():
    ...     process = AutopilotProcess(("sh", "-c", "exit 3"))
    ...     return await process.run_once()
    >>> asyncio.run(run_once())
    'it ended with exit status 3'
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command

    async def run(self) -> None:
        """Keep it running until cancelled, which ends the running process too."""
        pause_s = _FIRST_PAUSE_S
        while True:
            began_s = time.monotonic()
            why = await self.run_once()
            if time.monotonic() - began_s > _LONG_RUN_S:
                pause_s = _FIRST_PAUSE_S
            what = f"autopilot is not running: {why}; it is started again in {pause_s:.0f} s"
            write_event("autopilot_ended", what, reason=why)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def run_once(self) -> str:
        """Start it and wait for its end; returns how it ended."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=None,
            )
        except OSError as error:
            return f"its process does not start: {error}"
        try:
            with suppress(ProcessLookupError):  # it has already ended
                os.setpriority(os.PRIO_PROCESS, process.pid, PRIORITY)
            status = await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.terminate()  # it ends its training too
                await process.wait()
        return f"it ended with exit status {status}"
