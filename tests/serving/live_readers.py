"""Processes that read a table of live items while another one changes it.

Run as a program with the fd of the table: reads until its stdin ends, then writes down what it saw.
Rooms come in pairs, ``a7`` and ``b7``, that are changed together.
"""

import os
import select
import subprocess
import sys

import msgspec

from liverank.features.hashing import hash_ids
from liverank.serving.state.live_table import LiveTable

EXPIRE_MS = 1000.0
PAIRS = 60


class Saw(msgspec.Struct):
    """How many reads there were, how many different ones, and what was wrong with them."""

    reads: int
    different: int
    wrong: list[str]


def start_reader(table):
    reader = subprocess.Popen(
        [sys.executable, __file__, str(table.fd)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[table.fd],
    )
    assert reader.stdout.readline() == b"\n"
    return reader


def saw(reader):
    content, _ = reader.communicate()
    assert reader.returncode == 0
    return msgspec.json.decode(content, type=Saw)


def other_of(name):
    """The other room of a pair."""
    return ("b" if name[0] == "a" else "a") + name[1:]


def wrong_of(table):
    """What one look at the table shows that was never published, and the look itself."""
    rows, hashes = table.candidates(at_ms=0.0)
    names = set(table.names(rows.tolist()))
    wrong = [name for name in names if other_of(name) not in names]
    if len(names) < len(rows) or set(hash_ids(sorted(names)).tolist()) != set(hashes.tolist()):
        wrong.append(f"{len(rows)} rows, {len(names)} names")
    _, listed = table.newest(at_ms=0.0, limit=1000)
    fields = {row.item: bytes(row.fields) for row in listed}
    for name, told in fields.items():
        other = fields.get(other_of(name))
        if told != other:
            wrong.append(f"{name}: {told!r}, {other!r}")
        msgspec.json.decode(told)
    pairs = [f"{side}{number}" for number in range(PAIRS) for side in "ab"]
    ended = table.ended(hash_ids(pairs))
    if ended is not None and (ended[::2] != ended[1::2]).any():
        wrong.append("one of two has ended")
    return wrong, hash(frozenset(fields.items()))


def main():
    table = LiveTable(expire_after_ms=EXPIRE_MS, fd=int(sys.argv[1]))
    wrong_of(table)  # compiled
    os.write(1, b"\n")
    wrong, reads, different = [], 0, set()
    while not select.select([sys.stdin], [], [], 0)[0]:
        found, look = wrong_of(table)
        wrong += found
        different.add(look)
        reads += 1
    os.write(1, msgspec.json.encode(Saw(reads, len(different), wrong[:5])))


if __name__ == "__main__":
    main()
