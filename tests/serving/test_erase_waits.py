"""An erasure is answered once no worker ranks from what was folded before it."""

import asyncio

import pytest
from test_ranker import BY_POPULARITY, SETTINGS, folded_of

from liverank.events.event import Interaction
from liverank.events.log import Log
from liverank.serving.processes.board import Board
from liverank.serving.ranking.ranker import View
from liverank.serving.service import Service
from liverank.serving.state.live_table import LivePublisher


@pytest.mark.parametrize("how", ["it adopts", "it ends"])
def test_an_erasure_waits_for_the_last_worker_that_knows_the_user(tmp_path, how):
    joined = Interaction(time=1, type="join", user="gone", item="r1")
    folded = folded_of(joined)
    board = Board(2)
    board.workers["pid"] = (11, 12)

    async def erase(service, log):
        def adopt(place):
            board.workers[place]["generation"] = log.generation()

        task = asyncio.create_task(service.erase_user("gone"))
        while log.last_seq() and log.generation() == before:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert not task.done(), "both know the user"
        adopt(0)
        await asyncio.sleep(0.1)
        assert not task.done(), "the other one does"
        board.workers[1]["pid"] = 0 if how == "it ends" else 12
        if how == "it adopts":
            adopt(1)
        erased = await asyncio.wait_for(task, 10)
        assert erased.erased_rows == 1

    with Log.open(tmp_path / "log") as log:
        log.append([joined], arrived_ms=1)
        before = log.generation()
        board.workers["generation"] = before
        service = Service(
            log, SETTINGS, board, 0, snapshots=tmp_path / "snapshots", clock_ms=lambda: 10_000
        )
        view = View(folded.state, LivePublisher(folded.live).table, BY_POPULARITY, before)
        service.adopt(view, 1)
        try:
            asyncio.run(erase(service, log))
        finally:
            service.close()
