"""A predictor answers as its parts, weights, calibration and link say, and can be stored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.errors import BundleError, ServingError
from liverank.models.calibrator import Calibrator
from liverank.models.encoder.columns import Input
from liverank.models.encoder.encoder import Encoder, EncoderSpec
from liverank.models.encoder.steps import Value
from liverank.models.forest.forest import LEAF, Forest
from liverank.models.linear.model import Linear
from liverank.models.mlp.model import Mlp
from liverank.models.predictor import ALL, Predictor, Term, linked


def stump(column, low, high, n_features=3):
    return Forest(
        n_features=n_features,
        starts=np.array([0, 3], np.int32),
        feature=np.array([column, LEAF, LEAF], np.int32),
        threshold=np.array([0, 0, 0], np.float32),
        left=np.array([1, 0, 0], np.int32),
        nan_left=np.array([True, False, False]),
        value=np.array([0.0, low, high]),
    )


def linear(weight):
    weight = np.asarray(weight, float)
    f = len(weight)
    return Linear(
        low=np.full(f, -9.0),
        high=np.full(f, 9.0),
        logarithmic=np.zeros(f, bool),
        mean=np.zeros(f),
        weight=weight,
        missing_weight=np.zeros(f),
        intercept=np.array([0.25]),
    )


ROWS = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def a_binary(encoder=None):
    terms = (Term(stump(2, -1.0, 2.0), 0, 0.5), Term(linear([0, 0, 2]), 0, 0.25))
    calibrator = Calibrator(np.array([0.5]), np.array([0.1]))
    return Predictor(terms, calibrator, "sigmoid", ("no", "yes"), encoder)


def test_a_binary_answer_is_the_formula():
    x = ROWS[:, 2].astype(float)
    raw = 0.5 * np.where(x <= 0, -1.0, 2.0) + 0.25 * (2 * x + 0.25)
    expected = 1 / (1 + np.exp(-(0.5 * raw + 0.1)))
    np.testing.assert_allclose(a_binary().answers(ROWS), expected, rtol=1e-12)


@pytest.mark.parametrize("steps", [([], []), ([-1.0, 0.0, 2.0], [-2.0, 0.5, 1.0])])
@pytest.mark.parametrize("part", [stump(2, -1.0, 2.0), linear([0, 0, 2])])
def test_a_model_of_one_part_answers_the_bits_that_its_margins_link_to(part, steps):
    knots, levels = map(np.array, steps)
    calibrator = Calibrator(np.array([0.7]), np.array([0.1]), knots, levels)
    model = Predictor((Term(part, 0, 0.3),), calibrator, "sigmoid", ("no", "yes"))
    expected = linked(model.margins(ROWS), "sigmoid")
    assert model.answers(ROWS).tobytes() == expected.tobytes()


def test_several_classes_have_a_part_and_a_calibration_each():
    terms = tuple(Term(stump(k, -k, k + 1.0), k, 1.0) for k in range(3))
    calibrator = Calibrator(np.array([1.0, 0.5, 2.0]), np.array([0.0, 0.1, -0.1]))
    model = Predictor(terms, calibrator, "softmax", ("a", "b", "c"))
    raw = np.column_stack([np.where(ROWS[:, k] <= 0, -k, k + 1.0) for k in range(3)])
    odds = np.exp(raw * calibrator.slope + calibrator.offset)
    np.testing.assert_allclose(model.answers(ROWS), odds / odds.sum(1, keepdims=True), rtol=1e-12)


@pytest.mark.parametrize(("link", "inverse"), [("identity", lambda m: m), ("expm1", np.expm1)])
def test_a_regression_answers_in_the_targets_own_scale(link, inverse):
    model = Predictor((Term(stump(0, 1.0, 2.0), 0, 1.0),), Calibrator.none(1), link)
    margins = np.where(ROWS[:, 0] <= 0, 1.0, 2.0)
    np.testing.assert_allclose(model.answers(ROWS), inverse(margins), rtol=1e-12)


@given(st.permutations(range(40)), st.integers(1, 40))
def test_an_answer_does_not_depend_on_the_rows_beside_it(order, n):
    some = np.array(order[:n])
    for model in (a_binary(), three_classes()):
        assert (model.answers(ROWS[some]) == model.answers(ROWS)[some]).all()


def three_classes():
    terms = tuple(Term(linear(np.eye(3)[k]), k, 0.3) for k in range(3))
    return Predictor(terms, Calibrator.none(3), "softmax", ("a", "b", "c"))


def a_net():
    net = Mlp.constant(3, np.array([0.5, 1.5, -1.0]))
    return Predictor(
        (Term(net, ALL, 2.0), Term(stump(1, 0.0, 1.0), 1, 1.0)),
        Calibrator.none(3),
        "softmax",
        ("a", "b", "c"),
    )


def test_a_net_gives_all_margins_at_once():
    expected = np.tile([1.0, 3.0, -2.0], (40, 1))
    expected[:, 1] += ROWS[:, 1] > 0
    np.testing.assert_allclose(a_net().margins(ROWS), expected, rtol=1e-6)


def an_encoder():
    names = ("x", "y", "z")
    return Encoder(
        EncoderSpec(
            inputs=tuple(Input(name=name, type="number") for name in names),
            steps=tuple(Value(names=(name,), column=name) for name in names),
        ),
        {},
    )


@pytest.mark.parametrize("model", [a_binary(), a_binary(an_encoder()), three_classes(), a_net()])
def test_a_stored_predictor_answers_the_same_bits(model):
    again = Predictor.from_arrays(model.to_arrays())
    assert (again.answers(ROWS) == model.answers(ROWS)).all()
    assert again.to_arrays().keys() == model.to_arrays().keys()
    for name, array in model.to_arrays().items():
        assert array.tobytes() == again.to_arrays()[name].tobytes()


def test_a_narrow_predictor_reads_only_the_columns_that_count():
    columns = {name: ROWS[:, i].astype(float) for i, name in enumerate("xyz")}
    wide = a_binary(an_encoder())
    narrow = wide.narrow()
    assert [form.name for form in narrow.encoder.inputs] == ["z"]
    assert (narrow.predict({"z": columns["z"]}) == wide.predict(columns)).all()


def test_steps_are_lines_between_knots():
    knots, levels = np.array([-1.0, 0.0, 2.0]), np.array([-3.0, 0.0, 0.5])
    calibrator = Calibrator(np.ones(1), np.zeros(1), knots, levels)
    margins = np.linspace(-3, 3, 61)
    expected = np.interp(margins, knots, levels)
    np.testing.assert_allclose(calibrator.apply(margins[:, None])[:, 0], expected, atol=1e-15)
    again = Calibrator.from_arrays(calibrator.to_arrays())
    assert again.apply(margins[:, None]).tolist() == calibrator.apply(margins[:, None]).tolist()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"head": None}, "`head` is missing"),
        ({"head": np.frombuffer(b"{}", np.uint8)}, "cannot be read"),
        ({"calibrator.slope": np.array([-1.0])}, "above zero"),
        ({"calibrator.knots": None}, "expected slope"),
        ({"part0.starts": None}, "do not fit a"),
        ({"more": np.zeros(1)}, "unknown array `more`"),
    ],
)
def test_what_does_not_fit_is_refused(change, says):
    arrays = {k: v for k, v in (a_binary().to_arrays() | change).items() if v is not None}
    with pytest.raises(BundleError, match=says):
        Predictor.from_arrays(arrays)


def test_parts_and_links_must_fit():
    part = stump(0, 0, 1)
    with pytest.raises(BundleError, match="do not fit"):
        Predictor((Term(part, 0, 1.0),), Calibrator.none(1), "softmax", ("a", "b"))
    with pytest.raises(BundleError, match="outside the"):
        Predictor((Term(part, 1, 1.0),), Calibrator.none(1), "identity")
    with pytest.raises(BundleError, match="one width"):
        Predictor(
            (Term(part, 0, 1.0), Term(stump(0, 0, 1, 4), 0, 1.0)), Calibrator.none(1), "identity"
        )
    with pytest.raises(ServingError):
        a_binary().answers(ROWS[:, :2].copy())
