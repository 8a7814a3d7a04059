"""How many events came in with each name that the config does not declare, over all workers.

The first names are counted one by one and the rest together, so that a client which makes up names
makes no endless list of metrics. A name gets its slot under a lock that the system lets go of when
its holder dies; counts are written by one worker each. Invariant: a slot keeps its name, and its
count never falls.
"""

import fcntl
import mmap
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from liverank.events.schema.declared import Unknown

MOST_NAMES = 20
"""Names that are counted one by one."""
OTHER = "other"
"""Stands for all further names of a key."""
KEYS = ("type", "surface")
"""The keys of events that hold such names."""

_LONGEST = 100
_SLOT = np.dtype([("key", "S8"), ("name", f"S{4 * _LONGEST}")])


class NameCount(NamedTuple):
    """A name, or ``other``, and how many events had it."""

    key: str
    name: str
    events: int


class UndeclaredNames:
    """The counts of a server with so many workers; made before the workers are forked.

    >>> names = UndeclaredNames(2)
    >>> names.count(1, Counter({Unknown("type", "jion"): 3}))
    >>> names.totals()[0]
    NameCount(key='type', name='jion', events=3)
    """

    def __init__(self, n_workers: int) -> None:
        self._lock_fd = _anonymous_file()
        self._threads = threading.Lock()
        shape = (n_workers, MOST_NAMES + len(KEYS))
        memory = mmap.mmap(-1, MOST_NAMES * _SLOT.itemsize + 8 + 8 * shape[0] * shape[1])
        self._slots: npt.NDArray[np.void] = np.frombuffer(memory, _SLOT, MOST_NAMES)
        start = MOST_NAMES * _SLOT.itemsize
        self._used: npt.NDArray[np.int64] = np.frombuffer(memory, np.int64, 1, start)
        counts = np.frombuffer(memory, np.int64, shape[0] * shape[1], start + 8)
        self._counts: npt.NDArray[np.int64] = counts.reshape(shape)

    def count(self, worker: int, names: Counter[Unknown]) -> None:
        """Count events of a worker by their names; any of its threads may."""
        with self._threads:
            for (key, name), count in names.items():
                self._counts[worker, self._place(key, _label(name))] += count

    def totals(self) -> list[NameCount]:
        """The counts of all workers, the first name first and the others of each key last."""
        counts = self._counts.sum(axis=0).tolist()
        named = [
            NameCount(*name, count) for name, count in zip(self._named(), counts, strict=False)
        ]
        others = zip(KEYS, counts[MOST_NAMES:], strict=True)
        return named + [NameCount(key, OTHER, count) for key, count in others]

    def _place(self, key: str, label: str) -> int:
        """Where a name is counted; it gets a slot if it is new and there is one."""
        other = MOST_NAMES + KEYS.index(key)
        if label == OTHER:
            return other
        named = self._named()
        if (key, label) not in named and len(named) < MOST_NAMES:
            with self._alone():
                named = self._named()
                if (key, label) not in named and len(named) < MOST_NAMES:
                    self._slots[len(named)] = (key.encode(), label.encode())
                    self._used[0] = len(named) + 1
                    named.append((key, label))
        return named.index((key, label)) if (key, label) in named else other

    def _named(self) -> list[tuple[str, str]]:
        """Keys and names of the slots in use."""
        slots = self._slots[: int(self._used[0])].tolist()
        return [(key.decode(), name.decode()) for key, name in slots]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process gives out a slot meanwhile."""
        fcntl.lockf(self._lock_fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._lock_fd, fcntl.LOCK_UN)


def _label(name: str) -> str:
    """A name as a metric can show it: printable, and not endless."""
    shown = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in shown)


def _anonymous_file() -> int:
    """A file without a name, to lock."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("liverank-names")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
