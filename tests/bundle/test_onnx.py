"""An export to ONNX, run by ONNX Runtime, predicts what our own kernels do."""

import subprocess
import sys

import lightgbm
import numpy as np
import pytest

from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.preprocessing.scaling import number_step
from liverank.bundle.onnx import to_onnx
from liverank.bundle.onnx_encoder import onnx_columns
from liverank.errors import BundleError
from liverank.models.attribution.by_column import make_explainer
from liverank.models.attribution.tree_shap import leaf_paths
from liverank.models.calibrator import Calibrator
from liverank.models.encoder.columns import Input, read_values
from liverank.models.encoder.encoder import Encoder, EncoderSpec
from liverank.models.encoder.steps import (
    Arithmetic,
    Bag,
    Calendar,
    Levels,
    Since,
    TrailingNumber,
    Value,
)
from liverank.models.forest.forest import Forest, leaf_arrays
from liverank.models.importers.lightgbm import forest_from_lightgbm
from liverank.models.linear.model import Linear
from liverank.models.mlp.model import SHAPES, WIDE, Mlp
from liverank.models.predictor import ALL, Predictor, Term

pytest.importorskip("onnx", reason="the extra `onnx` is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")

F = 6


def written(terms, *, link="softmax", slope=1.0, offset=0.0, encoder=None, **calibration):
    """A file of a model: each term a list of k forests or linear models, or of one net."""
    widths = {
        part.n_outputs if isinstance(part, Mlp) else len(term) for term in terms for part in term
    }
    k = widths.pop()
    every = tuple(
        Term(part, ALL if isinstance(part, Mlp) else place, 1.0)
        for term in terms
        for place, part in enumerate(term)
    )
    calibrator = Calibrator(np.full(k, slope), np.full(k, offset), **calibration)
    classes = {"softmax": tuple(f"c{i}" for i in range(k)), "sigmoid": ("no", "yes")}.get(link, ())
    return to_onnx(Predictor(every, calibrator, link, classes, encoder))


def run(content, feed):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, feed)


def rows_of(seed=0, n=300):
    generator = np.random.default_rng(seed)
    rows = (generator.normal(size=(n, F)) * 10.0 ** generator.integers(-3, 6, (n, F))).astype(
        np.float32
    )
    rows[generator.random(rows.shape) < 0.1] = np.nan
    rows[generator.random(rows.shape) < 0.05] = 0
    rows[0], rows[1], rows[2] = np.nan, np.inf, -np.inf
    return rows


def a_forest(seed=0):
    generator = np.random.default_rng(seed)
    x = rows_of(seed, 2000)[3:]
    y = np.nan_to_num(np.sign(x[:, 0])) + np.nan_to_num(np.sign(x[:, 1])) * generator.random(len(x))
    booster = lightgbm.train(
        {"verbosity": -1, "num_leaves": 31, "num_threads": 1, "seed": seed},
        lightgbm.Dataset(x, y),
        50,
    )
    return forest_from_lightgbm(booster.model_to_string())


def a_linear(seed=0):
    generator = np.random.default_rng(seed)
    return Linear(
        low=generator.normal(-9, 1, F),
        high=generator.normal(1000, 1, F),
        logarithmic=np.arange(F) % 2 == 0,
        mean=generator.normal(size=F),
        weight=np.where(np.arange(F) == 3, 0, generator.normal(size=F)) / 100,
        missing_weight=generator.normal(size=F),
        intercept=generator.normal(size=1),
    )


def a_net(k=1, seed=0, n=3):
    generator = np.random.default_rng(seed)
    sizes = {"f": F, "b": 4, "d": 3, "m": 2, "h": 16, "n": n, "l": n - 1, "k": k}
    arrays = {
        name: (generator.normal(size=[sizes[axis] for axis in axes]) / 2).astype(
            np.float64 if name in WIDE else np.float32
        )
        for name, axes in SHAPES.items()
    }
    return Mlp.from_arrays({**arrays, "scale": np.abs(arrays["scale"])})


def ranks_by(*parts, slope=1.0, offset=0.0):
    """A model as bundles that rank hold it."""
    return Predictor(
        tuple(Term(part, 0, 1.0) for part in parts),
        Calibrator(np.array([slope]), np.array([offset])),
        "sigmoid",
        ("no", "yes"),
    )


def test_a_model_of_trees_a_linear_part_and_calibration():
    model = ranks_by(a_forest(), a_linear(), slope=0.8, offset=-0.3)
    rows = rows_of(1)
    margin, probability, _ = run(to_onnx(model), {"rows": rows})
    np.testing.assert_allclose(margin, model.margins(rows), atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(probability, model.answers(rows), atol=1e-6)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 3])
def test_a_net(k, n_layers):
    net = a_net(k, n=n_layers)
    rows = rows_of(2)
    margin, *_ = run(written([[net]]), {"rows": rows})
    np.testing.assert_allclose(margin, net.margin(rows).reshape(-1, k), atol=1e-5, rtol=1e-5)


def test_several_classes_from_forests_linear_models_and_a_net_together():
    forests = [a_forest(seed) for seed in (1, 2)] + [Forest.from_arrays(leaf_arrays(0.25), F)]
    linears, net = [a_linear(seed) for seed in range(3)], a_net(3)
    slope, offset = np.array([0.5, 1.0, 2.0]), np.array([0.1, 0.0, -0.1])
    rows = rows_of(3)
    content = written([forests, linears, [net]], slope=slope, offset=offset)
    margin, prediction, called = run(content, {"rows": rows})

    parts = [np.stack([part.margin(rows) for part in term], axis=1) for term in (forests, linears)]
    expected = (parts[0] + parts[1] + net.margin(rows)) * slope + offset
    np.testing.assert_allclose(margin, expected, atol=1e-5, rtol=1e-5)
    odds = np.exp(expected - expected.max(axis=1, keepdims=True))
    np.testing.assert_allclose(prediction, odds / odds.sum(axis=1, keepdims=True), atol=1e-6)
    assert called.tolist() == [f"c{i}" for i in prediction.argmax(axis=1)]


def test_one_row_and_none_are_rows_too():
    model = ranks_by(a_forest())
    content = to_onnx(model)
    for n in (0, 1):
        margin, *_ = run(content, {"rows": rows_of(1)[:n]})
        np.testing.assert_allclose(margin, model.margins(rows_of(1)[:n]), atol=1e-5)


INPUTS = (
    Input(name="age", type="number"),
    Input(name="fare", type="number"),
    Input(name="margin", type="boolean"),
    Input(name="city", type="category"),
    Input(name="zone", type="category", numeric=True),
    Input(name="born", type="time"),
    Input(name="seen", type="time", time_form="epoch_ms"),
    Input(name="title", type="text"),
    Input(name="topics", type="list", separator="|"),
)

VALUES = {
    "age": [41, "7.5", None, "x", -3, 1e30, 0, 2.0],
    "fare": [0, 3.25, 7.5, None, 1e300, 1e300, -0.0, 1],
    "margin": ["yes", "no", None, 1, 0, "maybe", True, False],
    "city": ["Ulm", "Bonn", None, "Rome", "", "Ulm", "Ulm", "Bonn"],
    "zone": ["3.0", 3, "4", None, "other", "n17", 4.5, 3],
    "born": [
        *("1970-01-01", "2000-02-29T23:59:59", "1900-03-01", None),
        *("2024-12-31T12:00:00Z", "1969-12-31T01:00:00", "2023-03-01", "9999-01-01"),
    ],
    "seen": [0, 1e12, 951_782_400_000, None, -86_400_001, 1.5e12, 4e12, -1],
    "title": ["AI tonight, AI!", "live jazz", None, "", "live AI tonight", "x", "Jazz jazz", "ai"],
    "topics": ["ai|music", "art", None, "", "ai|art|music|ai", "none of them", "music", "ai"],
}


def an_encoder():
    tables = np.random.default_rng(0)
    parts = ("hour", "weekday", "day", "month", "day_of_year", "elapsed")
    steps = (
        Value(names=("age",), column="age"),
        Value(names=("margin",), column="margin"),
        *(
            Arithmetic(names=(operation,), left="age", right="fare", operation=operation)
            for operation in ("plus", "minus", "times", "over")
        ),
        Calendar(names=tuple(f"born {part}" for part in parts), column="born", parts=parts),
        Calendar(names=tuple(f"seen {part}" for part in parts), column="seen", parts=parts),
        Since(names=("days",), column="born", until="seen"),
        Levels(names=("city a", "city b"), columns=("city",), levels=("Ulm", "Bonn")),
        Levels(names=("zone",), columns=("zone",), levels=("3", "4.5", "other")),
        Levels(names=("fare",), columns=("fare",), levels=("0", "3.25", "1e+300", "no number")),
        TrailingNumber(names=("number(zone)",), column="zone"),
        Levels(names=("no level",), columns=("age",), levels=()),
        Levels(
            names=("cross",),
            columns=("city", "fare", "zone"),
            levels=("Ulm\x1f0\x1f3", "\x1f7.5\x1f4", "Rome\x1f\x1f", "Ulm\x1f1e+300\x1fn"),
        ),
        Bag(
            names=("words", "ai?", "live?", "mean a", "mean b"),
            column="title",
            is_text=True,
            tokens=("ai", "ai tonight", "live", "jazz"),
            sized=True,
            shown=(0, 2),
        ),
        Bag(
            names=("topics",),
            column="topics",
            is_text=False,
            tokens=("ai", "music"),
            sized=False,
            shown=(),
        ),
        Bag(
            names=("art?",),
            column="topics",
            is_text=False,
            tokens=("art",),
            sized=False,
            shown=(0,),
        ),
        Bag(names=("size",), column="topics", is_text=False, tokens=(), sized=True, shown=()),
    )
    shapes = {}
    for number, step in enumerate(steps):
        if isinstance(step, Levels):
            shapes[f"table.{number}"] = len(step.levels) + 2, len(step.names)
        elif isinstance(step, Bag) and len(step.names) > step.sized + len(step.shown):
            shapes[f"table.{number}"] = (
                len(step.tokens),
                len(step.names) - step.sized - len(step.shown),
            )
    return Encoder(
        EncoderSpec(inputs=INPUTS, steps=steps),
        {name: tables.normal(size=shape) for name, shape in shapes.items()},
    )


def a_linear_of(encoder, column):
    """A model whose margin is one feature, and -1 where it is unknown."""
    f = encoder.n_features
    weight = np.zeros(f)
    weight[column] = 1
    return Linear(
        low=np.full(f, -1e12),
        high=np.full(f, 1e12),
        logarithmic=np.zeros(f, bool),
        mean=np.zeros(f),
        weight=weight,
        missing_weight=-weight,
        intercept=np.zeros(1),
    )


def test_every_feature_of_an_encoder():
    encoder = an_encoder()
    columns = {form.name: read_values(form, VALUES[form.name]) for form in INPUTS}
    linears = [a_linear_of(encoder, column) for column in range(encoder.n_features)]
    content = written([linears], encoder=encoder)
    margin, *_ = run(content, onnx_columns(encoder, columns))
    features = encoder.transform(columns)
    expected = np.stack([linear.margin(features) for linear in linears], axis=1)

    for column, name in enumerate(encoder.names):
        np.testing.assert_allclose(margin[:, column], expected[:, column], rtol=1e-9, err_msg=name)


def test_an_encoder_that_was_fitted():
    from liverank.automl.preprocessing.encoder import fit_transform

    generator = np.random.default_rng(0)
    n = 400
    words = np.array(["ai", "live", "jazz", "art", "talk"], object)
    values = {
        "age": generator.integers(0, 90, n).tolist(),
        "city": [None if p < 0.1 else f"c{int(p * 20)}" for p in generator.random(n)],
        "born": (generator.random(n) * 1.5e12).tolist(),
        "title": [" ".join(generator.choice(words, 3)) for _ in range(n)],
        "topics": ["|".join(generator.choice(words, 2)) for _ in range(n)],
    }
    inputs = (
        Input(name="age", type="number"),
        Input(name="city", type="category"),
        Input(name="born", type="time", time_form="epoch_ms"),
        Input(name="title", type="text"),
        Input(name="topics", type="list", separator="|"),
    )
    columns = {form.name: read_values(form, values[form.name]) for form in inputs}
    target = (columns["age"] > 40).astype(float)
    encoder, _ = fit_transform(columns, inputs, TrainingTarget(target))
    linears = [a_linear_of(encoder, column) for column in range(encoder.n_features)]
    margin, *_ = run(written([linears], encoder=encoder), onnx_columns(encoder, columns))
    features = encoder.transform(columns)
    np.testing.assert_allclose(margin, np.where(np.isnan(features), -1, features), rtol=1e-6)
    assert encoder.n_features > 15


def test_days_of_five_centuries():
    calendar = Calendar(
        names=("d", "m", "y", "w"), column="at", parts=("day", "month", "day_of_year", "weekday")
    )
    spec = EncoderSpec(inputs=(Input(name="at", type="time"),), steps=(calendar,))
    encoder = Encoder(spec, {})
    columns = {"at": np.arange(-150_000, 150_000, 7) * 86_400_000.0}
    linears = [a_linear_of(encoder, column) for column in range(4)]
    margin, *_ = run(written([linears], encoder=encoder), columns)
    np.testing.assert_array_equal(margin, encoder.transform(columns))


def test_an_output_makes_way_for_a_column_of_its_name():
    content = written([[a_linear_of(an_encoder(), 0)]], link="sigmoid", encoder=an_encoder())
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [*(form.name for form in INPUTS), "number(zone)"]
    assert [port.name for port in session.get_inputs()] == names
    assert [port.name for port in session.get_outputs()] == ["margin_", "prediction", "class"]


def test_the_same_model_gives_the_same_bytes():
    assert to_onnx(ranks_by(a_forest())) == to_onnx(ranks_by(a_forest()))


class Unheard:
    n_features, n_outputs, used = F, 1, np.arange(F)


def test_what_a_graph_cannot_hold_is_refused():
    with pytest.raises(BundleError, match="no form for a Unheard"):
        written([[Unheard()]], link="identity")
    nameless = Encoder(
        EncoderSpec(
            inputs=(Input(name="", type="number"),), steps=(Value(names=("",), column=""),)
        ),
        {},
    )
    with pytest.raises(BundleError, match="an input needs a name"):
        written([[a_linear_of(nameless, 0)]], link="identity", encoder=nameless)


def test_calibration_by_steps_and_values_that_were_logarithms():
    rows = rows_of(4)
    for knots in ([], [-0.5], [-0.5, 0.25, 0.3, 2.0]):
        content = written(
            [[a_forest()], [a_linear()]],
            link="expm1",
            slope=0.7,
            offset=0.1,
            knots=np.array(knots),
            levels=np.array(knots) ** 3,
        )
        margin, prediction = run(content, {"rows": rows})
        terms = (Term(a_forest(), 0, 1.0), Term(a_linear(), 0, 1.0))
        calibrator = Calibrator(
            np.array([0.7]), np.array([0.1]), np.array(knots), np.array(knots) ** 3
        )
        ours = Predictor(terms, calibrator, "expm1")
        np.testing.assert_allclose(margin, ours.margins(rows), atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(prediction, ours.answers(rows), atol=1e-5, rtol=1e-4)


def test_terms_of_some_margins_only_with_weights_of_their_own():
    terms = (
        Term(a_forest(1), 0, 0.5),
        Term(a_forest(2), 0, 0.25),
        Term(a_linear(1), 2, -2.0),
        Term(a_net(3), ALL, 0.3),
        Term(a_net(1), 1, 0.4),
    )
    ours = Predictor(terms, Calibrator.none(3), "softmax", ("a", "ä", "c d"))
    rows = rows_of(5)
    margin, prediction, called = run(to_onnx(ours), {"rows": rows})
    np.testing.assert_allclose(margin, ours.margins(rows), atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(prediction, ours.answers(rows), atol=1e-5)
    assert called.tolist() == [ours.classes[i] for i in prediction.argmax(axis=1)]


def test_attributions_of_the_file_are_ours():
    encoder = an_encoder()
    wide = np.arange(F) * 5
    linear = a_linear(2).on_columns(wide, encoder.n_features)
    forests = [a_forest(seed).on_columns(wide, encoder.n_features) for seed in (3, 4)]
    terms = (Term(forests[0], 0, 0.5), Term(forests[1], 2, 2.0), Term(linear, 0, 0.7))
    calibrator = Calibrator(np.array([0.5, 1.0, 2.0]), np.array([0.1, 0.0, -0.1]))
    ours = Predictor(terms, calibrator, "softmax", ("a", "b", "c"), encoder)
    columns = {form.name: read_values(form, VALUES[form.name]) for form in INPUTS}
    content = to_onnx(ours, attributions=True)
    margin, _, _, parts, base = run(content, onnx_columns(encoder, columns))
    explainer = make_explainer(ours)
    told = explainer.explain(columns)
    assert parts.shape == (8, len(INPUTS), 3)
    np.testing.assert_allclose(base, told.base, rtol=1e-12)
    np.testing.assert_allclose(parts, told.effects, atol=1e-10)
    np.testing.assert_allclose(parts.sum(axis=1) + base, margin, atol=1e-5)


def test_attributions_of_branches_that_no_training_row_took():
    forest = Forest(
        n_features=2,
        starts=np.array([0, 7], np.int32),
        feature=np.array([0, 1, 0, -1, -1, -1, -1], np.int32),
        threshold=np.array([0, 0, 5, 0, 0, 0, 0], np.float32),
        left=np.array([1, 3, 5, 0, 0, 0, 0], np.int32),
        nan_left=np.array([True, False, True, False, False, False, False]),
        value=np.array([0, 0, 0, 1.0, 2.0, 3.0, 4.0]),
        cover=np.array([9, 9, 0, 9, 0, 0, 0], np.float32),
    )
    nan = np.nan
    rows = np.array([[-1, -1], [-1, 1], [1, 1], [9, nan], [nan, nan], [nan, -1]], np.float32)
    *_, parts, base = run(to_onnx(ranks_by(forest), attributions=True), {"rows": rows})
    told = leaf_paths(forest).attribute(rows)
    np.testing.assert_allclose(parts[:, :, 0], told.effects, atol=1e-12)
    assert base[0] == told.base == 1.0
    with pytest.raises(BundleError, match="holds a neural net"):
        to_onnx(
            Predictor((Term(a_net(), 0, 1.0),), Calibrator.none(1), "identity"), attributions=True
        )


def test_without_the_package_it_says_what_to_install():
    code = """
import sys
sys.modules["onnx"] = None
from liverank.bundle.onnx import to_onnx
from liverank.errors import BundleError
from liverank.models.attribution.by_column import make_explainer
from liverank.models.forest.forest import Forest, leaf_arrays
from liverank.models.calibrator import Calibrator
from liverank.models.predictor import Predictor, Term
part = Forest.from_arrays(leaf_arrays(0.0), 1)
try:
    to_onnx(Predictor((Term(part, 0, 1.0),), Calibrator.none(1), "identity"))
except BundleError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "pip install 'liverank[onnx]'" in result.stdout


@pytest.mark.parametrize(
    ("values", "is_log"),
    [(1e9 + 100 * np.random.default_rng(0).random(200), False), (10.0 ** -np.arange(200), True)],
)
def test_a_scaled_number_is_the_same_in_an_export(values, is_log):
    form = Input(name="x", type="number")
    step = number_step("x", values)
    assert step.is_log == is_log
    encoder = Encoder(EncoderSpec(inputs=(form,), steps=(step,)), {})
    given = np.concatenate([values, [np.nan, -1e300, 1e300, 0.0]])
    linear = a_linear_of(encoder, 0)
    margin, *_ = run(written([[linear]], encoder=encoder), {"x": given})
    expected = linear.margin(encoder.transform({"x": given}))
    np.testing.assert_allclose(margin[:, 0], expected, rtol=1e-6)
    assert len(np.unique(margin)) > 150
