"""Processes that read a state while another one folds it: what they do, and what is asked of them.

Run as a program with the fd of the state, a seed and the state's memory: reads until its stdin
ends, then writes down what it saw.
"""

import os
import select
import subprocess
import sys

import msgspec
import numpy as np
import xxhash
from small_logs import SCHEMA, START_MS

from liverank.config import Config, Features, Label
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.spec import compile_spec, derive_spec
from liverank.features.state.layout_arrays import new_request
from liverank.features.state.state import State

SPEC = derive_spec(
    SCHEMA, Config(label=Label(interaction="join"), features=Features(half_lives=("1m", "10m")))
)
SMALL = msgspec.structs.replace(SPEC.layout, memory_bytes=1_300_000, idle_ms=6_000_000.0)
"""So little memory that rows are evicted, and their words used again, all the time."""
PROGRAM = compile_spec(msgspec.structs.replace(SPEC, layout=SMALL))
PEOPLE, ROOMS = 3000, 4000
SPAN_MS = 20 * 3_600_000


class Saw(msgspec.Struct):
    """What a reader saw: of each read the seq, the request and a digest of the features."""

    rereads: int
    reads: list[tuple[int, int, str]]


def requests(count=200):
    """Requests at any time of the log, for people and rooms that come and go: one a number."""
    random = np.random.default_rng(5)
    return [
        {
            "user": hash_id(f"p{random.integers(PEOPLE)}"),
            "at_ms": float(START_MS + random.integers(SPAN_MS)),
            "items": hash_ids([f"r{n}" for n in random.choice(ROOMS, 20, replace=False)]),
            "request": new_request(SMALL),
            "positions": np.zeros(1),
        }
        for _ in range(count)
    ]


def digest(features):
    return xxhash.xxh3_128_hexdigest(features.tobytes())


def start_reader(state, seed):
    arguments = (state.store.fd, seed, state.layout.memory_bytes)
    reader = subprocess.Popen(
        [sys.executable, __file__, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[state.store.fd],
    )
    assert reader.stdout.readline() == b"\n"
    return reader


def saw(reader):
    content, _ = reader.communicate()
    assert reader.returncode == 0
    return msgspec.json.decode(content, type=Saw)


def assert_as_replayed(layout, streams, reads):
    """Each read is what a replay gives at the end of a stream, at its cut; returns the replay."""
    at_cut = {}
    for seq, number, features in reads:
        at_cut.setdefault(seq, []).append((number, features))
    clean, asked = State(layout), requests()
    for stream in streams:
        clean.fold(stream)
        for number, features in at_cut.pop(clean.seq, ()):
            assert digest(clean.read(PROGRAM, **asked[number])) == features, (clean.seq, number)
    assert not at_cut, "every cut is the end of a batch"
    return clean


def main():
    fd, seed, memory_bytes = map(int, sys.argv[1:])
    state = State(msgspec.structs.replace(SMALL, memory_bytes=memory_bytes), fd=fd)
    random = np.random.default_rng(seed)
    asked = requests()
    reads = []
    state.read_cut(PROGRAM, **asked[0])  # compiled
    os.write(1, b"\n")
    while not select.select([sys.stdin], [], [], 0)[0]:
        number = int(random.integers(len(asked)))
        features, seq = state.read_cut(PROGRAM, **asked[number])
        reads.append((seq, number, digest(features)))
    os.write(1, msgspec.json.encode(Saw(state.rereads, reads)))


if __name__ == "__main__":
    main()
