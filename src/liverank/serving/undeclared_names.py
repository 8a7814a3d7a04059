"""Counts events by names that the config does not declare, over all workers.

The first MOST_NAMES names have separate counters and the rest share one, so that a client with
random names cannot create endless metrics. A name gets its slot under a file lock, which the system
releases if its owner dies; each worker writes its own counts. Invariant: a slot keeps its name, and
its count never falls.
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
"""Maximum number of names with separate counters."""
OTHER = "other"
"""Label of all further names of a key."""
KEYS = ("type", "surface")
"""Keys of events whose values are such names."""

_LONGEST = 100
_SLOT = np.dtype([("key", "S8"), ("name", f"S{4 * _LONGEST}")])


class NameCount(NamedTuple):
    """A name, or ``other``, and its number of events."""

    key: str
    name: str
    events: int


class UndeclaredNames:
    """The counts of a server with ``n_workers``; made before the workers are forked.

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
        """Count events of a worker by their names. Thread-safe."""
        with self._threads:
            for (key, name), count in names.items():
                self._counts[worker, self._slot_index(key, _label(name))] += count

    def totals(self) -> list[NameCount]:
        """The counts over all workers: names in order of arrival, then the others of each key."""
        counts = self._counts.sum(axis=0).tolist()
        named = [
            NameCount(*name, count) for name, count in zip(self._named(), counts, strict=False)
        ]
        others = zip(KEYS, counts[MOST_NAMES:], strict=True)
        return named + [NameCount(key, OTHER, count) for key, count in others]

    def _slot_index(self, key: str, label: str) -> int:
        """Index of a name's counter; a new name gets a free slot if there is one."""
        other = MOST_NAMES + KEYS.index(key)
        if label == OTHER:
            return other
        named = self._named()
        if (key, label) not in named and len(named) < MOST_NAMES:
            with self._locked():
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
    def _locked(self) -> Iterator[None]:
        """Hold the lock, so that no other process assigns a slot."""
        fcntl.lockf(self._lock_fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._lock_fd, fcntl.LOCK_UN)


def _label(name: str) -> str:
    """A name as a metric label: printable, and of limited length."""
    shown = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in shown)


def _anonymous_file() -> int:
    """An unnamed file to lock."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("liverank-names")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
