"""Targets whose numbers people wrote, and what is said of values that are no numbers."""

import polars as pl
import pytest

from liverank.automl.profile.task import find_target, read_target
from liverank.errors import TrainingError


@pytest.mark.parametrize(
    ("written", "unit"),
    [(lambda n: f"{n:,}.50", None), (lambda n: f"${n:,}.50", "$"), (lambda n: f"{n},5 %", "%")],
)
def test_a_target_as_people_write_it_is_the_number(written, unit) -> None:
    column = pl.Series("y", [written(n) for n in range(990, 1040)])
    target = find_target(column)
    assert target.task == "regression"
    assert target.number_form is not None
    assert target.number_form.unit == unit
    assert read_target(column, target).tolist() == [n + 0.5 for n in range(990, 1040)]


def test_classes_keep_their_names_as_written() -> None:
    column = pl.Series("y", ["10%", "20%", "$5"] * 20)
    assert find_target(column).classes == ("$5", "10%", "20%")
    assert find_target(pl.Series("y", ["10 %", "20 %", "5 %"] * 20)).classes[0] == "10 %"


def test_a_value_that_keeps_a_target_from_being_numbers_is_named() -> None:
    column = pl.Series("y", [f"{n / 1000}" for n in range(397)] + ["<0.1"] * 3)
    with pytest.raises(TrainingError, match=r'3 of 400 values that are no numbers, .*"<0[.]1"'):
        find_target(column)
    dollars = pl.Series("y", [f"${n},000" for n in range(1, 398)] + ["free"] * 3)
    with pytest.raises(TrainingError, match='holds "free" in 3 of 400 rows, which is not a number'):
        find_target(dollars)
    with pytest.raises(TrainingError, match="different values, such as"):
        find_target(pl.Series("y", [f"word {n}" for n in range(200)]))


@pytest.mark.parametrize(
    ("pattern", "cure"),
    [("{}.5 km", "write the numbers alone"), ("{:03}:15:30", "such as their seconds")],
)
def test_a_target_in_a_form_that_is_not_read_is_an_error_with_a_cure(pattern, cure):
    values = [pattern.format(n) for n in range(150)]
    with pytest.raises(TrainingError, match=f"150 different values; values such as .*{cure}"):
        find_target(pl.Series("y", values))


def test_a_target_of_times_in_a_form_that_is_not_read_is_said_to_be_one():
    values = [f"{1 + n % 28}. Februar {1900 + n}" for n in range(150)]
    with pytest.raises(TrainingError, match=r"`y` is a date or time \(such as .* as a number"):
        find_target(pl.Series("y", values))
