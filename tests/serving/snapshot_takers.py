"""What the processes do that test_snapshot_kills.py kills.

Run as a program, it forks a process for each line of its input (a call as JSON) and answers with
its pid. It has compiled the kernels before, so that each takes milliseconds to begin.
"""

import json
import os
import random
import signal
import sys
from pathlib import Path

import numpy as np
from rank_servers import CONFIG, a_spec

from liverank.config import parse_config
from liverank.events.event import Edge, Interaction, Item
from liverank.events.log import Log
from liverank.features.kernels.fold.fold import fold
from liverank.features.state import snapshot
from liverank.features.state.layout_arrays import arrays_of
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import Stream
from liverank.serving.state import snapshots
from liverank.serving.state.snapshots import take_snapshot

SETTINGS = parse_config(CONFIG)
LAYOUT = a_spec().layout
NOW_MS = 1_795_392_000_000


def some_events(chance, number):
    """A batch about a world that grows: every event may make rows."""
    batch = []
    for k in range(chance.choice([5, 60, 300])):
        user, room = f"u{chance.randrange(500)}", f"r{number}.{chance.randrange(20)}"
        at_ms = NOW_MS + 1000 * number + k
        batch.append(
            chance.choice(
                [
                    Interaction(time=at_ms, type="join", user=user, item=room),
                    Interaction(time=at_ms, type="leave", user=user, item=room),
                    Item(time=at_ms, item=room, state="started", fields={"host": user}),
                    Item(time=at_ms, item=room, state="ended"),
                    Edge(time=at_ms, user=user, relation="follow", target=f"u{k}"),
                ]
            )
        )
    return batch


def take_for_ever(directory, seed):
    """Append events and take snapshots; ``taken`` gets a line for each that was written."""
    chance = random.Random(seed)
    words = os.open(directory / f"{seed}.taken", os.O_WRONLY | os.O_CREAT)
    with Log.open(directory / "log") as log:
        for number in range(sys.maxsize):
            log.append(some_events(chance, 1000 * seed + number), arrived_ms=NOW_MS * 2)
            taken = take_snapshot(log, LAYOUT, SETTINGS, directory / "snapshots")
            os.write(words, f"{taken.written} {taken.seq} {taken.began}\n".encode())


def die_at_step(directory, step):
    """Take a snapshot, and die at the n-th call that its own code makes or takes."""
    code = {snapshot.__file__, snapshots.__file__, *map(_file_of, ("durable", "features.state"))}
    steps = 0

    def count(frame, event, argument):
        nonlocal steps
        if frame.f_code.co_filename in code:
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)

    with Log.open(directory / "log") as log:
        sys.setprofile(count)
        take_snapshot(log, LAYOUT, SETTINGS, directory / "snapshots")
        sys.setprofile(None)
    (directory / "done").touch()


def _file_of(module):
    return sys.modules[f"liverank.{module}"].__file__


def _compile():
    """Compile what folds, without polars: its threads do not live through a fork."""
    kinds = {"kind": np.int8, "state": np.int8, "type": np.int16, "also": np.int16}
    kinds |= {"user": np.uint64, "item": np.uint64, "items": np.uint64, "set_value": np.uint64}
    kinds |= {"seq": np.int64, "relation": np.int64, "set_word": np.int32}
    empty = {name: np.empty(0, kinds.get(name, np.float64)) for name in ("at", "value", *kinds)}
    offsets = np.zeros(1, np.int64)
    stream = Stream(**empty, set_offsets=offsets, items_offsets=offsets, clamped=0)
    state = State(LAYOUT)
    fold(stream.arrays(), 0, 0, tuple(state.store.arrays), tuple(arrays_of(LAYOUT)))


def main():
    _compile()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    print("ready", flush=True)
    for line in sys.stdin:
        name, directory, *arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            globals()[name](Path(directory), *arguments)
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
