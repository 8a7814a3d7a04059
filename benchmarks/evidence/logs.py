"""Logs to draw A/A experiments from: a made one of 42 days, and clicks on a real news portal.

Both are frames of events, read by the same code as an experiment's report. Nobody is treated in
them, so every difference between two random halves is chance.
"""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.events.frame import SCHEMA

DAY_MS = 86_400_000
START_MS = 1_790_000_000_000 // DAY_MS * DAY_MS
"""Midnight, UTC, of the first day of the made log."""
PRE_DAYS = 14
GLOBO = Path("globo_news") / "clicks_first_7_days.parquet"


def made_log(*, users: int, days: int, seed: int) -> pl.DataFrame:
    """Events of ``PRE_DAYS + days`` days: visits, impressions, joins, clicks and minutes.

    People differ as in real products: how often they come is log-normal with a long tail, how
    readily they join is beta-distributed, and some come for the first time in the middle.
    """
    rng = np.random.default_rng(seed)
    span = PRE_DAYS + days
    per_day = np.minimum(rng.lognormal(-1.2, 1.2, users), 20.0)
    readiness = rng.beta(0.8, 4.0, users)
    arrives = np.where(rng.random(users) < 0.6, 0.0, rng.uniform(0, span, users))
    visits = rng.poisson(per_day * (span - arrives))
    user = np.repeat(np.arange(users), visits)
    day = arrives[user] + rng.random(len(user)) * (span - arrives[user])
    at = START_MS + (day * DAY_MS).astype(np.int64)
    shown = 1 + rng.poisson(6.0, len(user))
    joins = rng.binomial(shown, readiness[user])
    clicks = rng.poisson(0.3, len(user))
    minutes = rng.lognormal(1.5, 1.0, len(user))
    parts = [
        _rankings(user, at),
        _interactions("impression", np.repeat(user, shown), np.repeat(at + 1, shown)),
        _interactions("join", np.repeat(user, joins), np.repeat(at + 2, joins)),
        _interactions("click", np.repeat(user, clicks), np.repeat(at + 3, clicks)),
        _interactions("leave", user, at + 4, minutes),
    ]
    return _in_time_order(parts)


def globo_log(shared: Path, *, users: int, seed: int) -> pl.DataFrame:
    """Clicks and sessions of some users of the portal in the first seven days of October 2017."""
    clicks = pl.read_parquet(shared / GLOBO, columns=["user_id", "session_id", "click_timestamp"])
    everyone = clicks["user_id"].unique().sort()
    chosen = np.random.default_rng(seed).choice(len(everyone), users, replace=False)
    clicks = clicks.filter(pl.col("user_id").is_in(everyone[chosen].implode()))
    sessions = clicks.group_by("user_id", "session_id").agg(pl.col("click_timestamp").min())
    by_user = clicks["user_id"].to_numpy(), _ms(clicks["click_timestamp"])
    begun = sessions["user_id"].to_numpy(), _ms(sessions["click_timestamp"]) + 1
    return _in_time_order(
        [
            _rankings(begun[0], begun[1] - 2),
            _interactions("impression", *begun),
            _interactions("join", *by_user),
        ]
    )


def _ms(times: pl.Series) -> NDArray[np.int64]:
    return times.cast(pl.Int64).to_numpy()


def _rankings(user: NDArray[np.int64], at: NDArray[np.int64]) -> pl.DataFrame:
    return pl.DataFrame({"event": "ranking", "time": at, "user": user, "surface": "default"})


def _interactions(
    type_: str,
    user: NDArray[np.int64],
    at: NDArray[np.int64],
    value: NDArray[np.float64] | None = None,
) -> pl.DataFrame:
    columns = {"event": "interaction", "time": at, "user": user, "type": type_, "value": value}
    return pl.DataFrame(columns, schema_overrides={"value": pl.Float64})


def _in_time_order(parts: list[pl.DataFrame]) -> pl.DataFrame:
    frame = pl.concat(parts, how="diagonal").sort("time", maintain_order=True)
    frame = frame.with_columns(
        pl.format("u{}", "user").alias("user"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("seq"),
    )
    missing = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in SCHEMA.items()
        if name not in frame.columns
    ]
    return frame.with_columns(missing).select(list(SCHEMA))
