"""The task that every peer does: forty features of the candidates of past lists, from Parquet.

A folder holds ``events.parquet`` (a log in ``seq`` order, ids as text) and ``rows.parquet`` (which
candidates to read, when, for whom). The answer is float32[rows, features], in the order of
``rows.parquet`` and of ``WANTED``. A row sees the events before its own, and nothing else.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from made_events import Product, drawn, named, numbered, population, traffic

MINUTE, HOUR, DAY = 60_000.0, 3_600_000.0, 86_400_000.0
HALF_LIVES_MS = {"5m": 5 * MINUTE, "1h": HOUR, "1d": DAY, "14d": 14 * DAY, "forever": math.inf}
SCOPES = {
    "user": ("user",),
    "item": ("item",),
    "host": ("host",),
    "user_item": ("user", "item"),
    "user_host": ("user", "host"),
}
"""What counters are kept for, by the columns of their key."""


class Wanted(NamedTuple):
    """A decayed count (``half_life``), or the seconds since the last one (None; NaN for never)."""

    scope: str
    type: str
    half_life: str | None

    @property
    def name(self) -> str:
        """What we call it."""
        return "_".join((self.scope, self.type, self.half_life or "ago_s"))


_ALL = ("5m", "1h", "1d", "14d", "forever", None)
_LASTING = ("1d", "14d", "forever", None)
WANTED = tuple(
    Wanted(scope, type_, half_life)
    for scope, type_, half_lives in (
        ("user", "join", _ALL),
        ("user", "impression", _ALL),
        ("user", "click", ("1d",)),
        ("user", "leave", ("1d",)),
        ("item", "join", _ALL),
        ("item", "impression", _ALL),
        ("item", "click", ("1d",)),
        ("item", "leave", ("1d",)),
        ("host", "join", ("1d", "14d")),
        ("user_item", "join", _LASTING),
        ("user_item", "impression", _LASTING),
        ("user_host", "join", ("14d", None)),
    )
    for half_life in half_lives
)
"""Forty features; a kind's times since come after its counts, scopes in the order of SCOPES."""


@dataclass(frozen=True, slots=True)
class Task:
    """Where the input lies, and its size. ``middle_ms`` is the middle of its time."""

    events: Path
    rows: Path
    interactions: int
    row_count: int
    middle_ms: float


def make_task(folder: Path, *, interactions: int, lists: int, size: int = 50) -> Task:
    """Write the input: lists of the newest rooms for random people, evenly spread over the log.

    Everybody does about as much, twenty interactions: nobody outgrows the history of a person that
    liverank keeps, so that its counts by person and item are those of the whole log.
    """
    product = Product(
        max(interactions // 20, 100), max(interactions // 100, 1_000), follows=0, user_skew=0.0
    )
    events = pl.concat(
        numbered([*population(product), *traffic(product, interactions=interactions)])
    )
    happened = events.filter(pl.col("event") == "interaction")
    places = np.linspace(happened.height // 20, happened.height - 1, lists).astype(np.int64)
    at = happened["time"].to_numpy()[places]
    newest = np.searchsorted(product.starts(), at)
    items = np.maximum(newest[:, None] - 1 - np.arange(size), 0).ravel()
    users = drawn(np.random.default_rng(0), lists, np.arange(1.0, product.users + 1))
    rows = pl.DataFrame(
        {
            "list": np.repeat(np.arange(lists), size),
            "before_seq": np.repeat(happened["seq"].to_numpy()[places], size),
            "at_ms": np.repeat(at, size),
            "user": named("u", np.repeat(users, size)),
            "item": named("r", items),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    task = Task(
        folder / "events.parquet",
        folder / "rows.parquet",
        happened.height,
        rows.height,
        (product.start_ms + product.end_ms) / 2,
    )
    events.write_parquet(task.events)
    rows.write_parquet(task.rows)
    return task
