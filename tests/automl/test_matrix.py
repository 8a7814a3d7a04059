"""A Matrix that exists is sound; anything else is refused in words."""

import numpy as np
import pytest

from liverank.automl.data.matrix import Fit, Matrix
from liverank.errors import TrainingError
from liverank.models.forest.forest import Forest, leaf_arrays


def matrix(**changes):
    parts = {
        "features": np.zeros((4, 2), np.float32),
        "target": np.array([0.0, 1.0, 1.0, 0.0]),
        "weight": None,
        "names": ("age", "price"),
        "directions": (0, 1),
        "task": "binary",
        "classes": 1,
    }
    return Matrix(**{**parts, **changes})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": np.zeros((4, 2))}, r"`features` is float64\[4, 2\]; expected float32"),
        ({"features": np.zeros((3, 2), np.float32)}, r"`features` is float32\[3, 2\]"),
        ({"features": np.zeros((2, 4), np.float32).T}, "laid out by column"),
        ({"features": np.full((4, 2), np.inf, np.float32)}, "hold infinity"),
        ({"target": np.array([0.0, 1, 2, 0])}, "0 to 1, whole"),
        ({"target": np.array([0.0, np.nan, 1, 0])}, "holds NaN"),
        ({"weight": np.ones(3)}, r"`weight` is float64\[3\]"),
        ({"weight": np.array([1.0, -1, 1, 1])}, "below 0"),
        ({"weight": np.zeros(4)}, "nothing above 0"),
        ({"task": "ranking"}, "expected one of"),
        ({"classes": 2}, "1 for any other"),
        ({"task": "multiclass"}, "2 or more for multiclass"),
        ({"task": "multiclass", "classes": 3}, "no meaning with several classes"),
        ({"directions": (0,)}, "are 1; expected"),
        ({"directions": (0, 2)}, "expected -1, 0 or 1"),
    ],
)
def test_a_matrix_whose_parts_do_not_fit_is_refused(change, message):
    with pytest.raises(TrainingError, match=message):
        matrix(**change)


def test_rows_are_taken_by_mask_by_place_and_by_slice_with_their_weights():
    whole = matrix(weight=np.arange(1.0, 5.0))
    for where in (np.array([False, True, True, False]), np.array([1, 2]), slice(1, 3)):
        taken = whole.take(where)
        assert (taken.target.tolist(), taken.weight.tolist()) == ([1, 1], [2, 3])


def test_taken_rows_that_all_weigh_0_count_alike():
    whole = matrix(weight=np.array([0.0, 0.0, 3.0, 1.0]))
    assert whole.take(slice(0, 2)).weight is None
    assert whole.take(slice(1, 3)).weight.tolist() == [0, 3]


def test_margins_stand_side_by_side_even_of_no_rows():
    parts = tuple(Forest.from_arrays(leaf_arrays(v), n_features=2) for v in (1.0, 2.0, 3.0))
    fitted = Fit(parts, rounds=1, rounds_run=1, out_of_time=False, gains=np.zeros(2))
    assert fitted.margins(np.zeros((2, 2), np.float32)).tolist() == [[1, 2, 3], [1, 2, 3]]
    assert fitted.margins(np.zeros((0, 2), np.float32)).shape == (0, 3)
