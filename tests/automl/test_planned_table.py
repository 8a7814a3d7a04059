"""A recorded plan knows its table: another is refused, and other rows of it are told."""

import numpy as np
import polars as pl
import pytest
from clocks import ticking
from msgspec.structs import replace

from liverank.automl import table as table_search
from liverank.errors import TrainingError


def a_table(n=200, **more):
    generator = np.random.default_rng(0)
    x, pay = generator.normal(size=n), generator.lognormal(3, 1, n)
    yes = x + generator.normal(size=n) > 0
    return pl.DataFrame({"x": x, "pay": pay, "y": np.where(yes, "yes", "no")}).with_columns(**more)


def fit(table, *, target="y", plan=None):
    return table_search.fit(
        table, target=target, plan=plan, budget_s=0.5, families=["linear"], clock=ticking()
    )


@pytest.fixture(scope="module")
def plan():
    return fit(a_table()).plan


def test_the_plan_of_a_table_records_it(plan):
    assert (plan.table.target, plan.table.task, plan.table.rows) == ("y", "binary", 200)
    assert set(plan.table.columns) >= {"x", "pay"}


@pytest.mark.parametrize(
    ("table", "target", "message"),
    [
        (a_table(), "pay", r"its target is `y` \(binary\), here it is `pay` \(regression\)"),
        (a_table().rename({"x": "z"}), "y", "this one has no column `x`"),
        (a_table(z=pl.col("x") * 2), "y", "that one had no column `z`"),
    ],
)
def test_a_plan_of_another_table_is_refused(plan, table, target, message):
    with pytest.raises(TrainingError, match=message):
        fit(table, target=target, plan=plan)


def test_other_rows_of_the_same_table_are_a_warning(plan):
    warnings = fit(a_table(150), plan=plan).report.warnings
    assert any("of a table of 200 rows, and this one has 150" in each for each in warnings)
    assert not any("the plan is of" in each for each in fit(a_table(), plan=plan).report.warnings)


def test_a_plan_from_before_tables_were_recorded_runs_on_any(plan):
    again = fit(a_table(150), plan=replace(plan, table=None))
    assert not any("the plan is of" in each for each in again.report.warnings)
