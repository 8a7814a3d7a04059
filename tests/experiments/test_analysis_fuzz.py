"""Any small table gets an analysis or one clear word: never a traceback, never a warning."""

import math
from dataclasses import replace
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.errors import ExperimentError
from liverank.experiments.analysis import Analysis, TableSpec, analyse, parse_metric

NUMBERS = st.one_of(
    st.none(),
    st.sampled_from([0.0, 1.0, 2.0, -1.0, 1e-30, 1e45, math.nan]),
    st.floats(-100, 100),
)
COLUMN = st.one_of(
    st.lists(NUMBERS, min_size=12, max_size=12),
    st.lists(st.booleans(), min_size=12, max_size=12),
    st.lists(st.integers(0, 3), min_size=12, max_size=12),
    st.lists(st.sampled_from(["1", "2.5", "", "3%", "1,5", "yes", "x"]), min_size=12, max_size=12),
    st.just([None] * 12),
    st.just([7] * 12),
)
ARMS = st.one_of(
    st.just(["a", "b"] * 6),
    st.just([0, 1, 2] * 4),
    st.lists(st.sampled_from(["a", "b", "c", None, " a"]), min_size=12, max_size=12),
)
COVARIATES = {
    "none": (),
    "mean": (parse_metric("mean(x)"),),
    "ratio": (parse_metric("ratio(x,n)"),),
}


def result_or_words(frame: pl.DataFrame, spec: TableSpec) -> Analysis | str:
    try:
        return analyse(frame, spec)
    except ExperimentError as error:
        return str(error)


@settings(deadline=None, max_examples=150)
@given(
    y=COLUMN,
    n=COLUMN,
    x=COLUMN,
    arm=ARMS,
    unit=st.one_of(st.just(list(range(12))), st.lists(st.integers(0, 9), min_size=12, max_size=12)),
    cluster=st.one_of(st.none(), st.just([i // 4 for i in range(12)]), st.just([0, 1] * 6)),
    day=st.one_of(st.none(), st.just([i % 4 for i in range(12)]), st.just(["2026-01-01"] * 12)),
    metric=st.sampled_from(["mean(y)", "ratio(y,n)", "quantile(y,0.5)"]),
    covariate=st.sampled_from(sorted(COVARIATES)),
    looks=st.sampled_from([(), (0.5,), (0.01, 1.0)]),
    drop_mixed=st.booleans(),
)
def test_any_table_is_analysed_or_refused_in_words(
    y: list[Any],
    n: list[Any],
    x: list[Any],
    arm: list[Any],
    unit: list[int],
    cluster: list[int] | None,
    day: list[Any] | None,
    metric: str,
    covariate: str,
    looks: tuple[float, ...],
    drop_mixed: bool,
) -> None:
    table = {"u": unit, "v": arm, "y": y, "n": n, "x": x, "c": cluster, "d": day}
    frame = pl.DataFrame(
        {name: values for name, values in table.items() if values is not None}, strict=False
    )
    spec = TableSpec(
        unit="u",
        variant="v",
        metrics=[replace(parse_metric(metric), covariates=COVARIATES[covariate])],
        cluster="c" if cluster else None,
        time="d" if day else None,
        looks=looks,
        drop_mixed=drop_mixed,
    )
    found = result_or_words(frame, spec)
    if isinstance(found, str):
        assert len(found.splitlines()) == 1
        return
    assert found.decision.sentence
    for result in found.results:
        comparison = result.comparison
        assert math.isnan(result.p) or 0 <= result.p <= 1
        assert not math.isnan(comparison.p) or comparison.reason
        low, high = comparison.lift_ci
        assert math.isnan(low) or low <= comparison.lift <= high
