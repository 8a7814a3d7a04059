"""The log of an experiment of any size, made up: rankings of users by variant, and what they do.

Users come in over the whole time, a fifth of them are new; what they do before and after is alike,
so that a pre-period is worth having. The variant joins and clicks 2 % more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from liverank.events.frame import SCHEMA
from liverank.events.log import Log

DAY_MS = 86_400_000
START_MS = 1_798_761_600_000
CONFIG = """
[label]
interaction = "join"
[users.fields]
country = "category"
[experiments.tab]
start = 2027-01-01T00:00:00Z
days = 28
guardrails = ["hides"]
[experiments.tab.variants]
popular = { rank = "popular" }
model = { rank = "model" }
[metrics.hides]
kind = "mean"
interaction = "hide"
direction = "down"
non_inferiority = 0.05
"""
LIFT = 1.02


@dataclass(frozen=True)
class Size:
    """How large the experiment is."""

    users: int
    exposures: int
    """Rankings of the experiment."""
    interactions: int
    pre_days: int = 14
    days: int = 28


def write_log(folder: Path, size: Size, *, piece_rows: int = 1_000_000, seed: int = 1) -> int:
    """Write the log into a folder, in the order of time; returns its events."""
    with Log.open(folder, segment_rows=piece_rows) as log:
        for frame in pieces(size, piece_rows=piece_rows, seed=seed):
            log.import_frame(frame, arrived_ms=START_MS + (size.days + 1) * DAY_MS)
        return log.last_seq()


def pieces(size: Size, *, piece_rows: int, seed: int) -> Iterator[pl.DataFrame]:
    """The log in frames, one after another in time."""
    rng = np.random.default_rng(seed)
    users = np.array([f"user-{place:08d}" for place in range(size.users)])
    rate = rng.gamma(2.0, 0.5, size.users).astype(np.float32)
    is_model = rng.random(size.users) < 0.5
    is_new = rng.random(size.users) < 0.2
    first = START_MS + (rng.random(size.users) ** 2 * size.days * DAY_MS).astype(np.int64)
    by_first = np.argsort(first)
    yield _fields(users[~is_new], rng)
    end = START_MS + size.days * DAY_MS
    span = end - (START_MS - size.pre_days * DAY_MS)
    count = max((size.exposures + size.interactions) // piece_rows, 1)
    variant = np.where(is_model, "tab:model", "tab:popular")
    weight = np.cumsum(rate) / rate.sum()
    served = 0
    for piece in range(count):
        low = START_MS - size.pre_days * DAY_MS + span * piece // count
        high = START_MS - size.pre_days * DAY_MS + span * (piece + 1) // count
        acts = _acts(
            size.interactions // count, (low, high), users, weight, (is_model, is_new, first), rng
        )
        frames = [acts]
        if high > START_MS:
            share = size.exposures // max(round(count * size.days / (size.days + size.pre_days)), 1)
            come = max(int(np.searchsorted(first[by_first], high)), 1)
            who = by_first[rng.integers(0, come, share)]
            times = np.maximum(rng.integers(max(low, START_MS), high, len(who)), first[who])
            ids = np.char.add("q", np.arange(served, served + len(who)).astype(str))
            served += len(who)
            frames.append(
                _frame(event="ranking", time=times, user=users[who], id=ids, variant=variant[who],
                       surface="default")
                .with_columns(items=pl.Series([["r1", "r2", "r3"]]).new_from_index(0, len(who)))
            )  # fmt: skip
        yield pl.concat(frames).sort("time", maintain_order=True)


def _acts(
    number: int,
    times: tuple[int, int],
    users: np.ndarray,
    weight: np.ndarray,
    traits: tuple[np.ndarray, np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> pl.DataFrame:
    is_model, is_new, first = traits
    who = np.searchsorted(weight, rng.random(number).astype(np.float32)).clip(0, len(users) - 1)
    at_ms = rng.integers(times[0], times[1], number)
    kind = rng.choice(
        np.array(["impression", "join", "click", "hide"]), number, p=[0.5, 0.2, 0.25, 0.05]
    )
    gains = np.isin(kind, ["join", "click"]) & is_model[who] & (at_ms > first[who])
    kept = (rng.random(number) * LIFT < np.where(gains, LIFT, 1.0)) & ~(
        is_new[who] & (at_ms < first[who])
    )
    return _frame(
        event="interaction", time=at_ms[kept], user=users[who[kept]], type=kind[kept], item="r1"
    )


def _fields(users: np.ndarray, rng: np.random.Generator) -> pl.DataFrame:
    text = np.array(['{"country":"GB"}', '{"country":"IE"}', '{"country":"FR"}'])
    times = np.full(len(users), START_MS - 14 * DAY_MS)
    return _frame(event="user", time=times, user=users, fields=rng.choice(text, len(users)))


def _frame(**columns: object) -> pl.DataFrame:
    height = len(columns["time"])  # type: ignore[arg-type]
    frame = pl.DataFrame(
        {
            name: pl.Series([value]).new_from_index(0, height) if isinstance(value, str) else value
            for name, value in columns.items()
        }
    )
    missing = [
        pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in columns
    ]
    return frame.with_columns(missing).select(
        pl.col(name).cast(kind) for name, kind in SCHEMA.items()
    )
