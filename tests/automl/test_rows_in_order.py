"""Rows in the order of time without a time column, and the horizon of a model."""

import dataclasses

import numpy as np
import polars as pl
import pytest
from tests.automl.clocks import Looks

from liverank import automl
from liverank.automl.budget import FOREVER
from liverank.automl.data.horizon import Horizon, read_horizon
from liverank.automl.data.splits import forward_folds
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.options import SearchOptions
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.table_preparation import prepare_table
from liverank.errors import ConfigError, TrainingError

N = 1000
NO_TIME = dataclasses.replace(FOREVER, at_s=0.0)
DAY_MS = 86_400_000


def frame() -> pl.DataFrame:
    generator = np.random.default_rng(1)
    x = generator.normal(size=N)
    y = (generator.random(N) < 1 / (1 + np.exp(-x))).astype(int)
    at = pl.Series(np.arange(N) * DAY_MS).cast(pl.Datetime("ms"))
    return pl.DataFrame({"x": x, "at": at, "y": y})


def prepared(roles: TableRoles, **options: object) -> TableData:
    return prepare_table(frame(), roles, SearchOptions(**options), None, NO_TIME).data


def test_rows_in_order_are_split_like_rows_with_a_time() -> None:
    by_time = prepared(TableRoles(target="y", time="at")).split
    in_order = prepared(TableRoles(target="y", chronological=True)).split
    assert in_order.kind == "chronological"
    for block in ("train", "validation", "holdout"):
        np.testing.assert_array_equal(getattr(in_order, block), getattr(by_time, block))


def test_a_time_column_of_rows_in_order_stays_an_input_like_others() -> None:
    data = prepared(TableRoles(target="y", chronological=True))
    assert data.time is None
    assert [form.name for form in data.inputs] == ["x", "at"]


def test_the_report_of_rows_in_order_names_no_dates() -> None:
    result = automl.fit(
        frame(),
        target="y",
        chronological=True,
        families=["linear"],
        budget_s=2,
        clock=Looks(0.001),
    )
    split = result.report.split
    assert "by the order of the rows" in split.reason
    assert {block.from_ms for block in split.blocks} == {None}


@pytest.mark.parametrize("given", [{"time": "at"}, {"split": "at"}])
def test_order_and_another_way_to_split_are_an_error(given: dict[str, str]) -> None:
    with pytest.raises(TrainingError, match="give one of them"):
        prepared(TableRoles(target="y", chronological=True, **given))


def test_the_horizon_is_the_length_of_the_holdout_and_of_each_block() -> None:
    by_days = prepared(TableRoles(target="y", time="at"), horizon=read_horizon("50d"))
    in_rows = prepared(TableRoles(target="y", chronological=True), horizon=read_horizon(50))
    for data in (by_days, in_rows):
        assert (len(data.split.validation), len(data.split.holdout)) == (50, 50)
        folds = data.folds(5)
        assert [len(fold.validation) for fold in folds] == [50] * 5
        for fold in folds:
            assert fold.train.max() + 1 == fold.validation.min()


def test_blocks_leave_the_oldest_fifth_to_train_on() -> None:
    folds = forward_folds(np.arange(100.0), 4, block=0.3)
    assert [(len(fold.train), len(fold.validation)) for fold in folds] == [(40, 30), (70, 30)]


def test_a_horizon_that_does_not_fit_says_so() -> None:
    for text in ("0", "forever", "0s", "soon"):
        with pytest.raises(ConfigError):
            read_horizon(text)
    with pytest.raises(TrainingError, match="at most a quarter"):
        Horizon(300.0, "rows").share(np.arange(1000.0))
    with pytest.raises(TrainingError, match="rows have no time"):
        prepared(
            TableRoles(target="y", split=None, types={"at": "category"}),
            horizon=Horizon(9.0, "rows"),
        )
    with pytest.raises(TrainingError, match="give a number of rows"):
        prepared(TableRoles(target="y", chronological=True), horizon=read_horizon("9d"))
    with pytest.raises(TrainingError, match="give no gap"):
        prepared(TableRoles(target="y", chronological=True), gap_ms=5.0)
