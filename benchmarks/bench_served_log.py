"""Served rankings in the log, as rows of JSON and as blocks; and what it costs to follow the log.

Lists of 50 of 55 live rooms with scores, an array for blocks and a list for rows, all made before
the clock starts: bytes in the log's SQLite file, indexes included, and processor time per ranking,
the commit to disk included. Then the time of one look at the tail, and of the arrays that feature
state folds. Processor time is this process's and the system's for it, the best of a few turns.
"""

import argparse
import json
import random
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from liverank.config import Config, Label
from liverank.events.event import Interaction, Ranking, ServedRanking
from liverank.events.log import Log
from liverank.events.schema.schema import Schema
from liverank.features.layout.derived_layout import layout_of
from liverank.features.stream.event_arrays import stream_of
from liverank.features.stream.single_events import EventStreams

START_MS = 1_795_392_000_000
A_DAY = 900 * 86_400
"""Rankings of a day at 900 a second."""
LAYOUT = layout_of(
    Schema(interactions=("join", "impression", "click"), positive=("join",)),
    Config(label=Label(interaction="join")),
)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--rankings", type=int, default=20_000, help="rankings of each kind")
    parser.add_argument("--turns", type=int, default=3, help="turns, of which the best counts")
    arguments = parser.parse_args()

    figures: dict[str, dict[str, float]] = {}
    print(f"{'rankings as':<40} {'bytes each':>10} {'a day, GB':>10} {'us each':>8}")
    for with_candidates in (False, True):
        served = served_lists(arguments.rankings, with_candidates=with_candidates)
        for size in (25, 100, 1000):
            for way in (as_rows, as_blocks):
                kind = "50 items, 55 candidates" if with_candidates else "50 items"
                name = f"{way.__name__[3:]} of {size}, {kind}"
                turns = [append_all(way(served, size)) for _ in range(arguments.turns)]
                size_bytes = min(turn[0] for turn in turns) / len(served)
                cpu_us = min(turn[1] for turn in turns) / len(served) * 1e6
                figures[name] = {"bytes": size_bytes, "processor_us": cpu_us}
                day_gb = size_bytes * A_DAY / 1e9
                print(f"{name:<40} {size_bytes:>10.0f} {day_gb:>10.1f} {cpu_us:>8.1f}")
    print(f"\n{'following the log':<40} {'us':>10}")
    for name, cpu_us in follow().items():
        figures[name] = {"processor_us": cpu_us}
        print(f"{name:<40} {cpu_us:>10.1f}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def served_lists(number: int, *, with_candidates: bool) -> list[ServedRanking]:
    """Lists of a product with 55 live rooms, one of which is replaced every 100 lists."""
    chance = random.Random(1)
    live = [f"room{n}" for n in range(1000, 1055)]
    served = []
    for place in range(number):
        if place % 100 == 99:
            live[chance.randrange(len(live))] = f"room{1055 + place // 100}"
        order = chance.sample(live, 50)
        scores = sorted((chance.betavariate(1, 20) for _ in order), reverse=True)
        served.append(
            ServedRanking(
                time=START_MS + place,
                id=secrets.token_hex(12),
                user=f"u{chance.randrange(1_000_000)}",
                items=order,
                surface="spaces_tab",
                model="20261123-100000-3f2a",
                cut=10_000_000 + place,
                generation=1,
                scores=np.array(scores, np.float32),
                candidates=list(live) if with_candidates else None,
                fields={"device": chance.choice(["ios", "android", "web"])},
            )
        )
    return served


def as_rows(served: list[ServedRanking], size: int) -> Callable[[Log], None]:
    """Append them as events, so many at once."""
    names = ServedRanking.__struct_fields__
    events = [
        Ranking(
            **{name: getattr(one, name) for name in names}
            | {"scores": np.asarray(one.scores, np.float64).tolist()}
        )
        for one in served
    ]

    def append(log: Log) -> None:
        for start in range(0, len(events), size):
            log.append(events[start : start + size], arrived_ms=START_MS)

    return append


def as_blocks(served: list[ServedRanking], size: int) -> Callable[[Log], None]:
    """Append them as served rankings, so many at once."""

    def append(log: Log) -> None:
        for start in range(0, len(served), size):
            log.append_served(served[start : start + size], arrived_ms=START_MS)

    return append


def append_all(append: Callable[[Log], None]) -> tuple[int, float]:
    """Bytes of the new log's file, and seconds of processor time."""
    with tempfile.TemporaryDirectory() as name:
        with Log.open(Path(name)) as log:
            begun = time.process_time()
            append(log)
            seconds = time.process_time() - begun
        return (Path(name) / "log.sqlite").stat().st_size, seconds


def follow() -> dict[str, float]:
    """Microseconds of one look at the tail, and of one event's place in a stream."""
    chance = random.Random(2)
    with tempfile.TemporaryDirectory() as name, Log.open(Path(name)) as log:
        for batch in range(50):
            log.append([_interaction(chance, batch * 40 + n) for n in range(40)], arrived_ms=0)
        log.append_served(served_lists(25, with_candidates=False), arrived_ms=0)
        end = log.last_seq() + 1
        told = log.read_tail(401, rows=40)
        assert told is not None
        frame = next(log.read(401, batch_rows=40))
        streams = EventStreams(LAYOUT, max_future_ms=0.0)
        return {
            "a look, nothing new": _cpu_us(lambda: log.read_tail(end, rows=256)),
            "a look, 40 interactions": _cpu_us(lambda: log.read_tail(401, rows=40)),
            "a look, a block of 25 rankings": _cpu_us(lambda: log.read_tail(2001, rows=25)),
            "a look past the block": _cpu_us(lambda: log.read_tail(2001, rows=25, rankings=False)),
            "a frame of 40 interactions": _cpu_us(lambda: next(log.read(401, batch_rows=40))),
            "stream of 40 events": _cpu_us(lambda: streams.of(told.events)),
            "stream of a frame of 40": _cpu_us(lambda: stream_of(frame, LAYOUT, max_future_ms=0.0)),
        }


def _interaction(chance: random.Random, number: int) -> Interaction:
    return Interaction(
        time=START_MS + number,
        type=chance.choice(["join", "impression", "click"]),
        user=f"u{chance.randrange(1_000_000)}",
        item=f"room{chance.randrange(3000)}",
        ranking=secrets.token_hex(12),
        id=secrets.token_hex(12),
    )


def _cpu_us(action: Callable[[], object]) -> float:
    """Processor time of one call, the best of five turns of 200."""
    turns = []
    for _ in range(5):
        begun = time.process_time()
        for _ in range(200):
            action()
        turns.append((time.process_time() - begun) / 200)
    return min(turns) * 1e6


if __name__ == "__main__":
    main()
