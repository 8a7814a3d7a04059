"""Logs of experiments with a known truth, as frames."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from liverank.events.frame import SCHEMA, in_import_order
from liverank.experiments.metrics.need import DAY_MS

START = 1_798_761_600_000  # 2027-01-01


@dataclass(frozen=True)
class World:
    """A product whose people are exposed as they come, over some days."""

    users: int = 2000
    days: int = 14
    """Days that the log holds after the start."""
    pre_days: int = 10
    lift: float = 0.0
    """Relative lift of everything that the variant's people do."""
    share: float = 0.5
    """Of the variant."""
    fading: bool = False
    """Whether the lift is gone after a week."""
    holdout: float = 0.0
    seed: int = 0
    clicks: bool = True
    arrivals: float = 1.0
    """Share of the days over which people come in."""


def log_of(world: World, experiment: str = "tab") -> pl.DataFrame:
    """The log as one frame of SCHEMA: users, rankings, impressions, joins, clicks."""
    rng = np.random.default_rng(world.seed)
    n = world.users
    draw = rng.random(n)
    variant = np.where(draw < world.share, "model", "popular")
    variant = np.where(rng.random(n) < world.holdout, "holdout", variant)
    exposed = START + (rng.random(n) * world.days * world.arrivals * DAY_MS).astype(np.int64)
    rate = rng.gamma(2.0, 0.25, n)  # joins a day
    is_new = rng.random(n) < 0.3
    name = np.array([f"user{place}" for place in range(n)])
    country = np.where(rng.random(n) < 0.6, "GB", "IE")
    rows = [
        _rows(
            "user",
            START - world.pre_days * DAY_MS + rng.integers(0, DAY_MS, n),
            name,
            fields=pl.Series(np.char.add(np.char.add('{"country":"', country), '"}')),
        ).filter(pl.Series(~is_new)),
        _rows("ranking", exposed, name, variant=np.char.add(f"{experiment}:", variant)),
    ]
    again = rng.integers(0, n, 2 * n)
    later = exposed[again] + rng.integers(1, 5 * DAY_MS, 2 * n)
    served = np.char.add(f"{experiment}:", variant[again])
    rows.append(_rows("ranking", later, name[again], variant=served))
    end = START + world.days * DAY_MS
    kinds = {"impression": 6.0, "join": 1.0, "hide": 0.1}
    if world.clicks:
        kinds["click"] = 2.0
    for kind, times in kinds.items():
        count = rng.poisson(rate * times * (world.days + world.pre_days) * 1.5)
        who = np.repeat(np.arange(n), count)
        at_ms = rng.integers(START - world.pre_days * DAY_MS, end, len(who))
        since = at_ms - exposed[who]
        treated = (variant[who] == "model") & (since > 0)
        if world.fading:
            treated &= since < 4 * DAY_MS
        kept = np.where(treated & (kind in ("join", "click")), 1 + world.lift, 1.0) / 1.5
        stay = (rng.random(len(who)) < kept) & ~(is_new[who] & (since < 0))
        rows.append(_rows("interaction", at_ms[stay], name[who[stay]], type=kind))
    frame = in_import_order(pl.concat(rows)).filter(pl.col("time") < end)
    return frame.with_columns(seq=pl.int_range(1, frame.height + 1))


def _rows(kind: str, times: np.ndarray, users: np.ndarray, **columns: object) -> pl.DataFrame:
    given: dict[str, object] = {"event": kind, "time": times, "user": users, **columns}
    if kind == "ranking":
        given |= {
            "surface": "default",
            "items": pl.Series([["a", "b"]]).new_from_index(0, len(times)),
        }
    if kind == "interaction":
        given["item"] = "a"
    frame = pl.DataFrame(
        {
            key: value if not isinstance(value, str) else [value] * len(times)
            for key, value in given.items()
        }
    )
    return frame.with_columns(
        pl.lit(None, dtype).alias(key) for key, dtype in SCHEMA.items() if key not in frame.columns
    ).select(pl.col(key).cast(dtype) for key, dtype in SCHEMA.items())
