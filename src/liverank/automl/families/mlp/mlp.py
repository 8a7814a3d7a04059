"""The neural network family: piecewise-linear embeddings, and members that share layers.

Invariant: with the same seed, parameters and rounds the Mlp that is trained has the same bytes on
one machine. A round is one step of the optimiser on one batch. JAX, of the extra ``automl``, is
imported only when a net is trained. Monotone constraints are not supported: a search with such
constraints leaves this family out.
"""

from typing import Any

import numpy as np

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.families.contract import Traits
from liverank.automl.families.mlp.prepare import (
    NetStart,
    Params,
    Trained,
    find_scales,
    first_weights,
    net_gains,
    to_mlp,
)
from liverank.automl.families.preparation import constant_fit
from liverank.dataset.sampling import evenly_spread_rows
from liverank.errors import TrainingError

TRAITS = Traits(
    package="jax",
    timed_rounds=(5, 50),
    slower_with_rows=False,
    setup_s=8.0,
    needs_long_search=True,
    no_constraints="it does not support monotone constraints",
)

_PUBLISHED: Params = {
    "learning_rate": 0.04,
    "weight_decay": 0.02,
    "dropout": 0.15,
    "width": 256,
    "layers": 3,
    "members": 4,
    "embedding": 8,
    "bins": 16,
    "batch": 256,
}

DEFAULTS: tuple[tuple[str, Params], ...] = (
    # Our own: nearly as good as the published size, in a quarter of the time.
    ("small", {**_PUBLISHED, "width": 128, "members": 2, "batch": 128}),
    ("calm", {**_PUBLISHED, "width": 128, "layers": 2, "batch": 128, "learning_rate": 0.02}),
    ("net", _PUBLISHED),
    ("dropout", {**_PUBLISHED, "width": 128, "batch": 128, "dropout": 0.3}),
)
"""Published defaults (RealMLP's rates, TabM's members) and smaller nets, in the order to try."""

_EPOCHS = 45
_EXPECTED = 400.0, 8000.0
_FIXED_COST = 20e6
"""Fixed cost of a step, in multiplications, in addition to its matrix products."""
MOST_ROUNDS = 20_000
_LEAST_S = 1.0
"""Seconds below which the result is a constant."""


def sample(generator: np.random.Generator, n_rows: int, n_columns: int) -> Params:
    """Random parameters from the spaces of RealMLP and TabM.

    >>> params = sample(np.random.default_rng(0), 1000, 10)
    >>> params.keys() == DEFAULTS[0][1].keys()
    True
    """
    return {
        "learning_rate": float(np.exp(generator.uniform(np.log(0.01), np.log(0.15)))),
        "weight_decay": float(generator.choice([0.0, 0.02, 0.06])),
        "dropout": float(generator.choice([0.0, 0.15, 0.3])),
        "width": int(generator.choice([128, 256, 384])),
        "layers": int(generator.choice([2, 3, 4])),
        "members": int(generator.choice([1, 4, 8])),
        "embedding": int(generator.choice([4, 8, 16] if n_columns <= 100 else [4])),
        "bins": int(generator.choice([8, 16, 32, 48])),
        "batch": int(generator.choice([128, 256, 512])) if n_rows > 5000 else 128,
    }


def expected_rounds(params: Params, n_rows: int) -> float:
    """The number of steps of some dozens of passes over the rows.

    >>> expected_rounds(DEFAULTS[0][1], 5120)
    1800.0
    """
    return float(np.clip(_EPOCHS * n_rows / params["batch"], *_EXPECTED))


def work(params: Params, n_columns: int) -> float:
    """The cost of the matrix products of a step, plus a fixed part."""
    return _step_cost(params, n_columns) / _step_cost(DEFAULTS[0][1], n_columns)


def needs_bytes(n_rows: int, n_columns: int, params: Params) -> int:
    """Approximate memory that training takes, the Matrix not counted, in bytes.

    >>> needs_bytes(10_000, 50, DEFAULTS[0][1]) < 300e6
    True
    """
    width, members, bins = int(params["width"]), int(params["members"]), int(params["bins"])
    layers, batch = int(params["layers"]), int(params["batch"])
    inputs = n_columns * int(params["embedding"])
    weights = inputs * (width + members + bins) + layers * width**2
    per_row = 4 * members * (inputs + layers * width) + 4 * inputs * bins
    compiler = 150_000_000
    return 4 * n_rows * n_columns + 24 * weights + max(batch, 1024) * per_row + compiler


def fit(
    train: Matrix,
    validation: Matrix | None,
    params: Params,
    *,
    seed: int,
    n_threads: int,  # JAX has its own threads
    deadline: Deadline,
    rounds: int | None,
) -> Fit:
    """Train a net, stopped early by the loss on ``validation``, or after ``rounds`` steps.

    ``n_threads`` is not used: JAX shares its threads among all that runs in a process.
    Raises TrainingError when JAX is not installed.
    """
    if not train.n_features:
        return constant_fit(train)
    params = {**_PUBLISHED, **params}
    generator = np.random.default_rng(seed)
    scales = find_scales(train, params["bins"])
    start = first_weights(train, params, generator)
    trained = None
    if rounds != 0 and deadline.left_s() > _LEAST_S:
        trained = _training().train_net(
            train,
            validation,
            NetStart(scales, start),
            params,
            generator=generator,
            deadline=deadline,
            rounds=MOST_ROUNDS if rounds is None else rounds,
        )
    if trained is None:  # out of time: predict the mean of the target for every row
        trained = Trained({**start, "head": np.zeros_like(start["head"])}, 0, 0, rounds != 0)
    net = to_mlp(scales, trained.weights)
    some = evenly_spread_rows(len(train), 1000, floor=True)
    gains = net_gains(net, train.features[some])
    return Fit((net,), trained.rounds, trained.rounds_run, trained.out_of_time, gains)


def _step_cost(params: Params, n_columns: int) -> float:
    width = params["width"]
    inputs = n_columns * params["embedding"]
    products = inputs * width + (params["layers"] - 1) * width**2
    return float(_FIXED_COST + params["batch"] * params["members"] * products)


def _training() -> Any:
    try:
        from liverank.automl.families.mlp import train
    except ImportError as error:
        raise TrainingError(
            f"the neural family needs {error.name}: install liverank[automl], or leave it out"
        ) from None
    return train
