"""A table that is too large for its budget is thinned, which is said and recorded."""

import numpy as np
import polars as pl

from liverank import automl
from liverank.automl.budget import Deadline
from liverank.automl.evaluation import subsampling
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.table import warm_up


def a_table(n):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(n, 4))
    y = np.where(x[:, 0] + generator.normal(size=n) > 0, "yes", "no")
    return pl.DataFrame({f"x{j}": x[:, j] for j in range(4)} | {"y": y})


def test_rows_are_as_many_as_can_be_encoded_in_time(monkeypatch):
    monkeypatch.setattr(subsampling, "_SURELY_FITS", 0)
    table = a_table(100_000)
    profile = profile_table(table, TableRoles(target="y"))
    seconds = iter([0.0, 0.0, 1.0])
    # 10,000 rows took a second: in 30 % of 90 s that is 270,000 rows, three times over.
    found = subsampling.rows_in_time(table, profile, Deadline(90.0, lambda: next(seconds)))
    assert abs(found - 90_000) <= 1
    seconds = iter([0.0, 0.0, 1.0])
    assert subsampling.rows_in_time(table, profile, Deadline(900.0, lambda: next(seconds))) is None
    seconds = iter([0.0, 0.0, 1.0])
    assert subsampling.rows_in_time(table, profile, Deadline(1.0, lambda: next(seconds))) == 20_000


def test_what_was_left_out_is_said_and_a_recorded_plan_leaves_out_the_same(monkeypatch):
    warm_up()
    monkeypatch.setattr("liverank.automl.table_preparation.rows_in_time", lambda *_: 1500)
    table = a_table(6000)
    result = automl.fit(table, target="y", budget_s=8, families=["linear"])
    assert result.plan.rows == 1500
    assert "1,500 of 6,000 rows" in result.report.warnings[0]
    assert sum(block.rows for block in result.report.split.blocks) == 1500
    again = automl.fit(table, target="y", budget_s=8, families=["linear"], plan=result.plan)
    rows = table.head(50)
    assert (again.predict(rows) == result.predict(rows)).all()
