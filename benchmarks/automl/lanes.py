"""Runs side by side, each lane on cores of its own (Linux; elsewhere lanes share what there is)."""

import os
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def cores_of_lanes(lanes: int, cores: int) -> list[set[int]]:
    """The cores of each lane; nothing is pinned where the system cannot.

    Raises ValueError when there are too few.
    """
    if not hasattr(os, "sched_getaffinity"):
        return [set()] * lanes
    free = sorted(os.sched_getaffinity(0))
    if lanes * cores > len(free):
        raise ValueError(
            f"{lanes} lanes of {cores} cores need {lanes * cores}, and there are {len(free)}; "
            "ask for fewer --lanes or --cores"
        )
    return [set(free[lane * cores : (lane + 1) * cores]) for lane in range(lanes)]


def work_in_lanes(work: Callable[[T], None], jobs: Iterable[T], lanes: Sequence[set[int]]) -> None:
    """Do all jobs, in order; ``work`` gets each in a thread pinned to the cores of its lane.

    The first error ends all lanes after what they are at, and is raised.
    """
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    errors: list[BaseException] = []

    def stay(lane: int) -> None:
        if lanes[lane]:
            os.sched_setaffinity(0, lanes[lane])  # of this thread; what it starts inherits it
        while not errors:
            try:
                work(waiting.get_nowait())
            except queue.Empty:
                return
            except Exception as error:
                errors.append(error)

    threads = [
        threading.Thread(target=stay, args=(lane,), daemon=True) for lane in range(len(lanes))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.5)  # so that Ctrl-C is heard
    if errors:
        raise errors[0]
