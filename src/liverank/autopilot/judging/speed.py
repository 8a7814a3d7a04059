"""How fast models score real rows, and how large they are.

The models take turns, so that a busy machine slows all of them alike.
"""

import time
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.judging.verdict import Speed
from liverank.bundle.bundle import Bundle

ITEMS = 55
"""Items of a list whose scoring is timed."""
_ROUNDS = 300
_WARM_UP = 20


def speeds_of(
    bundles: Mapping[str, Bundle], samples: Mapping[str, NDArray[np.float32]]
) -> dict[str, Speed]:
    """The speed of each bundle's ranking model on rows that it read, float32[n, features]."""
    lists = {name: _lists_of(rows) for name, rows in samples.items()}
    taken: dict[str, list[int]] = {name: [] for name in bundles}
    for turn in range(_WARM_UP + _ROUNDS):
        for name, bundle in bundles.items():
            rows = lists[name][turn % len(lists[name])]
            began = time.perf_counter_ns()
            bundle.model.answers(rows)
            if turn >= _WARM_UP:
                taken[name].append(time.perf_counter_ns() - began)
    return {
        name: Speed(
            scoring_us=round(float(np.median(taken[name])) / 1000, 1),
            items=ITEMS,
            bytes=size_of(bundle),
            features=len(bundle.spec.features),
        )
        for name, bundle in bundles.items()
    }


def size_of(bundle: Bundle) -> int:
    """Size of the arrays of all models of a bundle, in bytes."""
    arrays = (array for model in bundle.heads.values() for array in model.to_arrays().values())
    return sum(array.nbytes for array in arrays)


def _lists_of(rows: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The rows as lists of ITEMS rows; some occur repeatedly where they are few."""
    rows = np.resize(rows, (max(len(rows) // ITEMS, 1) * ITEMS, rows.shape[1]))
    return [np.ascontiguousarray(one) for one in rows.reshape(-1, ITEMS, rows.shape[1])]
