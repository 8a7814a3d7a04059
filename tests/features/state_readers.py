"""What the processes do that read a state while another one folds it.

Run as a program with the fd of the state: reads until its stdin ends, then writes down what it saw.
"""

import os
import select
import sys

import msgspec
import numpy as np
import xxhash
from small_logs import SCHEMA, START_MS

from liverank.config import Config, Features, Label
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.layout_arrays import new_request
from liverank.features.spec import compile_spec, derive_spec
from liverank.features.state import State

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


def main():
    state = State(SMALL, fd=int(sys.argv[1]))
    random = np.random.default_rng(int(sys.argv[2]))
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
