"""Drives one worker as a supervisor does, and tells what it holds after many views.

Run as a program with a directory (of a log and two bundles of different layouts) and a number of
views. Writes down, once a third of them was adopted and at the end, the files that the
worker holds open, its maps of shared memory, and its memory in kB.
"""

import itertools
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path

import msgspec
from rank_clients import fds_of, pss_kb
from rank_servers import CONFIG, now_ms

from liverank.bundle import store
from liverank.config import parse_config
from liverank.serving.processes.board import Board
from liverank.serving.processes.channel import NewView, channel_pair
from liverank.serving.processes.child import run_child
from liverank.serving.processes.deployment import Deployment
from liverank.serving.processes.warm import warm_up
from liverank.serving.processes.worker import run_worker
from liverank.serving.ranking.fallback import fixed_level
from liverank.serving.state.live_table import LivePublisher
from liverank.serving.state.log_fold import FoldedLog

SETTINGS = parse_config(CONFIG)


class Held(msgspec.Struct):
    """What a worker holds."""

    fds: int
    maps: int
    kb: int


def held_by(pid):
    maps = len(re.findall("memfd:liverank-state", Path(f"/proc/{pid}/maps").read_text()))
    return Held(fds_of(pid), maps, pss_kb(pid))


def a_view(number, place):
    """A view with as much in it as makes a leak show."""
    layout = fixed_level(place).bundle.spec.layout
    folded = FoldedLog(layout, SETTINGS)
    folded.state.store.arrays.words[:250_000] = 1.0  # 2 MB
    told = NewView(number, 0, 1, layout, str(place), None, None, None)
    return told, folded, LivePublisher(folded.live)


def main():
    root, count = Path(sys.argv[1]), int(sys.argv[2])
    places = [store.directory_of(root, one.version) for one in store.versions(root)]
    for place in places:
        warm_up(fixed_level(place), SETTINGS)
    board = Board(1)
    deployment = Deployment(
        config=SETTINGS, log=root / "log", snapshots=root / "snapshots", bundles=None, bundle=None,
        take_snapshot=(), snapshot_every_s=None, clock_ms=now_ms,
    )  # fmt: skip
    listening = socket.create_server(("127.0.0.1", 0))
    ours, theirs = channel_pair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        run_child(0, lambda: run_worker(deployment, board, 0, theirs, listening, []))
    theirs.close()
    held = []
    for number, place in zip(range(1, count + 1), itertools.cycle(places), strict=False):
        told, folded, publisher = a_view(number, place)
        with folded.state.store, publisher.table._shared:
            ours.send(told, (folded.state.store.fd, publisher.table.fd))
        until = time.monotonic() + 20
        while board.workers[0]["view"] < number:
            assert time.monotonic() < until, "the view was not adopted"
            time.sleep(0.002)
        if number in (count // 3, count):
            time.sleep(0.3)
            held.append(held_by(pid))
    os.kill(pid, signal.SIGTERM)
    _, status = os.waitpid(pid, 0)
    assert status == 0
    print(msgspec.json.encode(held).decode())


if __name__ == "__main__":
    main()
