"""History of any size: what ``liverank ingest`` takes of memory, time and disk.

A made-up product (``made_events.py``) is written as JSON lines, in files of five million events, in
the order of time or shuffled within each file; then ``liverank ingest`` reads them in a process of
its own, whose peak of resident memory the system tells. ``--python`` names the interpreter of
another version of liverank, to compare with.
``--again`` imports the same files once more: all of it is repeats.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from made_events import LABEL, Product, population, traffic

FILE_EVENTS = 5_000_000
FOLLOWS = 5
_LINES = {
    "user": ('{"event":"user","time":{},"user":"{}","fields":{},"id":null}', ("user", "fields")),
    "edge": (
        '{"event":"edge","time":{},"user":"{}","relation":"{}","target":"{}","active":true,'
        '"id":null}',
        ("user", "relation", "target"),
    ),
    "item": (
        '{"event":"item","time":{},"item":"{}","state":"{}","fields":{},"id":null}',
        ("item", "state", "fields"),
    ),
    "interaction": (
        '{"event":"interaction","time":{},"type":"{}","user":"{}","item":"{}","ranking":null,'
        '"value":{},"fields":{},"id":null}',
        ("type", "user", "item", "value", "fields"),
    ),
}
"""A line of each kind of event, as ``encode_event`` writes it, and the columns in it."""


def main() -> None:
    """Make the files where they are not there yet, ingest them, and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the files are kept; default: nowhere")
    parser.add_argument("--shuffled", action="store_true", help="events in no order")
    parser.add_argument("--again", action="store_true", help="import a second time")
    parser.add_argument("--python", default=sys.executable, help="whose liverank to measure")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        folder = Path(scratch) / "events"
        if arguments.folder:
            order = "shuffled" if arguments.shuffled else "sorted"
            folder = arguments.folder / f"{arguments.events}-{order}"
        if not folder.exists():
            # in another process: the peak of a child begins with what its parent holds
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                pool.submit(
                    write_world, folder, arguments.events, shuffled=arguments.shuffled
                ).result()
        config = Path(scratch) / "liverank.toml"
        config.write_text(LABEL)
        figures = {"events": arguments.events, "file_bytes": size_of(folder)}
        for name in ("first", "again") if arguments.again else ("first",):
            figures[name] = ingested(folder, config, arguments.python)
            tell(name, figures[name])
        figures["log_bytes"] = size_of(Path(scratch) / ".liverank")
    print(f"files {figures['file_bytes'] / 1e9:.3f} GB, log {figures['log_bytes'] / 1e9:.3f} GB")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def ingested(folder: Path, config: Path, python: str) -> dict[str, float]:
    """Run ``liverank ingest`` in a process of its own: seconds, peak of memory, what it said."""
    command = [python, "-m", "liverank", "ingest", str(folder), "--config", str(config), "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    said = json.loads(process.stdout.read().splitlines()[-1])
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, said
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
        "accepted": said["accepted"],
        "duplicates": said["duplicates"],
    }


def tell(name: str, figures: dict[str, float]) -> None:
    """A line of the table."""
    events = figures["accepted"] + figures["duplicates"]
    print(
        f"{name:<6} {events:>12,.0f} events {figures['peak_bytes'] / 1e6:>8,.0f} MB "
        f"{figures['seconds']:>8.1f} s ({figures['cpu_seconds']:.1f} s of CPU) "
        f"{events / figures['seconds']:>10,.0f} events a second",
        flush=True,
    )


def write_world(folder: Path, events: int, *, shuffled: bool) -> None:
    """Write files of JSON lines; a folder that is there is whole."""
    draft = Path(tempfile.mkdtemp(dir=folder.parent))
    parts: list[pl.DataFrame] = []
    rows = number = 0
    for frame in world(events):
        parts.append(frame)
        rows += frame.height
        if rows >= FILE_EVENTS:
            _write(draft / f"{number:03}.jsonl", parts, shuffled=shuffled)
            parts, rows, number = [], 0, number + 1
    if parts:
        _write(draft / f"{number:03}.jsonl", parts, shuffled=shuffled)
    draft.rename(folder)


def world(events: int) -> Iterator[pl.DataFrame]:
    """About so many events: people and whom they follow, then what happens."""
    product = Product(max(events // 100, 100), max(events // 500, 100), days=14.0, follows=FOLLOWS)
    yield from population(product)
    yield from traffic(product, interactions=events - product.users * (FOLLOWS + 1))


def lines_of(frame: pl.DataFrame) -> pl.Series:
    """The events of a frame as JSON; their ids and texts hold nothing that JSON escapes."""
    line = pl.lit(None, pl.String)
    for kind, (text, columns) in _LINES.items():
        values = [pl.col(name).cast(pl.String).fill_null(_EMPTY[name]) for name in columns]
        pieces = text.replace('"fields":{}', '"fields":\0').replace("{}", "\0").split("\0")
        braced = [pl.lit(piece) for piece in pieces]
        filled = [braced[0], pl.col("time").cast(pl.String), braced[1]]
        for value, piece in zip(values, braced[2:], strict=True):
            filled += [value, piece]
        line = pl.when(pl.col("event") == kind).then(pl.concat_str(filled)).otherwise(line)
    return frame.select(line.alias("line"))["line"]


_EMPTY = {"fields": "{}", "value": "null"} | dict.fromkeys(
    ("user", "relation", "target", "item", "state", "type"), ""
)


def _write(file: Path, parts: list[pl.DataFrame], *, shuffled: bool) -> None:
    lines = pl.concat([lines_of(part) for part in parts])
    if shuffled:
        lines = lines.sample(fraction=1.0, shuffle=True, seed=0)
    with file.open("wb") as output:
        for some in lines.to_frame().iter_slices(100_000):
            output.write(("\n".join(some["line"]) + "\n").encode())


def size_of(folder: Path) -> int:
    """Bytes of the files of a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
