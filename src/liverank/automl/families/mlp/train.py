"""Training the neural net: steps, looks at the rows that choose, and the clock.

The running mean of the weights is what is looked at and kept, which stands in for a learning rate
that falls: training may end at any round. Invariant: no step or look begins for which, by those
before it, there is no time.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.families.mlp.network import Batch, Bins, Rates, State, forward, start, step
from liverank.automl.families.mlp.prepare import Arrays, Params, Scales, Trained, batches
from liverank.dataset.sampling import evenly_spread_rows

PATIENCE = 12
"""Looks, without a better one, after which training ends."""

_WARM_UP = 20
_MOST_LOOK_ROWS = 20_000
_LOOK_BLOCK = 1024
_COMPILE_TRACES = 7
"""Compiling takes about this many times as long as tracing, which comes before it."""


def train_net(
    train: Matrix,
    validation: Matrix | None,
    scales: Scales,
    first: Arrays,
    params: Params,
    *,
    generator: np.random.Generator,
    deadline: Deadline,
    rounds: int,
) -> Trained | None:
    """Train from the weights ``first``: the best look with ``choose``, the last round without.

    None when there is no time to compile.
    """
    size = min(params["batch"], max(len(train) // 4, 1))
    feed = _feed(train, scales, first, size, generator)
    look = None if validation is None else _look(validation, scales)
    n_look = 0 if validation is None else min(len(validation), _MOST_LOOK_ROWS)
    per_epoch = max(len(train) // size, 1)
    every = int(np.clip(per_epoch, 10, 100))
    horizon = float(np.clip(2 * per_epoch, 50, 500))
    bins, state = Bins(scales.knot, scales.inverse_width), start(first)

    best, best_loss, best_round, looks_since = first, np.inf, 0, 0
    step_s = look_s = 0.0
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
        elif look is not None:
            look(state)  # to compile it; from here on times are those of work alone
            stepped = deadline.clock()
        if round_ == 2:
            look_s = step_s * n_look / size
        short = deadline.left_s() < 2 * step_s + 1.5 * look_s
        last = short or round_ == rounds
        if look is not None and (round_ % every == 0 or last):
            loss = look(state)
            look_s = deadline.clock() - stepped
            looks_since += 1
            if loss < best_loss:
                best, best_loss, best_round, looks_since = _mean(state), loss, round_, 0
        if last or looks_since >= PATIENCE:
            break
    if look is None:
        best, best_round = _mean(state), round_
    return Trained(best, best_round, round_, out_of_time=short and round_ < rounds)


def _feed(
    train: Matrix, scales: Scales, first: Arrays, size: int, generator: np.random.Generator
) -> Iterator[Batch]:
    """Batches without end, each with its own noise for dropout."""
    rows, target = scales.rows(train.features), scales.target(train)
    base = None if train.base is None else train.base.astype(np.float32)
    weight = np.ones(len(train)) if train.weight is None else train.weight
    weight = (weight / weight.mean()).astype(np.float32)
    noise_shape = (size, len(first["member"]), *first["bias"].shape)
    for places in batches(len(train), size, generator):
        noise = generator.integers(0, 256, noise_shape, np.uint8)
        beside = None if base is None else base[places]
        yield Batch(rows[places], target[places], weight[places], noise, beside)


def _rates(params: Params, round_: int, horizon: float) -> Rates:
    return Rates(
        learning=np.float32(params["learning_rate"] * min(round_ / _WARM_UP, 1)),
        decay=np.float32(params["weight_decay"]),
        averaging=np.float32(max(3 / (round_ + 3), 1 / horizon)),
        dropout=np.float32(round(256 * params["dropout"])),
    )


def _look(validation: Matrix, scales: Scales) -> Callable[[State], float]:
    """The loss of a state's mean weights on the rows that choose, thinned where they are many."""
    places = evenly_spread_rows(len(validation), _MOST_LOOK_ROWS, floor=True)
    some = validation.take(places)
    n_blocks = -(-len(some) // _LOOK_BLOCK)
    # Blocks of one shape are compiled once; the last is filled up with unknown rows.
    rows = np.full((n_blocks * _LOOK_BLOCK, validation.n_features), np.nan, np.float32)
    rows[: len(some)] = scales.rows(some.features)
    blocks = rows.reshape(n_blocks, _LOOK_BLOCK, validation.n_features)
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
