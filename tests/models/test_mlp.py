"""The net scores what its plain definition says, row by row."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.errors import BundleError, ServingError
from liverank.models.mlp.model import SHAPES, WIDE, Mlp


def a_net(seed=0, f=3, b=2, d=2, m=2, h=5, n=3, k=1):
    generator = np.random.default_rng(seed)
    sizes = {"f": f, "b": b, "d": d, "m": m, "h": h, "n": n, "l": n - 1, "k": k}
    arrays = {
        name: generator.normal(size=[sizes[axis] for axis in axes]).astype(
            np.float64 if name in WIDE else np.float32
        )
        for name, axes in SHAPES.items()
    }
    arrays["knot"] = np.sort(arrays["knot"], axis=1)
    arrays["inverse_width"] = np.abs(arrays["inverse_width"])
    arrays["scale"] = np.abs(arrays["scale"])
    return Mlp.from_arrays(arrays)


def plain_margins(net, row):
    """In float64, one number at a time where that is clearest."""
    vectors = []
    for j, x in enumerate(row.astype(np.float64)):
        vector = net.at_zero[j].astype(np.float64)
        if math.isnan(x):
            vectors.append(vector + net.missing[j])
            continue
        u = min(max((x - net.centre[j]) * net.scale[j], -1e6), 1e6)
        z = u / math.sqrt(1 + (u / 3) ** 2)
        vector += z * net.slope[j]
        for knot, inverse_width, bin_vector in zip(
            net.knot[j], net.inverse_width[j], net.bins[j], strict=True
        ):
            vector += min(max((z - knot) * inverse_width, 0), 1) * bin_vector
        vectors.append(vector)
    outputs = []
    for m in range(len(net.member)):
        x = (np.stack(vectors) * net.member[m]).ravel()
        weights = [net.first.reshape(len(x), -1), *net.hidden]
        for weight, bias in zip(weights, net.bias, strict=True):
            x = np.maximum(x @ weight.astype(np.float64) + bias, 0)
        outputs.append(x @ net.head[m].astype(np.float64) + net.head_bias[m])
    return np.mean(outputs, axis=0) * net.stretch + net.shift


rows_of_three = st.lists(
    st.lists(st.floats(width=32), min_size=3, max_size=3), min_size=1, max_size=9
).map(lambda rows: np.array(rows, np.float32))


@given(rows_of_three, st.integers(0, 20), st.integers(1, 3), st.integers(1, 4))
def test_a_net_equals_its_definition(rows, seed, k, n):
    net = a_net(seed, k=k, n=n)
    expected = np.array([plain_margins(net, row) for row in rows])
    margins = net.margin(rows).reshape(len(rows), k)
    np.testing.assert_allclose(margins, expected, rtol=1e-4, atol=1e-4)


@given(rows_of_three, st.integers(0, 20))
def test_a_row_scores_the_same_bits_alone_and_together(rows, seed):
    net = a_net(seed, h=37, k=2)
    together = net.margin(rows)
    for i in range(len(rows)):
        np.testing.assert_array_equal(net.margin(rows[i : i + 1]), together[i : i + 1])


def test_a_net_of_one_output_gives_one_margin_a_row_and_of_several_as_many():
    rows = np.zeros((4, 3), np.float32)
    assert a_net(k=1).margin(rows).shape == (4,)
    assert a_net(k=3).margin(rows).shape == (4, 3)


def test_arrays_make_the_net_again():
    net = a_net(k=2)
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    again = Mlp.from_arrays(net.to_arrays())
    np.testing.assert_array_equal(again.margin(rows), net.margin(rows))


def test_wider_rows_score_the_same_and_unused_columns_can_be_left_out():
    net = a_net()
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    wide = np.full((5, 6), np.nan, np.float32)
    columns = np.array([1, 3, 4])
    wide[:, columns] = rows
    wider = net.on_columns(columns, 6)

    assert wider.used.tolist() == [1, 3, 4]
    np.testing.assert_array_equal(wider.margin(wide), net.margin(rows))
    np.testing.assert_array_equal(wider.keep_columns(columns).margin(rows), net.margin(rows))
    with pytest.raises(BundleError, match=r"columns \[0 2 4 5\] cannot be left out"):
        wider.keep_columns(np.array([1, 3]))


def test_arrays_that_do_not_fit_are_refused_by_name():
    arrays = a_net().to_arrays()
    with pytest.raises(BundleError, match="`slope` is not finite float32"):
        Mlp.from_arrays({**arrays, "slope": arrays["slope"] * np.float32(np.nan)})
    with pytest.raises(BundleError, match=r"`head` is .* its axis h is 5"):
        Mlp.from_arrays({**arrays, "head": arrays["head"][:, :4]})
    with pytest.raises(BundleError, match="3 layers with 1 weights"):
        Mlp.from_arrays({**arrays, "hidden": arrays["hidden"][:1]})
    with pytest.raises(BundleError, match="`member` is not finite float32"):
        Mlp.from_arrays({**arrays, "member": arrays["member"].astype(np.float64)})


def test_rows_of_another_width_are_refused():
    with pytest.raises(ServingError, match=r"expected float32\[n, 3\]"):
        a_net().margin(np.zeros((2, 4), np.float32))
