"""Figures of later rows say which rows they are of; what they leave out is counted."""

import math

import numpy as np
import polars as pl
import pytest
from clocks import ticking
from made_up_reports import CLASSES, made_up_report

from liverank.automl.options import SearchOptions
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.profile.task import find_target
from liverank.automl.profile.unseen_values import unseen_values
from liverank.automl.report.html.page import render_report
from liverank.automl.report.later_rows import LaterScore
from liverank.automl.report.reports import decode_report, encode_report
from liverank.automl.table import search_table
from liverank.errors import SourceError

LINKS = {"binary": "sigmoid", "multiclass": "softmax", "regression": "identity"}


def scored(values, task="multiclass", margins=None, sizes=(1000,)):
    """The figures of rows with these targets, added in batches of the sizes."""
    rows = pl.DataFrame({"churned": values}, strict=False)
    k = len(CLASSES[task]) if task == "multiclass" else 1
    margins = np.zeros((rows.height, k)) if margins is None else margins
    score = LaterScore(made_up_report(task), LINKS[task])
    start = 0
    for size in (*sizes, rows.height):
        if start < rows.height:
            score.add(rows[start : start + size], margins[start : start + size])
        start += size
    return score.figures()


@pytest.mark.parametrize("sizes", [(1000,), (1, 3, 2), (30, 30)])
def test_unseen_classes_are_counted_and_named_and_count_as_wrong_in_one_figure(sizes):
    known = list(CLASSES["multiclass"])
    values = [*known * 10, *["clay"] * 15, *["marl"] * 5, None, ""]
    first = np.tile([9.0, 0, 0, 0], (len(values), 1))  # always the first class
    found = scored(values, margins=first, sizes=sizes)
    assert found.rows == 40
    assert found.figures["accuracy"] == 10 / 40
    assert (found.unseen.rows, found.unseen.of) == (20, 60)
    assert found.unseen.values == {"clay": 15, "marl": 5}
    assert found.unseen.accuracy == pytest.approx(10 / 60)
    (warning,) = found.warnings
    assert "20 of 60 rows are of classes that training never saw (clay 15, marl 5)" in warning
    assert "over all 60 rows, with these counted as wrong, accuracy is 0.167" in warning


def test_rows_without_a_target_are_no_unseen_class():
    found = scored([*CLASSES["multiclass"] * 10, None, "", "nan"])
    assert (found.rows, found.unseen, found.warnings) == (40, None, ())


def test_words_among_values_are_counted():
    found = scored(["1.5", "2.5", "Total", "?", None], "regression")
    assert found.rows == 2
    assert found.unseen.values == {"Total": 1}
    assert found.unseen.accuracy is None
    assert "1 of 3 values of `churned` are no numbers (Total)" in found.warnings[0]


@pytest.mark.parametrize(
    ("task", "values", "says"),
    [
        ("binary", ["leaves"] * 9, '`churned` is "leaves" in all 9 rows'),
        ("multiclass", ["stubble"] * 9, '`churned` is "stubble" in all 9 rows'),
        ("regression", [2.5] * 9, "`churned` is 2.5 in all 9 rows"),
        ("binary", ["leaves"] * 3 + ["stays"] * 90, 'class "leaves" has 3 of 93 rows'),
    ],
)
def test_rows_that_compare_nothing_or_little_are_a_warning(task, values, says):
    found = scored(values, task)
    assert says in found.warnings[0]
    assert found.rows == len(values)


def test_rows_of_unseen_classes_alone_are_an_error():
    with pytest.raises(SourceError, match="only values that are not"):
        scored(["clay"] * 9)


@pytest.mark.parametrize(
    ("trained", "later", "unseen"),
    [
        ([0, 1], [0, 1, 2, None], {"2": 1}),
        ([0, 1], ["0.0", "1", "?", "two"], {"two": 1}),
        ([True, False], [True, False, None], {}),
        (["a", "b", "?"], ["?", "-", "c"], {"-": 1, "c": 1}),
        ([0.5, 1.5, 2.5], [math.nan, None, 9.0], {}),
    ],
)
def test_a_value_is_unseen_where_training_had_none_like_it(trained, later, unseen):
    target = find_target(pl.Series("y", trained * 20))
    counts, rows = unseen_values(pl.Series("y", later), target)
    assert dict(counts) == unseen
    assert rows.sum() == sum(unseen.values())


def report_with(test, train, **roles):
    """The report of a short search, tested on a table."""
    options = SearchOptions(budget_s=0.3, clock=ticking(0.002), families=["linear"])
    return search_table(train, TableRoles(target="y", **roles), options, test=test).report


def table_of(n, seed, day=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=n)
    kind = np.select([x < -0.5, x < 0.5], ["lo", "mid"], "hi")
    at = np.arange(n) * 60_000 + 1_700_000_000_000 + day * 86_400_000
    user = [f"u{seed}-{u}" for u in generator.integers(0, 40, n)]
    times = pl.Series(at).cast(pl.Datetime("ms"))
    return pl.DataFrame({"x": x, "user": user, "at": times, "y": kind})


def test_a_test_table_with_unseen_classes_is_reported_everywhere():
    novel = table_of(200, 1).with_columns(
        y=pl.when(pl.int_range(200) % 2 == 0).then(pl.lit("novel")).otherwise(pl.col("y"))
    )
    report = report_with(novel, table_of(400, 0))
    assert report.test_rows == 100
    assert (report.test_unseen.rows, report.test_unseen.of) == (100, 200)
    assert report.test_unseen.accuracy == pytest.approx(report.test["accuracy"] / 2)
    (warning,) = (text for text in report.warnings if "novel" in text)
    assert warning.startswith("the test table: 100 of 200 rows are of classes that training")
    assert decode_report(encode_report(report)) == report
    page = render_report(report)
    assert "100 of 200 rows are of classes that training never saw (novel)" in page
    assert "test table, 100 of 200 rows" in page


def test_a_test_table_that_training_gives_away_is_noticed():
    train = table_of(400, 0)
    again = pl.concat([train[:150], table_of(50, 3, day=2)])
    found = " ".join(report_with(again, train, time="at", group=None).warnings)
    assert "150 of 200 rows equal a row of the training table" in found
    assert "150 of 200 rows are not newer than the newest row of the training table" in found
    found = " ".join(report_with(again.drop("at"), train.drop("at"), group="user").warnings)
    assert "150 of 200 rows are of groups of `user` that the training table has too" in found
    clean = report_with(table_of(200, 4, day=2), train, time="at")
    assert not [text for text in clean.warnings if text.startswith("the test table")]


def test_rows_of_few_values_are_equal_by_themselves():
    def coded(n, seed):
        generator = np.random.default_rng(seed)
        a, b = generator.integers(0, 3, n), generator.integers(0, 3, n)
        y = np.where(generator.random(n) < 0.2 + 0.3 * a, "yes", "no")
        return pl.DataFrame({"a": a, "b": b, "y": y})

    found = report_with(coded(200, 1), coded(400, 0)).warnings
    assert not [text for text in found if text.startswith("the test table")]


def test_row_columns_are_compared_as_the_model_reads_them(tmp_path):
    train = table_of(400, 0).drop("at", "user")
    train.write_csv(tmp_path / "train.csv")
    from_csv = pl.read_csv(tmp_path / "train.csv", infer_schema=False)
    found = " ".join(report_with(from_csv, train).warnings)
    assert "400 of 400 rows equal a row of the training table" in found
