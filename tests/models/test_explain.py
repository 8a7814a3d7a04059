"""Parts of answers by column: they add up, and a column that is not read has none."""

import numpy as np
import pytest

from liverank.errors import BundleError
from liverank.models.attribution.by_column import make_explainer
from liverank.models.calibrator import Calibrator
from liverank.models.encoder.columns import Input
from liverank.models.encoder.encoder import Encoder, EncoderSpec
from liverank.models.encoder.steps import Levels, Value
from liverank.models.forest.forest import Forest
from liverank.models.predictor import Predictor, Term

ENCODER = Encoder(
    EncoderSpec(
        inputs=(
            Input(name="age", type="number"),
            Input(name="city", type="category"),
            Input(name="plan", type="category"),
        ),
        steps=(
            Value(names=("age",), column="age"),
            Levels(names=("mean(city)",), columns=("city",), levels=("Ulm", "Bonn")),
            Levels(names=("mean(city,plan)",), columns=("city", "plan"), levels=("x",)),
        ),
    ),
    {
        "table.1": np.array([[0.5], [0.25], [0.375], [0.125]]),
        "table.2": np.array([[0.5], [0.25], [0.1]]),
    },
)
COLUMNS = {
    "age": np.array([1.0, 5.0, np.nan]),
    "city": np.array(["Ulm", "Bonn", None], object),
    "plan": np.array(["a", None, "b"], object),
}


def stump(feature, low, high):
    return Forest(
        n_features=3,
        starts=np.array([0, 3], np.int32),
        feature=np.array([feature, -1, -1], np.int32),
        threshold=np.array([0.3, 0, 0], np.float32),
        left=np.array([1, 0, 0], np.int32),
        nan_left=np.array([True, False, False]),
        value=np.array([0.0, low, high]),
        cover=np.array([10, 4, 6], np.float32),
    )


def test_parts_and_base_add_up_to_the_margins_of_every_class():
    terms = (
        Term(stump(0, -1, 2), 0, 0.5),
        Term(stump(1, 3, 1), 1, 2.0),
        Term(stump(2, 1, 0), 1, 1),
    )
    calibrator = Calibrator(np.array([0.9, 1.1]), np.array([0.1, -0.2]))
    predictor = Predictor(terms, calibrator, "softmax", ("no", "yes"), ENCODER)
    parts = make_explainer(predictor).explain(COLUMNS)

    margins = predictor.margins(ENCODER.transform(COLUMNS))
    np.testing.assert_allclose(parts.base + parts.effects.sum(axis=1), margins, atol=1e-12)
    assert not parts.effects[:, 0, 1].any(), "the second class does not go by age"
    shared = parts.effects[:, 2, 1]
    assert shared.any(), "a feature of two columns is shared between them"


def test_a_model_without_columns_is_not_explained():
    predictor = Predictor(
        (Term(stump(0, 1, 2), 0, 1.0),), Calibrator.none(1), "sigmoid", ("no", "yes")
    )
    with pytest.raises(BundleError, match="reads no columns"):
        make_explainer(predictor)
