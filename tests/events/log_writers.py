"""What the processes do that test_log_kills.py kills.

Each writes down what it was told is on disk (the log's acknowledgement) in a file of its own,
one line a batch, straight to the kernel, so that a kill cannot take it back. Run as a program,
it forks such a process for each line of its input (a call as JSON), and answers with its pid:
far quicker than a fresh interpreter for each.
"""

import json
import os
import random
import signal
import sys
from pathlib import Path

import msgspec

from liverank.events.event import Interaction, Item, ServedRanking
from liverank.events.frame import frame_of
from liverank.events.log import Log, bulk_import
from liverank.events.log.storage import database, spill


def batch_of(name: str, number: int, size: int, time_ms: int) -> list[Interaction]:
    """A batch whose ids say which batch they belong to, and how big it is."""
    return [
        Interaction(
            time=time_ms,
            type="click",
            user=f"of {name}",
            item="r1",
            id=f"{name}.{number}.{k}.{size}",
        )
        for k in range(size)
    ]


def served_of(name: str, number: int, size: int, time_ms: int) -> list[ServedRanking]:
    """As ``batch_of``, rankings that were served."""
    return [
        ServedRanking(
            time=time_ms, user=f"of {name}", items=["r1", "r2"], id=f"{name}.{number}.{k}.{size}"
        )
        for k in range(size)
    ]


def append_for_ever(directory: Path, name: str, seed: int) -> None:
    """Append batches of random sizes; acknowledged are lines of ``first seq, last id``."""
    chance = random.Random(seed)
    acknowledged = os.open(directory / f"{name}.acknowledged", os.O_WRONLY | os.O_CREAT)
    with Log.open(directory / "log") as log:
        for number in range(sys.maxsize):
            size = chance.choice([1, 1, 5, 100])
            first: int | None
            if chance.random() < 0.5:
                first = log.append(batch_of(name, number, size, 1000), arrived_ms=1).seqs[0]
            else:
                served = served_of(name, number, size, 1000)
                first = log.append_served(served, arrived_ms=1).first_seq
            os.write(acknowledged, f"{first} {name}.{number}.{size - 1}.{size}\n".encode())


def do_anything_for_ever(directory: Path, name: str, seed: int, time_ms: int) -> None:
    """Append events and served rankings, import, compact and expire in random order.

    Acknowledged are lines of ``first seq, last id``; ``expire T`` is written before it is tried.
    """
    chance = random.Random(seed)
    acknowledged = os.open(directory / f"{name}.acknowledged", os.O_WRONLY | os.O_CREAT)
    with Log.open(directory / "log", segment_rows=40) as log:
        for number in range(sys.maxsize):
            time_ms += chance.randrange(3)
            batch = batch_of(name, number, chance.choice([1, 30, 100]), time_ms)
            match chance.choice(["append", "append", "served", "import", "compact", "expire"]):
                case "append":
                    first = log.append(batch, arrived_ms=2**40).seqs[0]
                    os.write(acknowledged, f"{first} {batch[-1].id} {time_ms}\n".encode())
                case "served":
                    served = served_of(name, number, len(batch), time_ms)
                    begin = log.append_served(served, arrived_ms=2**40).first_seq
                    os.write(acknowledged, f"{begin} {batch[-1].id} {time_ms}\n".encode())
                case "import":
                    first = log.import_frame(frame_of(batch), arrived_ms=2**40).first_seq
                    os.write(acknowledged, f"{first} {batch[-1].id} {time_ms}\n".encode())
                case "compact":
                    log.compact()
                case "expire":
                    os.write(acknowledged, f"expire {time_ms - 20}\n".encode())
                    log.expire(time_ms - 20)


def rooms_of(user: str, number: int) -> list[Interaction | Item]:
    """Two clicks of a user and a room that they host; ids say which batch they belong to."""
    clicks = [
        Interaction(time=0, type="click", user=user, item="r1", id=f"{user}.{number}.{k}")
        for k in range(2)
    ]
    return [*clicks, Item(time=0, item=f"r{number}", fields={"host": user, "speakers": [user]})]


def erase_for_ever(directory: Path, name: str, seed: int) -> None:
    """Take in batches of new users, compact, and erase each user once.

    Written down before it is tried, and ``done`` when it is: ``add USER NUMBER``, ``erase USER``.
    """
    chance = random.Random(seed)
    words = os.open(directory / f"{name}.acknowledged", os.O_WRONLY | os.O_CREAT)
    users: list[str] = []
    with Log.open(directory / "log", segment_rows=7) as log:
        for number in range(sys.maxsize):
            match chance.choice(["add", "add", "import", "compact", "erase", "erase"]):
                case "add" | "import" as way:
                    if not users or chance.random() < 0.4:
                        users.append(f"<{name} has {number}>")
                    user = chance.choice(users)
                    os.write(words, f"add\t{user}\t{number}\n".encode())
                    if way == "add":
                        log.append(rooms_of(user, number), arrived_ms=1)
                    else:
                        log.import_frame(frame_of(rooms_of(user, number)), arrived_ms=1)
                    os.write(words, b"done\n")
                case "compact":
                    log.compact()
                case "erase" if users:
                    user = users.pop(chance.randrange(len(users)))
                    os.write(words, f"erase\t{user}\n".encode())
                    log.erase(user, at_ms=0)
                    os.write(words, b"done\n")


_MAY_WRITE = {
    *("execute", "executemany", "open", "write", "flush", "fsync", "truncate", "ftruncate"),
    *("rename", "replace", "unlink", "remove", "mkdir", "rmdir", "link", "close", "__exit__"),
}
"""Names of the C functions by which Python code changes files; no other one does."""


def files_of(directory: Path) -> dict[str, bytes]:
    """What a kill leaves of a log; SQLite's shared memory is made again from its other files."""
    return {
        str(file): file.read_bytes()
        for file in directory.rglob("*")
        if file.is_file() and file.suffix != ".sqlite-shm"
    }


def die_at_step(directory: Path, action: str, step: int) -> None:
    """Do one thing to a log and die at the n-th of all the states that its files are in meanwhile.

    Writes ``done`` when it came to the end before that.
    """
    steps = 0
    files: dict[str, bytes] = {}

    def count(frame, event, argument):
        nonlocal steps, files
        if event not in ("c_call", "c_return") or argument.__name__ not in _MAY_WRITE:
            return
        if (now := files_of(directory)) != files:
            files = now
            steps += 1
            if steps == step:
                os.kill(os.getpid(), signal.SIGKILL)

    database._WORTH_BYTES = 0  # so that a small file is shrunk too
    with Log.open(directory, segment_rows=4) as log:
        sys.setprofile(count)
        match action:
            case "append":
                log.append(batch_of("new", 0, 6, 2000), arrived_ms=2**40)
            case "append served":
                log.append_served(served_of("new", 0, 6, 2000), arrived_ms=2**40)
            case "import":
                repeats = batch_of("old", 0, 6, 1000)
                frame = frame_of([*batch_of("new", 0, 6, 2000), *repeats])
                log.import_frame(frame, arrived_ms=2**40)
            case "import frames":
                bulk_import.RUN_ROWS, spill.BLOCK_ROWS, spill.MOST_RUNS = 3, 2, 2
                new = batch_of("new", 0, 6, 2000)
                later = [msgspec.structs.replace(event, time=2500) for event in new]
                pieces = [*later[:2], *new[::-1], *batch_of("old", 0, 6, 1000), *new[:3]]
                log.import_frames(
                    (frame_of(pieces[n : n + 4]) for n in range(0, len(pieces), 4)),
                    arrived_ms=2**40,
                )
            case "compact":
                log.compact()
            case "expire":
                log.expire(1500)
            case "erase":
                log.erase("of old", at_ms=0)
        sys.setprofile(None)
    (directory / "done").touch()


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    for line in sys.stdin:
        name, directory, *arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            globals()[name](Path(directory), *arguments)
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
