"""Trials: one model each, trained on the older rows and measured on the newer ones.

Invariant: the first trial is the logistic, so that there is a model however short the budget.
"""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.automl.boosting import MOST_ROUNDS, SHAPES, Binned, bin_rows, boost, shape_for
from liverank.automl.deadline import Deadline
from liverank.automl.logistic import fit_logistic, fit_path, linear_gains, prepare_rows
from liverank.automl.losses import margin_log_loss
from liverank.dataset.rows import Rows
from liverank.dataset.split import newest_block
from liverank.models.forest import Forest
from liverank.models.linear import Linear

LEAST_ROWS = 50
"""Fewer rows are not split: the logistic alone learns from all of them."""
PENALTIES = (1000.0, 100.0, 10.0, 1.0)
"""L2 penalties that the logistic tries."""

_ROUNDS_WORTH_A_SHAPE = 100
_PILOT_ROUNDS = 5


@dataclass(frozen=True)
class Blocks:
    """Rows in time order: the oldest train, the next choose between models, the newest judge."""

    fit: Rows
    choose: Rows
    judge: Rows


@dataclass(frozen=True)
class Trial:
    """A trained model, its margins on the two newer blocks, and how to train it again.

    ``gains`` (float64[f]) says how much each column did. ``refit`` trains on all rows; it returns
    None when its deadline passed first. ``refit_s`` is how long that should take.
    """

    name: str
    part: Forest | Linear
    log_loss: float
    seconds: float
    choose: NDArray[np.float64]
    judge: NDArray[np.float64]
    gains: NDArray[np.float64]
    refit_s: float
    refit: Callable[[Rows, Deadline], Forest | Linear | None] = field(repr=False)
    rounds: int | None = None
    rounds_run: int | None = None
    out_of_time: bool = False


def split_blocks(rows: Rows, validation: float) -> Blocks | None:
    """Split by time, or None when there are too few rows or a block lacks a class.

    ``validation`` is the newest share; its older half chooses, its newer half judges.
    """
    older, _ = newest_block(rows, validation)
    first = int(older.sum())
    newer = rows.take(slice(first, None))
    if len(rows) < LEAST_ROWS or len(newer) == 0:
        return None
    second = int(newest_block(newer, 0.5)[0].sum())
    blocks = Blocks(
        fit=rows.take(slice(0, first)),
        choose=newer.take(slice(0, second)),
        judge=newer.take(slice(second, None)),
    )
    enough = all(
        0 < block.positives < len(block) for block in (blocks.fit, blocks.choose, blocks.judge)
    )
    return blocks if enough else None


def run_trials(blocks: Blocks, *, seed: int, deadline: Deadline) -> Iterator[Trial]:
    """Train the logistic, then as many shapes of trees as the deadline has room for."""
    yield _try_logistic(blocks, deadline.share(0.2))
    if deadline.expired() or not blocks.fit.names:
        return
    boosting = _start_boosting(blocks, seed, deadline)
    round_s = boosting.round_s
    for place, name in enumerate(SHAPES):
        rounds_left = deadline.left_s() / round_s
        if place > 0 and rounds_left < _ROUNDS_WORTH_A_SHAPE:
            return
        n_slots = int(np.clip(rounds_left // _ROUNDS_WORTH_A_SHAPE, 1, len(SHAPES) - place))
        shape = shape_for(name, len(blocks.fit), max(rounds_left / n_slots, 10))
        trial = _try_shape(name, shape, boosting, seed + place, deadline.share(1 / n_slots))
        round_s = trial.seconds / max(trial.rounds_run or 0, 1)
        yield trial


@dataclass(frozen=True)
class _Boosting:
    """What all shapes share: the blocks, and what a pilot found out about speed."""

    blocks: Blocks
    data: Binned
    bin_s: float
    n_threads: int
    round_s: float


def _start_boosting(blocks: Blocks, seed: int, deadline: Deadline) -> _Boosting:
    began = deadline.clock()
    data = bin_rows(blocks.fit, blocks.choose)
    bin_s = deadline.clock() - began
    n_threads, round_s = _pilot(data, seed, deadline)
    return _Boosting(blocks, data, bin_s, n_threads, round_s)


def _try_shape(
    name: str, shape: dict[str, Any], boosting: _Boosting, seed: int, deadline: Deadline
) -> Trial:
    blocks, n_threads = boosting.blocks, boosting.n_threads
    began = deadline.clock()
    result = boost(
        boosting.data,
        shape,
        rounds=MOST_ROUNDS,
        seed=seed,
        n_threads=n_threads,
        expired=deadline.expired,
    )
    seconds = deadline.clock() - began
    choose = result.forest.margin(blocks.choose.features)

    def refit(rows: Rows, until: Deadline) -> Forest | None:
        # More rows bear more rounds, in proportion.
        rounds = math.ceil(result.rounds * len(rows) / len(blocks.fit))
        again = boost(
            bin_rows(rows),
            shape,
            rounds=rounds,
            seed=seed,
            n_threads=n_threads,
            expired=until.expired,
        )
        return None if again.out_of_time else again.forest

    return Trial(
        name=name,
        part=result.forest,
        log_loss=margin_log_loss(choose, blocks.choose.labels),
        seconds=seconds,
        choose=choose,
        judge=result.forest.margin(blocks.judge.features),
        gains=result.gains,
        refit_s=boosting.bin_s + seconds * result.rounds / max(result.rounds_run, 1),
        refit=refit,
        rounds=result.rounds,
        rounds_run=result.rounds_run,
        out_of_time=result.out_of_time,
    )


def _pilot(data: Binned, seed: int, deadline: Deadline) -> tuple[int, float]:
    """The number of threads that boosts fastest here and now, and its seconds a round.

    On few rows, or beside a busy neighbour, threads wait for each other more than they help; the
    forest is the same.
    """
    shape = shape_for("trees_steady", data.n_rows, MOST_ROUNDS)
    fastest = math.inf, 1
    for n_threads in sorted({1, os.cpu_count() or 1}):
        ends = [deadline.clock()]
        until = Deadline(
            ends[0] + min(deadline.left_s(), fastest[0] * _PILOT_ROUNDS), deadline.clock
        )

        def expired(ends: list[float] = ends, until: Deadline = until) -> bool:
            ends.append(until.clock())
            return until.expired()

        boost(data, shape, rounds=_PILOT_ROUNDS, seed=seed, n_threads=n_threads, expired=expired)
        # The first round also sets up, so it counts only when there is no other.
        round_s = float(np.median(np.diff(ends)[1:] if len(ends) > 2 else np.diff(ends)))
        fastest = min(fastest, (max(round_s, 1e-5), n_threads))
    return fastest[1], fastest[0]


def _try_logistic(blocks: Blocks, deadline: Deadline) -> Trial:
    began = deadline.clock()
    best: tuple[float, Linear, float] | None = None
    prepared = prepare_rows(blocks.fit.features, blocks.fit.labels, blocks.fit.directions)
    for l2, model in zip(PENALTIES, fit_path(prepared, PENALTIES, deadline.expired), strict=True):
        loss = margin_log_loss(model.margin(blocks.choose.features), blocks.choose.labels)
        if best is None or loss < best[0]:
            best = loss, model, l2
        if deadline.expired():
            break
    assert best is not None
    loss, chosen, penalty = best
    seconds = deadline.clock() - began

    def refit(rows: Rows, until: Deadline) -> Linear | None:
        again = fit_logistic(
            rows.features,
            rows.labels,
            l2=penalty,
            directions=rows.directions,
            expired=until.expired,
        )
        return None if until.expired() else again

    return Trial(
        name="logistic",
        part=chosen,
        log_loss=loss,
        seconds=seconds,
        choose=chosen.margin(blocks.choose.features),
        judge=chosen.margin(blocks.judge.features),
        gains=linear_gains(chosen, blocks.choose.features),
        refit_s=seconds / len(PENALTIES),
        refit=refit,
        out_of_time=deadline.expired(),
    )
