"""What training needs from a log: its schema, the features that follow, and the past lists."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import polars as pl

from liverank.config import Config
from liverank.dataset.implied import imply_lists
from liverank.dataset.lists import Lists, collect_lists
from liverank.errors import DatasetError
from liverank.events.profile import profile_events
from liverank.events.schema import Schema, resolve_schema
from liverank.features.layout import Layout

Frames = Callable[[], Iterable[pl.DataFrame]]
"""Gives the log's frames (``events.frame.SCHEMA``) in ``seq`` order; may be called again."""


def look_at(frames: Frames, config: Config, *, before_ms: float = np.inf) -> Schema:
    """The schema of the events before a time, completed by the config."""
    past = (frame.filter(pl.col("time") < before_ms) for frame in frames())
    return resolve_schema(config, profile_events(past))


def lists_to_train(
    frames: Frames, layout: Layout, config: Config, *, before_ms: float = np.inf
) -> Lists:
    """The lists to learn from: made before a time, with labels that were known by then.

    Lists whose label window was not over at ``before_ms``, or at the log's end, are left out,
    unless less than half would remain; of labels beside the first, ``Lists.others`` says until
    when each list's are open. The newest are kept where there are more rows than
    ``training.max_rows``. Raises DatasetError when nothing is left.
    """
    known_ms = min(before_ms, _last_ms(frames) + 1.0)
    if config.candidates is not None:
        lists = imply_lists(
            frames(),
            layout,
            config.candidates,
            from_ms=-np.inf,
            to_ms=before_ms,
            at_most=config.candidates.max_rankings,
            per_list=config.candidates.per_ranking,
            seed=config.training.seed,
        )
        rest = list(config.heads)[1:]
        why = "lists that are made from interactions tell nothing but those"
        lists = replace(lists, untold=dict.fromkeys(rest, why))
    else:
        past = (frame.filter(pl.col("time") < before_ms) for frame in frames())
        lists = replace(collect_lists(past, layout, config), as_of_ms=known_ms)
        over = lists.until_ms < known_ms
        if 2 * np.count_nonzero(over) >= len(lists):
            lists = lists.take(over)
    lists = _newest(lists, config.training.max_rows)
    if len(lists) == 0:
        raise DatasetError(f"no rankings to learn from: {_advice(frames, config)}")
    if not lists.labels.any():
        raise DatasetError(
            f"{len(lists)} rankings, but none drew a `{config.label.interaction}` within "
            f"{config.label.within}: check `label.interaction` and `label.within`"
        )
    return lists


def lists_to_test(frames: Frames, layout: Layout, config: Config, *, from_ms: float) -> Lists:
    """The lists of a test period, with all of their items. Raises DatasetError without any."""
    if config.candidates is not None:
        lists = imply_lists(
            frames(),
            layout,
            config.candidates,
            from_ms=from_ms,
            to_ms=np.inf,
            at_most=config.candidates.max_test_rankings,
            per_list=None,
            seed=config.training.seed,
        )
    else:
        lists = collect_lists(frames(), layout, config)
        lists = lists.take(lists.reads.at >= from_ms)
    if len(lists) == 0:
        raise DatasetError("no rankings to test on: choose an earlier `--test-from`")
    return lists


def _newest(lists: Lists, max_rows: int) -> Lists:
    rows = np.add.reduceat(lists.seen.astype(np.int64), lists.reads.offsets[:-1])
    kept = np.cumsum(rows[::-1])[::-1] <= max_rows
    kept[-1:] = True  # one long list is better than none
    return lists if kept.all() else lists.take(kept)


def _advice(frames: Frames, config: Config) -> str:
    """What to do about a log that gave no lists."""
    if config.candidates is not None:
        return (
            f"too few `{config.candidates.interaction}` interactions; check "
            "`candidates.interaction` and `candidates.within`, or choose a later `--test-from`"
        )
    if any((frame["event"] == "ranking").any() for frame in frames()):
        return "all of them are of the test period; choose a later `--test-from`"
    return (
        "send `ranking` events, or add `[candidates]` to liverank.toml to make them from "
        "interactions"
    )


def _last_ms(frames: Frames) -> float:
    return max(
        (float(frame["time"].to_numpy().max()) for frame in frames() if len(frame)), default=0.0
    )
