"""What the processes of a server hold: one state for all of them, and nothing that was replaced."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import worker_drivers
from rank_clients import fds_of, pss_kb
from rank_servers import a_bundle, a_spec, act, person, room, running_server
from test_processes_swapped import OTHER_LAYOUT
from worker_drivers import Held

from liverank.bundle import store

MANY = 60_000
"""People with a history: some 100 MB of state."""


def test_a_worker_gives_back_what_it_ranked_from_before(tmp_path):
    for spec in (a_spec(), OTHER_LAYOUT):
        store.add(tmp_path, a_bundle(spec))
    told = subprocess.run(
        [sys.executable, worker_drivers.__file__, str(tmp_path), "50"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert told.returncode == 0, told.stderr
    early, late = msgspec.json.decode(told.stdout, type=list[Held])
    assert (late.fds, late.maps) == (early.fds, early.maps)
    assert late.kb < early.kb + 10_000, "45 views would be 90 MB"


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
        assert fds_later == fds
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
            os.kill(server.pids()[name], signal.SIGKILL)
            server.wait_for(lambda said: not said["ok"] or len(said["pids"]) == 3)
            server.wait_for(lambda said: said["ok"] and len(said["pids"]) == 3)
        pid = server.process.pid
        status = Path(f"/proc/{pid}/status").read_text()
        assert "Threads:\t1\n" in status, "only a process of one thread can be forked at any time"
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        assert set(map(int, children)) == set(server.pids().values())


@pytest.mark.timeout(200)
def test_four_workers_cost_the_memory_of_one_state(tmp_path):
    with running_server(tmp_path, "--workers", "1") as server:
        for begin in range(0, MANY, 3000):
            people = range(begin, begin + 3000)
            told = [person(f"p{number}", language="en", country="GB") for number in people]
            told += [
                act("join", f"p{n}", f"r{n % 5000}", id=f"{n}.{k}") for n in people for k in "ab"
            ]
            assert server.send(*told).status_code == 202
        server.send_and_fold(*(room(f"r{number}") for number in range(2000)))
        state_mb = server.health()["state"]["bytes"] / 1e6
        server.terminate()
    total_kb = {}
    for workers in (1, 4):
        with running_server(tmp_path, "--workers", str(workers)) as server:
            for number in range(100):
                assert server.ask("/livez") == {"alive": True}
                server.rank(user=f"p{number}")
            total_kb[workers] = sum(map(pss_kb, all_pids(server).values()))
            server.terminate()
    each_mb = (total_kb[4] - total_kb[1]) / 3 / 1000
    print(f"state {state_mb:.0f} MB; a worker more {each_mb:.0f} MB", total_kb)
    assert state_mb > 50
    assert each_mb < 60
