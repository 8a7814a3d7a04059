"""What the processes of a server hold: one state for all of them, and nothing that was replaced."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import polars as pl
import pytest
import worker_drivers
from rank_clients import clients, fds_of, private_kb, pss_kb
from rank_servers import a_bundle, a_spec, act, now_ms, room, running_server
from test_processes_swapped import OTHER_LAYOUT
from worker_drivers import Held

from liverank.bundle import store
from liverank.events.frame import frame_of
from liverank.events.log import Log

PEOPLE = 250_000
"""With a history each: some 100 MB of state."""
ITEMS = [f"r{number}" for number in range(100)]


def test_a_worker_gives_back_what_it_ranked_from_before(tmp_path):
    for spec in (a_spec(), OTHER_LAYOUT):
        store.add(tmp_path, a_bundle(spec))
    told = subprocess.run(
        [sys.executable, worker_drivers.__file__, str(tmp_path), "60"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert told.returncode == 0, told.stderr
    early, late = msgspec.json.decode(told.stdout, type=list[Held])
    assert (late.fds, late.maps) == (early.fds, early.maps)
    assert late.kb < early.kb + 10_000, "40 views would be 80 MB"


def all_pids(server):
    return {"supervisor": server.process.pid, **server.pids()}


def test_no_process_holds_what_was_folded_again(tmp_path):
    with running_server(tmp_path) as server:
        server.send_and_fold(*(room(f"r{number}") for number in range(200)))
        held = []
        for number in range(33):
            user = f"gone{number}"
            server.send_and_fold(act("join", user, "r0"))
            assert server.client.delete(f"/v1/users/{user}").status_code == 200
            if number in (2, 32):
                time.sleep(0.5)
                pids = all_pids(server)
                held.append(
                    [{name: f(pid) for name, pid in pids.items()} for f in (fds_of, pss_kb)]
                )
        (fds, kb), (fds_later, kb_later) = held
        assert all(fds_later[name] <= fds[name] + 1 for name in fds), (fds, fds_later)
        assert sum(kb_later.values()) < sum(kb.values()) + 20_000, (kb, kb_later)


def test_a_folding_process_that_took_anothers_place_does_not_hold_its_memory(tmp_path):
    with running_server(tmp_path) as server:
        server.send_and_fold(room("r1"))
        maps = []
        for _ in range(3):
            fold = server.pids()["fold"]
            links = [str(link.readlink()) for link in Path(f"/proc/{fold}/fd").iterdir()]
            maps.append(sum("liverank-state" in link for link in links))
            os.kill(fold, signal.SIGKILL)
            server.wait_for(lambda said, fold=fold: said["pids"].get("fold", fold) != fold)
            server.wait_for(lambda said: said["ok"])
        assert maps == [maps[0]] * 3


def test_the_supervisor_runs_one_thread_and_leaves_no_dead_process_behind(tmp_path):
    with running_server(tmp_path) as server:
        for name in ("worker-0", "fold", "worker-1"):
            killed = server.pids()[name]
            os.kill(killed, signal.SIGKILL)
            server.wait_for(
                lambda said, name=name, killed=killed: (
                    said["ok"] and said["pids"].get(name, killed) != killed
                )
            )
        pid = server.process.pid
        threads = [
            (task / "comm").read_text().strip() for task in Path(f"/proc/{pid}/task").iterdir()
        ]
        theirs = {"jemalloc_bg_thd", "polars-ooc-clea"}  # begun when polars is imported; idle
        assert len([name for name in threads if name not in theirs]) == 1, threads
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        assert set(map(int, children)) == set(server.pids().values())


def a_history(directory):
    """A log of people with four interactions each."""
    count = 4 * PEOPLE
    numbers = pl.select(n=pl.int_range(count))["n"]
    frame = (
        frame_of([])
        .clear(count)
        .with_columns(
            event=pl.lit("interaction"),
            type=pl.lit("join"),
            time=now_ms() - 1000 * (count - numbers) // 100,
            user="p" + (numbers % PEOPLE).cast(str),
            item="r" + (numbers % 4999).cast(str),
            id=numbers.cast(str),
        )
    )
    with Log.open(directory / ".liverank" / "log") as log:
        assert log.import_frame(frame, arrived_ms=now_ms()).accepted == count


def a_request():
    return {"user": f"p{random.randrange(PEOPLE)}", "items": ITEMS}


@pytest.mark.timeout(200)
def test_four_workers_cost_the_memory_of_one_state(tmp_path):
    a_history(tmp_path)
    total_kb, state_mb = {}, 0.0
    for workers in (1, 4):
        with running_server(tmp_path, "--workers", str(workers)) as server:
            state_mb = server.health()["state"]["bytes"] / 1e6
            with clients(server.url, a_request, count=16) as asking:
                asking.wait_for_more(800)
            total_kb[workers] = sum(map(pss_kb, all_pids(server).values()))
            total_kb[workers] -= private_kb(server.pids()["fold"])  # as the fold happened to go
    each_mb = (total_kb[4] - total_kb[1]) / 3 / 1000
    print(f"state {state_mb:.0f} MB; a worker more {each_mb:.0f} MB", total_kb)
    assert state_mb > 80
    assert each_mb < 40
