"""The neural net in JAX: its forward pass, and one step of training.

Weights are standard normal and layers divide by the root of their width, so that one learning rate
suits every width (the neural tangent parametrisation, as in RealMLP, Holzmüller et al., 2024).
The code is compiled once for each shape of batch and net; rates are arguments, so trials share it.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from liverank.automl.families.mlp.prepare import layer_factors

Weights = dict[str, Any]
"""The trained arrays of ``liverank.models.mlp.model.SHAPES``, before their layers' factors."""

SLOW = 0.1
"""Factor of the learning rate for embeddings, members and biases."""
DECAYED = ("first", "hidden", "head")
"""Weights that weight decay applies to."""


class State(NamedTuple):
    """Weights in training, their running mean, and the state of the optimiser."""

    weights: Weights
    mean: Weights
    memory: Any


class Bins(NamedTuple):
    """Lower edges of the bins of each feature, and 1 over their widths: float32[f, b] each."""

    knot: Any
    inverse_width: Any


class Batch(NamedTuple):
    """Squashed rows float32[n, f], targets float32[n] or int32[n], weights float32[n].

    ``noise`` uint8[n, m, layers, h] is uniform; dropout zeroes outputs where it is below a bound.
    ``base`` float32[n] or None is added to every member's output.
    """

    rows: Any
    target: Any
    weight: Any
    noise: Any
    base: Any = None


class Rates(NamedTuple):
    """Rates of a step, float32 each.

    The learning rate, the weight decay, the share by which the running mean moves to the weights,
    and the bound of dropout, 0 to 256.
    """

    learning: Any
    decay: Any
    averaging: Any
    dropout: Any


_optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(b1=0.9, b2=0.95))


def start(weights: dict[str, NDArray[np.float32]]) -> State:
    """The state before the first step."""
    shapes = jax.eval_shape(_optimiser.init, weights)  # zeros, without compiling each
    memory = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    return State(weights, weights, memory)


@jax.jit
def forward(weights: Weights, bins: Bins, rows: Any) -> Any:
    """Mean output of the members for squashed rows: float32[n, k]."""
    return _members(weights, bins, rows, None).mean(axis=1)


@partial(jax.jit, static_argnames="task")
def step(state: State, bins: Bins, batch: Batch, rates: Rates, *, task: str) -> State:
    """One step of AdamW on the members' mean loss."""
    kept = (batch.noise >= rates.dropout) * (256 / (256 - rates.dropout))

    def loss(weights: Weights) -> Any:
        outputs = _members(weights, bins, batch.rows, kept)
        if batch.base is not None:
            outputs = outputs + batch.base[:, None, None]
        losses = _losses(outputs, batch.target[:, None], task).mean(axis=1)
        return (losses * batch.weight).mean()

    gradient = jax.grad(loss)(state.weights)
    move, memory = _optimiser.update(gradient, state.memory)
    weights = {}
    for name, before in state.weights.items():
        change = move[name] + (rates.decay * before if name in DECAYED else 0)
        rate = rates.learning * (1 if name in DECAYED else SLOW)
        weights[name] = before - rate * change
    mean = jax.tree.map(lambda m, w: m + rates.averaging * (w - m), state.mean, weights)
    return State(weights, mean, memory)


def _members(weights: Weights, bins: Bins, rows: Any, kept: Any) -> Any:
    """Output of each member: float32[n, m, k]."""
    n_members, n_features, d = weights["member"].shape
    width = weights["bias"].shape[1]
    factor = layer_factors(n_features * d, width)
    embedded = _embed(weights, bins, rows)
    inputs = embedded[:, None] * weights["member"][None]
    x = inputs.reshape(len(rows) * n_members, n_features * d)
    layers = [weights["first"].reshape(n_features * d, width) * factor["first"]]
    layers += [layer * factor["hidden"] for layer in weights["hidden"]]
    for index, layer in enumerate(layers):
        x = jax.nn.relu(x @ layer + weights["bias"][index])
        if kept is not None:
            x = x * kept[:, :, index].reshape(x.shape)
    x = x.reshape(len(rows), n_members, width)
    return jnp.einsum("nmh,mhk->nmk", x, weights["head"] * factor["head"]) + weights["head_bias"]


def _embed(weights: Weights, bins: Bins, rows: Any) -> Any:
    """A vector of each feature of each row: float32[n, f, d]."""
    unknown = jnp.isnan(rows)[:, :, None]
    z = jnp.where(unknown, 0, rows[:, :, None])
    shares = jnp.clip((z - bins.knot) * bins.inverse_width, 0, 1)
    known = z * weights["slope"] + jnp.einsum("nfb,fbd->nfd", shares, weights["bins"])
    return weights["at_zero"] + jnp.where(unknown, weights["missing"], known)


def _losses(outputs: Any, target: Any, task: str) -> Any:
    """Loss of each member: [n, m] of outputs [n, m, k] and targets [n, 1]."""
    if task == "binary":
        return jnp.logaddexp(0, outputs[:, :, 0]) - target * outputs[:, :, 0]
    if task == "regression":
        return (outputs[:, :, 0] - target) ** 2
    chosen = jnp.take_along_axis(outputs, target[:, :, None], axis=2)[:, :, 0]
    return jax.nn.logsumexp(outputs, axis=2) - chosen
