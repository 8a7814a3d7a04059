"""Classes or numbers: the reason is true, counts are numbers, and the user names the positive."""

import numpy as np
import polars as pl
import pytest

from liverank.automl.predictions import prediction_table
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.profile.task import find_target, read_target
from liverank.errors import TrainingError


def target_of(values, **options):
    return find_target(pl.Series("y", values), **options)


def drawn(draw, n=400, seed=0):
    return draw(np.random.default_rng(seed), n).tolist()


@pytest.mark.parametrize(
    "draw",
    [
        lambda generator, n: generator.poisson(3, n),
        lambda generator, n: generator.poisson(1.5, n),
        lambda generator, n: generator.binomial(12, 0.5, n),
        lambda generator, n: generator.negative_binomial(3, 0.5, n),
        lambda generator, n: 1 + generator.poisson(2, n),
        lambda generator, n: -generator.poisson(3, n),
    ],
)
def test_counts_are_numbers_to_predict(draw):
    for seed in range(5):
        values = drawn(draw, seed=seed)
        assert target_of(values).task == "regression"
        assert target_of([str(value) for value in values]).task == "regression"


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 3, 7] * 20,
        drawn(lambda generator, n: generator.integers(1, 6, n)),  # stars
        [1] * 70 + [2] * 76 + [3] * 17 + [5] * 13 + [6] * 9 + [7] * 29,  # kinds of glass
        [0] * 100 + [1] * 99 + [93],  # two classes and a total
        [0] * 60 + [1] * 50 + [2] * 40 + [93, 107],  # three classes and two totals
        [0] * 900 + [1] * 95 + [2] * 5,
    ],
)
def test_classes_that_are_numbers_stay_classes_and_it_says_what_says_otherwise(values):
    target = target_of(values)
    assert target.task == "multiclass"
    assert "--task regression" in target.note
    assert target_of(values, task="multiclass").note is None
    fewest = min(values.count(value) for value in set(values))
    if "or more" in target.reason:
        assert f"each in {fewest} rows or more" in target.reason


def test_the_reason_never_says_that_a_rare_value_is_frequent():
    reason = target_of([0] * 100 + [1] * 99 + [93]).reason
    assert reason == "it has 3 whole numbers, in 67 rows each on average"


def test_words_among_numbers_to_predict_are_an_error_that_names_them():
    numbers = [f"{value:.3f}" for value in np.random.default_rng(0).normal(size=120)]
    with pytest.raises(
        TrainingError, match=r'1 of 121 values that are no numbers, such as "price"'
    ):
        target_of([*numbers, "price"])
    many = [*numbers, *["high", "low"] * 100]
    with pytest.raises(TrainingError, match="up to 100 can be classes"):
        target_of(many)


def test_a_class_is_not_noted_as_a_value_that_cannot_be_read():
    table = pl.DataFrame({"x": [1.5, 2.5, 3.5] * 67, "y": ["0", "1"] * 100 + ["y"]})
    profile = profile_table(table, TableRoles(target="y"))
    assert profile.target.classes == ("0", "1", "y")
    assert profile["y"].oddity is None
    assert profile.notes == ()


@pytest.mark.parametrize(
    ("values", "positive", "classes"),
    [
        (["healthy", "diseased"], "diseased", ("healthy", "diseased")),
        (["healthy", "diseased"], "healthy", ("diseased", "healthy")),
        (["healthy", "diseased"], " Diseased ", ("healthy", "diseased")),
        (["healthy", "diseased"], None, ("diseased", "healthy")),
        ([0, 1], "0", ("1", "0")),
        ([0, 1], 0, ("1", "0")),
        ([0.0, 1.0], "0.0", ("1", "0")),
        (["0", "1"], 1.0, ("0", "1")),
        ([True, False], False, ("true", "false")),
        ([True, False], "False", ("true", "false")),
    ],
)
def test_the_positive_class_is_the_one_that_is_named(values, positive, classes):
    target = target_of(values * 20, positive=positive)
    assert target.classes == classes
    assert f'"{classes[1]}" is the positive class' in target.reason
    given = pl.Series("y", values * 20)
    numbers = read_target(given, target)
    assert set(numbers) == {0.0, 1.0}
    level = str(values[0]).lower().removesuffix(".0")
    assert (numbers == classes.index(level)).sum() == 20


@pytest.mark.parametrize(
    ("values", "positive", "says"),
    [
        (["a", "b"], "c", r'no class "c"; give "b" \(the default\) or "a" as --positive'),
        (["a", "b"], "", r"no class"),
        (["a", "b", "c"], "a", "is multiclass; leave --positive out"),
        ([0.5, 1.5, 2.5], 1, "is regression; leave --positive out"),
        (["Yes", "yes"], "YES", r'no class "YES"'),
    ],
)
def test_a_positive_that_is_no_class_is_an_error_with_the_classes(values, positive, says):
    with pytest.raises(TrainingError, match=says):
        target_of(values * 20, positive=positive)


def test_answers_name_the_class_of_each_probability():
    table = prediction_table(np.array([0.03, 0.9]), ("diseased", "healthy"))
    assert table.columns == ["class", "probability", "probability_diseased", "probability_healthy"]
    assert table["class"].to_list() == ["diseased", "healthy"]
    assert table["probability"].to_list() == table["probability_healthy"].to_list() == [0.03, 0.9]
    assert table["probability_diseased"].to_list() == [0.97, 1 - 0.9]
    three = prediction_table(np.array([[0.2, 0.5, 0.3]]), ("a", "b", "c"))
    assert three.columns[1:] == ["probability", "probability_a", "probability_b", "probability_c"]


def test_a_third_value_of_a_binary_target_is_named():
    with pytest.raises(
        TrainingError, match='the rarest "total" in 1 of 41 rows; a binary target has'
    ):
        target_of([*["no", "yes"] * 20, "total"], task="binary")
