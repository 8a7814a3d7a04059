"""What the blocks of a split cannot show is a warning with counts, or an error with the choice."""

import numpy as np
import polars as pl
import pytest
from clocks import ticking

from liverank.automl.budget import Deadline
from liverank.automl.metrics.objective import find_objective, searchable
from liverank.automl.options import SearchOptions
from liverank.automl.profile.block_warnings import block_warnings
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.roles import read_roles, split_rows
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.table import fit
from liverank.automl.table_preparation import prepare_table
from liverank.errors import TrainingError

HOUR_MS = 3_600_000.0
CHOICE = "leave --group out to split by time, or --time out to keep groups whole"


def a_table(n=1000, seed=0, **columns):
    generator = np.random.default_rng(seed)
    sized = {"x": generator.normal(size=n), "y": generator.integers(0, 2, n)}
    return pl.DataFrame({**sized, **columns})


def split_of(table, **roles_of):
    options = {name: roles_of.pop(name) for name in ("gap_ms", "validation") if name in roles_of}
    profile = profile_table(table, TableRoles(target="y", **roles_of))
    _, roles = read_roles(table, profile)
    given = roles_of.get("time") is not None
    split, why = split_rows(roles, seed=0, time_is_given=given, **options)
    return split, why, block_warnings(roles, profile, split)


def hours(n):
    return pl.Series(np.arange(n) * int(HOUR_MS) + 1_700_000_000_000).cast(pl.Datetime("ms"))


def users(n, count, seed=1):
    return [f"u{user}" for user in np.random.default_rng(seed).integers(0, count, n)]


def test_a_table_with_nothing_amiss_has_no_warning():
    assert split_of(a_table())[2] == ()
    assert split_of(a_table(at=hours(1000)), time="at")[2] == ()
    assert split_of(a_table(user=users(1000, 200)), group="user")[2] == ()


@pytest.mark.parametrize("count", [1, 5, 20, 50])
def test_groups_that_go_on_over_the_cut_are_an_error_that_names_the_choice(count):
    table = a_table(at=hours(1000), user=users(1000, count))
    with pytest.raises(TrainingError, match=CHOICE) as failure:
        split_of(table, time="at", group="user")
    assert "groups" in str(failure.value)
    if count > 2:
        assert "of 1,000 rows to train" in str(failure.value)


def test_rows_lost_at_the_cuts_are_counted_in_a_warning():
    # Each user stays for 300 of 1,000 hours, so many go on over a cut, and enough do not.
    begin = np.random.default_rng(0).integers(0, 700, 400)
    at = np.sort((begin[:, None] + np.arange(0, 300, 30)).ravel())
    order = np.argsort((begin[:, None] + np.arange(0, 300, 30)).ravel(), kind="stable")
    user = np.repeat(np.arange(400), 10)[order]
    moments = pl.Series(at * int(HOUR_MS)).cast(pl.Datetime("ms"))
    table = a_table(4000, at=moments, user=user.astype(str))
    split, why, warnings = split_of(table, time="at", group="user")
    assert split.of_groups == split.left_out > 800
    assert f"{split.of_groups:,} rows of groups that continue after a cut are left out" in why
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{split.of_groups:,} of 4,000 rows are left out because of")
    assert f"{len(split.train):,} rows are left to train" in warnings[0]
    assert CHOICE in warnings[0]


def test_a_time_that_nobody_named_gives_way_to_groups():
    table = a_table(at=hours(1000), user=users(1000, 100))
    split, why, warnings = split_of(table, group="user")
    assert split.kind == "random"
    assert "groups continue after any cut in time" in why
    assert warnings == ()
    options = SearchOptions(budget_s=1)
    roles = TableRoles(target="y", group="user")
    prepared = prepare_table(table, roles, options, None, Deadline(1.0, lambda: 0.0))
    assert not any("split by it" in note for note in prepared.profile.notes)
    assert any("is the time of the rows" in note for note in prepared.profile.notes)


def test_a_gap_that_leaves_too_little_says_how_much():
    table = a_table(at=hours(1000))
    with pytest.raises(TrainingError, match=r"gap of .* leaves 0 of .* give a shorter gap"):
        split_of(table, time="at", gap_ms=900 * HOUR_MS)
    with pytest.raises(TrainingError, match="5 to validate and 100 to hold out"):
        split_of(table, time="at", gap_ms=95 * HOUR_MS)
    split, _, warnings = split_of(table, time="at", gap_ms=70 * HOUR_MS)
    assert split.in_gap == 140
    assert warnings == ()


def test_the_target_of_a_block_may_be_constant():
    n = 500
    value = np.where(np.arange(n) < 400, np.random.default_rng(0).normal(size=n), 0.0)
    table = a_table(n, at=hours(n)).with_columns(y=pl.Series(value))
    warnings = split_of(table, time="at")[2]
    assert [text.partition(", so")[0] for text in warnings] == [
        "all 50 validation rows have `y` = 0",
        "all 50 holdout rows have `y` = 0",
    ]
    kind = np.where(np.arange(n) < 400, np.arange(n) % 2, 1)
    warnings = split_of(table.with_columns(y=pl.Series(kind)), time="at")[2]
    assert 'all 50 validation rows are "1"' in warnings[0]
    assert 'all 50 holdout rows are "1"' in warnings[1]
    turned = table.with_columns(y=pl.Series(kind[::-1].copy()), at=table["at"])
    assert split_of(turned, time="at")[2] == ()
    late = np.where(np.arange(n) < 460, 0, np.arange(n) % 2)
    with pytest.raises(TrainingError, match='`y` is "0" in all 400 training rows'):
        split_of(table.with_columns(y=pl.Series(late)), time="at")
    value = np.where(np.arange(n) < 430, 2.5, np.arange(n) / 7)
    with pytest.raises(TrainingError, match=r"`y` is 2\.5 in all 400 training rows"):
        split_of(table.with_columns(y=pl.Series(value)), time="at")


@pytest.mark.parametrize(
    ("name", "task", "searched"),
    [
        ("r2", "regression", "rmse"),
        ("mae", "regression", "mae"),
        ("auc", "binary", "log_loss"),
        ("auc_pr", "binary", "log_loss"),
        ("precision_at_recall=.9", "binary", "log_loss"),
        ("recall_at_precision=.9", "binary", "log_loss"),
        ("auc", "multiclass", "log_loss"),
        ("accuracy", "binary", "accuracy"),
        ("log_loss", "multiclass", "log_loss"),
    ],
)
def test_an_objective_that_one_class_cannot_define_gives_way(name, task, searched):
    objective = find_objective(name, task)
    assert searchable(objective, np.ones(20)).name == searched
    assert searchable(objective, np.arange(20) % 2.0) == objective


def test_models_are_then_chosen_by_the_default_and_it_says_so():
    n = 300
    value = np.where(np.arange(n) < 240, np.random.default_rng(0).normal(size=n), 0.0)
    table = a_table(n, at=hours(n)).with_columns(y=pl.Series(value))
    options = {"families": ["linear"], "clock": ticking(0.002), "budget_s": 1.0}
    report = fit(table, target="y", time="at", objective="r2", **options).report
    assert report.asked.objective == "rmse"
    assert all(entry.validation is not None for entry in report.leaderboard)
    assert report.held_out["r2"] is None
    assert any("objective r2 says nothing" in text for text in report.warnings)
    assert any("chosen by rmse" in text for text in report.warnings)


def test_few_rows_of_a_class_are_counted_by_block():
    positive = np.zeros(6000, int)
    positive[np.random.default_rng(12).choice(6000, 8, replace=False)] = 1
    (warning,) = split_of(a_table(6000).with_columns(y=pl.Series(positive)))[2]
    split = split_of(a_table(6000).with_columns(y=pl.Series(positive)))[0]
    by_block = [positive[rows].sum() for rows in (split.train, split.validation, split.holdout)]
    assert sum(by_block) == 8
    train, validation, holdout = by_block
    assert f'class "1" has 8 rows ({train} to train, {validation} to validate' in warning
    assert f"{holdout} held out" in warning
    assert "is it a stray line" not in warning


@pytest.mark.parametrize("stray", ["y", "93", "Total"])
def test_a_class_of_one_row_may_be_a_stray_line(stray):
    table = a_table(201).with_columns(y=pl.Series(["0", "1"] * 100 + [stray]))
    (warning,) = split_of(table)[2]
    assert f'class "{stray}" has 1 row (' in warning
    assert "is it a stray line, such as a header or a total" in warning


def test_many_classes_of_one_row_are_named_in_one_warning():
    words = [f"w{i}" for i in range(60)] + ["a", "b"] * 70
    warnings = split_of(a_table(200).with_columns(y=pl.Series(words)))[2]
    (stray,) = (text for text in warnings if "stray" in text)
    assert stray.count("has 1 row") == 5
    assert "55 more classes are like that" in stray


def test_a_class_that_training_never_sees_is_named():
    n = 1000
    kind = np.where(np.arange(n) < 850, np.arange(n) % 2, np.arange(n) % 3)
    table = a_table(n, at=hours(n)).with_columns(y=pl.Series([f"c{k}" for k in kind]))
    warnings = split_of(table, time="at")[2]
    assert any(
        'class "c2" has 50 rows (0 to train, 17 to validate, 33 held out): no model can' in text
        for text in warnings
    )


def test_groups_of_one_row_and_groups_that_a_split_column_divides():
    n = 1000
    alone = split_of(a_table(n, key=[f"k{i % n}" for i in range(n)]), group="key")[2]
    assert "each row has its own value of group `key`" in alone[0]
    parts = (["train"] * 8 + ["validate", "test"]) * 100
    table = a_table(n, user=users(n, 50), part=parts)
    divided = split_of(table, group="user", split="part")[2]
    assert "50 of 50 groups of `user` are in more than one block" in divided[0]
    whole = table.with_columns(user=pl.Series([f"{part}{i % 9}" for i, part in enumerate(parts)]))
    assert split_of(whole, group="user", split="part")[2] == ()
    three = a_table(n, user=["a"] * 400 + ["b"] * 300 + ["c"] * 300)
    assert "`user` are too large to be divided evenly" in split_of(three, group="user")[2][0]


def test_a_split_column_that_does_not_follow_the_time_is_noticed():
    parts = (["train"] * 8 + ["validate", "test"]) * 100
    table = a_table(at=hours(1000), part=parts)
    (warning,) = split_of(table, time="at", split="part")[2]
    assert "training rows are as new as holdout rows, or newer" in warning
    newest = ["train"] * 800 + ["validate"] * 100 + ["test"] * 100
    assert split_of(table.with_columns(part=pl.Series(newest)), time="at", split="part")[2] == ()


def test_weights_that_are_all_zero_in_a_block_are_noticed():
    parts = ["train"] * 800 + ["validate"] * 100 + ["test"] * 100
    table = a_table(part=parts, w=[1.0] * 900 + [0.0] * 100)
    (warning,) = split_of(table, weight="w", split="part")[2]
    assert "weight `w` is 0 in all 100 holdout rows" in warning


def test_blocks_of_a_few_rows_are_noticed():
    (few, small) = split_of(a_table(60))[2]
    assert 'class "0" has' in few
    assert "only 6 rows validate and 6 are held out" in small


def test_a_target_that_most_rows_lack_is_noticed():
    y = [i % 2 if i % 3 == 0 else None for i in range(1000)]
    (warning,) = split_of(a_table(1000).with_columns(y=pl.Series(y)))[2]
    assert "666 of 1,000 rows have no target `y`" in warning
