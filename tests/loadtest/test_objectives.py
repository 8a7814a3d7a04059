"""Objectives: what may be written, and when one is met."""

import pytest

from liverank.errors import LoadTestError
from liverank.loadtest.objectives import UNITS, judge, parse_objective


@pytest.mark.parametrize(
    ("text", "figure", "comparison", "bound"),
    [
        ("p99<100ms", "p99", "<", 100),
        ("p99.9<=0.25s", "p99.9", "<=", 250),
        ("max < 900", "max", "<", 900),
        ("errors=0", "errors", "=", 0),
        ("fallbacks=0", "fallbacks", "=", 0),
        ("fold_lag_p99<250ms", "fold_lag_p99", "<", 250),
        ("cpu_us<220", "cpu_us", "<", 220),
        ("cpu_us<0.22ms", "cpu_us", "<", 220),
        ("rate>=850.5", "rate", ">=", 850.5),
        ("p50>5us", "p50", ">", 0.005),
    ],
)
def test_an_objective_is_a_figure_a_comparison_and_a_bound_in_its_unit(
    text, figure, comparison, bound
):
    objective = parse_objective(text)
    assert (objective.figure, objective.comparison) == (figure, comparison)
    assert objective.bound == pytest.approx(bound)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("p99", "expected a figure, one of"),
        ("p99<", "expected a figure, one of"),
        ("p99<-1ms", "expected a figure, one of"),
        ("p98<100ms", "no figure 'p98'; expected one of p50, p90"),
        ("p99<100h", "no unit 'h'; expected one of us, ms, s, or none for ms"),
        ("errors=0ms", "no unit 'ms'; expected none"),
        ("p99==100", "expected a figure, one of"),
    ],
)
def test_what_is_no_objective_is_refused_with_what_is_allowed(text, told):
    with pytest.raises(LoadTestError) as refused:
        parse_objective(text)
    assert told in str(refused.value)
    assert text in str(refused.value)


@pytest.mark.parametrize(
    ("text", "measured", "met"),
    [
        ("p99<100ms", 99.9, True),
        ("p99<100ms", 100.0, False),
        ("p99<=100ms", 100.0, True),
        ("errors=0", 0, True),
        ("errors=0", 1, False),
        ("rate>800", 800.0, False),
        ("rate>=800", 800.0, True),
    ],
)
def test_an_objective_is_met_by_what_was_measured(text, measured, met):
    objective = parse_objective(text)
    assert judge(objective, {objective.figure: measured}).met is met


def test_what_was_not_measured_meets_no_objective():
    for text in ("cpu_us<1000000", "cpu_us>0"):
        for figures in ({}, {"cpu_us": None}):
            judged = judge(parse_objective(text), figures)
            assert (judged.met, judged.measured) == (False, None)


def test_every_figure_may_be_named():
    for figure in UNITS:
        assert parse_objective(f"{figure}<1").figure == figure
