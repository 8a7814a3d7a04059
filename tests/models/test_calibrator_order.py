"""A calibration never turns an order round, and one that would is no calibration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.errors import BundleError
from liverank.models.calibrator import Calibrator

ONE, NONE = np.ones(1), np.zeros(1)


@pytest.mark.parametrize("slope", [0.0, -1.0])
def test_a_slope_that_does_not_rise_is_refused(slope):
    with pytest.raises(BundleError, match="a slope above zero"):
        Calibrator(np.array([slope]), NONE)


def test_steps_that_fall_are_refused():
    with pytest.raises(BundleError, match="knots and levels must rise"):
        Calibrator(ONE, NONE, np.array([0.0, 1.0]), np.array([0.5, 0.4]))
    with pytest.raises(BundleError, match="knots and levels must rise"):
        Calibrator(ONE, NONE, np.array([1.0, 1.0]), np.array([0.4, 0.5]))


@given(
    st.lists(st.floats(-50, 50), min_size=2, max_size=30),
    st.floats(0.05, 5),
    st.lists(st.floats(-9, 9), min_size=1, max_size=8, unique=True),
)
def test_what_was_higher_is_never_lower_afterwards(margins, slope, levels):
    knots = np.arange(len(levels), dtype=float)
    calibrator = Calibrator(np.array([slope]), ONE, knots, np.sort(np.array(levels)))
    after = calibrator.apply(np.sort(np.array(margins))[:, None])[:, 0]
    assert (np.diff(after) >= -1e-12).all()
