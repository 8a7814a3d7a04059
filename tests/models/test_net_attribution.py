"""A net's attributions: by finite differences, by their sum, and where they must be nothing."""

import numpy as np
import pytest
from test_mlp import a_net, plain_margins

from liverank.errors import ServingError
from liverank.models.attribution.by_column import make_explainer
from liverank.models.attribution.integrated_gradients import attribute_mlp
from liverank.models.calibrator import Calibrator
from liverank.models.encoder.columns import Input
from liverank.models.encoder.encoder import Encoder, EncoderSpec
from liverank.models.encoder.steps import Value
from liverank.models.mlp.model import Mlp
from liverank.models.predictor import ALL, Predictor, Term


def rows_of(n=40, f=3, seed=1):
    generator = np.random.default_rng(seed)
    rows = (generator.normal(size=(n, f)) * 3).astype(np.float32)
    rows[generator.random(rows.shape) < 0.2] = np.nan
    rows[0] = np.nan
    rows[1] = np.inf
    return rows


def plain_vectors(net, row):
    """What the net's layers see of a row, in float64."""
    u = np.clip((row.astype(np.float64) - net.centre) * net.scale, -1e6, 1e6)
    z = (u / np.sqrt(1 + u * u / 9))[:, None]
    share = np.clip((z - net.knot) * net.inverse_width, 0, 1)
    known = z * net.slope + (share[:, :, None] * net.bins).sum(axis=1)
    return net.at_zero + np.where(np.isnan(z), net.missing, known)


def plain_outputs(net, vectors):
    outputs = []
    for m in range(len(net.member)):
        x = (vectors * net.member[m]).ravel()
        weights = [net.first.reshape(len(x), -1), *net.hidden]
        for weight, bias in zip(weights, net.bias, strict=True):
            x = np.maximum(x @ weight.astype(np.float64) + bias, 0)
        outputs.append(x @ net.head[m].astype(np.float64) + net.head_bias[m])
    return np.mean(outputs, axis=0) * net.stretch + net.shift


def plain_effects(net, row, steps=800):
    """Integrated gradients by central differences, feature by feature."""
    usual = plain_vectors(net, net.centre.astype(np.float64))
    way = plain_vectors(net, row) - usual
    effects = np.zeros((net.n_features, net.n_outputs))
    for step in range(steps):
        here = usual + way * (step + 0.5) / steps
        for j in range(net.n_features):
            nudge = np.zeros_like(way)
            nudge[j] = way[j] * 1e-6
            rise = plain_outputs(net, here + nudge) - plain_outputs(net, here - nudge)
            effects[j] += rise / 2e-6 / steps
    return effects


@pytest.mark.parametrize("k", [1, 3])
def test_parts_are_slopes_summed_along_the_way_from_the_usual_row(k):
    net = a_net(k=k)
    rows = rows_of(6)
    told = attribute_mlp(net, rows, steps=800)
    usual = plain_margins(net, net.centre.astype(np.float64))
    np.testing.assert_allclose(told.base, usual, rtol=1e-5)
    for row, effects in zip(rows, told.effects, strict=True):
        expected = plain_effects(net, row)
        np.testing.assert_allclose(effects, expected, atol=0.01 * np.abs(expected).max())


@pytest.mark.parametrize("n_layers", [1, 2, 4])
@pytest.mark.parametrize("k", [1, 3])
def test_base_and_parts_add_up_to_the_margin(k, n_layers):
    net = a_net(2, f=5, d=3, m=4, h=16, n=n_layers, k=k)
    rows = rows_of(150, 5)
    told = attribute_mlp(net, rows)
    margins = net.margin(rows).reshape(len(rows), k)
    np.testing.assert_allclose(told.base + told.effects.sum(axis=1), margins, rtol=1e-9, atol=1e-9)


def test_a_value_in_the_middle_has_no_part_and_neither_has_a_feature_that_is_not_read():
    net = a_net(3)
    first = net.first.copy()
    first[2] = 0
    net = Mlp.from_arrays({**net.to_arrays(), "first": first, "centre": np.array([1.0, -2.0, 0.5])})
    rows = rows_of(30)
    rows[:, 0] = 1.0
    told = attribute_mlp(net, rows)
    assert not told.effects[:, [0, 2]].any()
    assert np.abs(told.effects[2:, 1]).min() > 0


def test_few_steps_are_nearly_as_good_as_many():
    net = a_net(4, f=8, d=4, m=2, h=64, n=3)
    rows = rows_of(100, 8)
    few, many = (attribute_mlp(net, rows, steps).effects for steps in (32, 1000))
    assert np.abs(few - many).mean() < 0.02 * np.abs(many).mean()


def test_rows_of_another_shape_are_refused():
    with pytest.raises(ServingError, match="expected float32"):
        attribute_mlp(a_net(), np.zeros((2, 2), np.float32))
    assert attribute_mlp(a_net(), np.zeros((0, 3), np.float32)).effects.shape == (0, 3, 1)


@pytest.mark.parametrize("k", [1, 3])
def test_a_blend_with_nets_is_explained_by_column(k):
    names = ("a", "b", "c")
    encoder = Encoder(
        EncoderSpec(
            inputs=tuple(Input(name=name, type="number") for name in names),
            steps=tuple(Value(names=(name,), column=name) for name in names),
        ),
        {},
    )
    terms = (Term(a_net(k=k), ALL, 0.25), Term(a_net(5), k - 1, 0.75))
    link, classes = ("softmax", ("x", "y", "z")) if k == 3 else ("sigmoid", ("no", "yes"))
    calibrator = Calibrator(np.full(k, 0.7), np.full(k, 0.2))
    predictor = Predictor(terms, calibrator, link, classes, encoder)
    rows = rows_of(20)
    columns = {name: rows[:, j].astype(np.float64) for j, name in enumerate(names)}
    parts = make_explainer(predictor).explain(columns)
    margins = predictor.margins(encoder.transform(columns))
    np.testing.assert_allclose(parts.base + parts.effects.sum(axis=1), margins, atol=1e-9)
