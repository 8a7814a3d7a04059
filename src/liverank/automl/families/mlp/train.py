"""Training the neural net: steps, evaluations on the validation rows, and the deadline.

The running mean of the weights is evaluated and kept; it replaces a learning rate schedule, so that
training may end at any round. Invariant: a step or an evaluation starts only if, by the time that
earlier ones took, it can end before the deadline.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.families.mlp.network import Batch, Bins, Rates, State, forward, start, step
from liverank.automl.families.mlp.prepare import Arrays, NetStart, Params, Scales, Trained, batches
from liverank.dataset.sampling import evenly_spread_rows

PATIENCE = 12
"""Number of evaluations without improvement after which training ends."""

_WARM_UP = 20
_MOST_EVAL_ROWS = 20_000
_EVAL_BLOCK = 1024
_COMPILE_TRACES = 7
"""Ratio of the time of compiling to that of tracing, which comes first."""


def train_net(
    train: Matrix,
    validation: Matrix | None,
    start_from: NetStart,
    params: Params,
    *,
    generator: np.random.Generator,
    deadline: Deadline,
    rounds: int,
) -> Trained | None:
    """Train a net: keep the best evaluation on ``validation``, or without it the last round.

    None where there is no time to compile.
    """
    scales, first = start_from
    size = min(params["batch"], max(len(train) // 4, 1))
    feed = _feed(train, scales, first, size, generator)
    evaluate = None if validation is None else _evaluation(validation, scales)
    n_eval = 0 if validation is None else min(len(validation), _MOST_EVAL_ROWS)
    per_epoch = max(len(train) // size, 1)
    every = int(np.clip(per_epoch, 10, 100))
    horizon = float(np.clip(2 * per_epoch, 50, 500))
    bins, state = Bins(scales.knot, scales.inverse_width), start(first)

    best, best_loss, best_round, evals_since = first, np.inf, 0, 0
    step_s = eval_s = 0.0
    short = False
    for round_, batch in enumerate(feed, 1):
        began = deadline.clock()
        rates = _rates(params, round_, horizon)
        if round_ == 1:
            step.lower(state, bins, batch, rates, task=train.task)
            if deadline.left_s() < _COMPILE_TRACES * (deadline.clock() - began):
                return None
        state = step(state, bins, batch, rates, task=train.task)
        state.mean["bias"].block_until_ready()
        stepped = deadline.clock()
        if round_ > 1:
            step_s = max(0.9 * step_s, stepped - began)
        elif deadline.left_s() < (stepped - began) / 2:
            return None
        elif evaluate is not None:
            evaluate(state)  # compiles it, so that later times do not include compiling
            stepped = deadline.clock()
        if round_ == 2:
            eval_s = step_s * n_eval / size
        short = deadline.left_s() < 2 * step_s + 1.5 * eval_s
        last = short or round_ == rounds
        if evaluate is not None and (round_ % every == 0 or last):
            loss = evaluate(state)
            eval_s = deadline.clock() - stepped
            evals_since += 1
            if loss < best_loss:
                best, best_loss, best_round, evals_since = _mean(state), loss, round_, 0
        if last or evals_since >= PATIENCE:
            break
    if evaluate is None:
        best, best_round = _mean(state), round_
    return Trained(best, best_round, round_, out_of_time=short and round_ < rounds)


def _feed(
    train: Matrix, scales: Scales, first: Arrays, size: int, generator: np.random.Generator
) -> Iterator[Batch]:
    """An endless sequence of batches, each with its own noise for dropout."""
    rows, target = scales.rows(train.features), scales.target(train)
    base = None if train.base is None else train.base.astype(np.float32)
    weight = np.ones(len(train)) if train.weight is None else train.weight
    weight = (weight / weight.mean()).astype(np.float32)
    noise_shape = (size, len(first["member"]), *first["bias"].shape)
    for sample in batches(len(train), size, generator):
        noise = generator.integers(0, 256, noise_shape, np.uint8)
        base_of = None if base is None else base[sample]
        yield Batch(rows[sample], target[sample], weight[sample], noise, base_of)


def _rates(params: Params, round_: int, horizon: float) -> Rates:
    return Rates(
        learning=np.float32(params["learning_rate"] * min(round_ / _WARM_UP, 1)),
        decay=np.float32(params["weight_decay"]),
        averaging=np.float32(max(3 / (round_ + 3), 1 / horizon)),
        dropout=np.float32(round(256 * params["dropout"])),
    )


def _evaluation(validation: Matrix, scales: Scales) -> Callable[[State], float]:
    """A function from a state to the loss of its mean weights; many validation rows are thinned."""
    sample = evenly_spread_rows(len(validation), _MOST_EVAL_ROWS, floor=True)
    some = validation.take(sample)
    n_blocks = -(-len(some) // _EVAL_BLOCK)
    # Blocks of one shape are compiled once; the last is padded with unknown rows.
    rows = np.full((n_blocks * _EVAL_BLOCK, validation.n_features), np.nan, np.float32)
    rows[: len(some)] = scales.rows(some.features)
    blocks = rows.reshape(n_blocks, _EVAL_BLOCK, validation.n_features)
    bins, target = Bins(scales.knot, scales.inverse_width), scales.target(some)

    def loss(state: State) -> float:
        outputs = np.concatenate([forward(state.mean, bins, block) for block in blocks])
        margins = outputs[: len(some)].astype(np.float64)
        if some.base is not None:
            margins += some.base[:, None]
        losses = _row_losses(margins, target, validation.task)
        return float(np.average(losses, weights=some.weight))

    return loss


def _row_losses(
    outputs: NDArray[np.float64], target: NDArray[Any], task: str
) -> NDArray[np.float64]:
    """Log-loss or squared error of each row, float64[n], of outputs float64[n, k]."""
    losses: NDArray[np.float64]
    if task == "regression":
        losses = (outputs[:, 0] - target) ** 2
    elif task == "binary":
        losses = np.logaddexp(0, outputs[:, 0]) - target * outputs[:, 0]
    else:
        own = outputs[np.arange(len(target)), target]
        losses = np.logaddexp.reduce(outputs, axis=1) - own
    return losses


def _mean(state: State) -> Arrays:
    return {name: np.array(array) for name, array in state.mean.items()}
