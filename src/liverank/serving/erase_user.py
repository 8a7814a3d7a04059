"""``DELETE /v1/users/ID``: erases a user from the log, from served state and from snapshots.

Invariant: when it is answered, no worker ranks from state that includes the user's erased events.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

from liverank.errors import LogError
from liverank.events.log import EraseResult, Log
from liverank.serving.http.messages import ErasedUser
from liverank.serving.processes.board import Board
from liverank.serving.ranking.ranking_log import RankingWriter
from liverank.serving.server_log.events import write_event
from liverank.serving.state.erase import erase_from_log, remove_snapshots

_POLL_S = 0.02
_MAX_REFOLD_S = 3600.0


async def erase_everywhere(
    log: Log,
    user: str,
    *,
    board: Board,
    writer: RankingWriter,
    snapshots: Path,
    executor: Executor,
    clock_ms: Callable[[], int],
) -> ErasedUser:
    """Erase a user, and wait until every worker has adopted a state without them.

    Takes as long as folding the whole log. Events that arrive after the erasure began are
    accepted. ``executor`` runs the blocking disk operations. Raises BadRequestError, LogError.
    """

    def erase() -> tuple[EraseResult, int]:
        """Erase the user from the log and from queued rankings; returns also its generation."""
        writer.flush()
        erased = erase_from_log(log, user, at_ms=clock_ms())
        return erased, log.generation()

    loop, began = asyncio.get_running_loop(), time.perf_counter()
    erased, generation = await loop.run_in_executor(executor, erase)
    until = time.perf_counter() + _MAX_REFOLD_S
    while _oldest_generation(board) < generation:
        if time.perf_counter() > until:
            raise LogError(
                "the user is no longer in the log, but after an hour the server still ranks from "
                "state that includes them; see /healthz, or restart the server"
            )
        await asyncio.sleep(_POLL_S)
    await loop.run_in_executor(executor, remove_snapshots, snapshots)
    seconds = time.perf_counter() - began
    what = f"a user was erased: {erased.rows:,} of their events, in {seconds:.1f} s"
    write_event("erased", what, rows=erased.rows, seconds=round(seconds, 1))
    return ErasedUser(user=user, erased_rows=erased.rows)


def _oldest_generation(board: Board) -> int:
    """The oldest generation of the log that any running worker ranks from."""
    workers = board.workers
    return int(workers["generation"][workers["pid"] != 0].min())
