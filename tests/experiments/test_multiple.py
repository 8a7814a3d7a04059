"""Holm's correction is that of statsmodels."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from liverank.experiments.statistics.multiple import holm


@settings(max_examples=8)  # the other one takes long
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_p_values_are_those_of_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_an_unknown_p_stays_unknown_and_costs_the_others_nothing() -> None:
    adjusted = holm([0.04, math.nan, 0.01])
    assert adjusted[0] == 0.04
    assert math.isnan(adjusted[1])
    assert adjusted[2] == 0.02
