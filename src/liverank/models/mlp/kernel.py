"""Kernels of the neural net: the scale and embedding of a row, and the layers.

Invariant: only IEEE additions, multiplications, divisions, square roots and comparisons are used,
in one order for each row, so a row scores the same bits in any batch and on any machine. A term
whose input is zero is left out, which changes no sum.
"""

import math

import numpy as np
from numpy.typing import NDArray

from liverank.compiled import compiled

FURTHEST = 1e6
"""Scaled values are clipped to this distance from the centre."""


@compiled
def squash_kernel(
    rows: NDArray[np.float32], centre: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Values scaled and smoothly clipped, u / sqrt(1 + (u / 3)^2), NaN where unknown: [n, f]."""
    n, f = rows.shape
    values = np.empty((n, f), np.float32)
    for i in range(n):
        for j in range(f):
            u = (float(rows[i, j]) - centre[j]) * scale[j]
            if not math.isnan(u):
                u = min(max(u, -FURTHEST), FURTHEST)
            values[i, j] = u / math.sqrt(1.0 + u * u / 9.0)
    return values


@compiled
def embed_row(
    row: NDArray[np.float32],
    edges: NDArray[np.float32],
    vectors: NDArray[np.float32],
    bins: NDArray[np.float32],
    embedded: NDArray[np.float32],
) -> None:
    """Embed the squashed values of a row, float32[f]: float32[f x d], one feature after another.

    edges    float32[2, f, b], where each bin begins, and 1 over its width
    vectors  float32[3, f, d], a feature's vector at zero, its slope, and the vector added where the
             value is unknown
    bins     float32[f, b, d], the vector that each bin adds
    """
    knot, inverse_width = edges[0], edges[1]
    at_zero, slope, missing = vectors[0], vectors[1], vectors[2]
    f, n_bins, d = bins.shape
    for j in range(f):
        here = embedded[j * d : (j + 1) * d]
        z = row[j]
        if math.isnan(z):
            for c in range(d):
                here[c] = at_zero[j, c] + missing[j, c]
            continue
        for c in range(d):
            here[c] = at_zero[j, c] + z * slope[j, c]
        for b in range(n_bins):
            share = min((z - knot[j, b]) * inverse_width[j, b], np.float32(1))
            if share > 0:
                for c in range(d):
                    here[c] += share * bins[j, b, c]


@compiled
def dense(
    inputs: NDArray[np.float32],
    weight: NDArray[np.float32],
    outputs: NDArray[np.float32],
    in_use: NDArray[np.int64],
) -> None:
    """Add inputs @ weight, [a] @ [a, b], to outputs; ``in_use`` is a work array for a indexes."""
    n = 0
    for k in range(len(inputs)):
        if inputs[k] != 0:
            in_use[n] = k
            n += 1
    whole = n // 4 * 4
    for at in range(0, whole, 4):
        p, q, r, s = in_use[at], in_use[at + 1], in_use[at + 2], in_use[at + 3]
        a, b, c, d = inputs[p], inputs[q], inputs[r], inputs[s]
        of_a, of_b, of_c, of_d = weight[p], weight[q], weight[r], weight[s]
        for j in range(len(outputs)):
            outputs[j] = (((outputs[j] + a * of_a[j]) + b * of_b[j]) + c * of_c[j]) + d * of_d[j]
    for at in range(whole, n):
        a, of_a = inputs[in_use[at]], weight[in_use[at]]
        for j in range(len(outputs)):
            outputs[j] += a * of_a[j]


@compiled
def mlp_kernel(
    squashed: NDArray[np.float32],
    embedding: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    member: NDArray[np.float32],
    layers: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
    heads: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> NDArray[np.float64]:
    """Mean output of the members, before the last stretch and shift: float64[n, k].

    squashed   float32[n, f]
    embedding  ``edges``, ``vectors`` and ``bins`` of ``embed_row``
    member     float32[m, f x d], factors by which each member multiplies the vectors
    layers     weights of the first layer float32[f x d, h], of the others float32[l, h, h], and
               biases float32[l + 1, h]
    heads      weights float32[m, h, k] and biases float32[m, k] of each member's outputs
    """
    edges, vectors, bins = embedding
    first, hidden, bias = layers
    head, head_bias = heads
    n_members, n_inputs = member.shape
    n_layers, width = bias.shape
    n_outputs = head.shape[2]
    embedded = np.empty(n_inputs, np.float32)
    inputs = np.empty(n_inputs, np.float32)
    states = np.empty((2, width), np.float32)  # outputs of the previous layer and of this one
    output = np.empty(n_outputs, np.float32)
    in_use = np.empty(max(n_inputs, width), np.int64)
    margins = np.zeros((len(squashed), n_outputs))
    for i in range(len(squashed)):
        embed_row(squashed[i], edges, vectors, bins, embedded)
        for m in range(n_members):
            for k in range(n_inputs):
                inputs[k] = embedded[k] * member[m, k]
            states[0] = bias[0]
            dense(inputs, first, states[0], in_use)
            for layer in range(1, n_layers):
                before, after = states[(layer - 1) % 2], states[layer % 2]
                for k in range(width):
                    before[k] = max(before[k], np.float32(0))
                after[:] = bias[layer]
                dense(before, hidden[layer - 1], after, in_use)
            last = states[(n_layers - 1) % 2]
            for k in range(width):
                last[k] = max(last[k], np.float32(0))
            output[:] = head_bias[m]
            dense(last, head[m], output, in_use)
            for k in range(n_outputs):
                margins[i, k] += output[k]
        for k in range(n_outputs):
            margins[i, k] /= n_members
    return margins
