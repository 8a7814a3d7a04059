"""Which arm is the control, and which share each was planned to have."""

import pytest

from liverank.errors import ExperimentError
from liverank.experiments.analysis.arms import choose_control, planned_shares


@pytest.mark.parametrize(
    ("arms", "control", "word"),
    [
        (["new", "old"], "old", "by its name"),
        (["treatment", "control"], "control", "by its name"),
        (["B", "A"], "A", "by its name"),
        (["1", "0"], "0", "by its name"),
        (["true", "false"], "false", "by its name"),
        (["ad", "psa"], "psa", "by its name"),
        (["a", "Baseline"], "Baseline", "by its name"),
        (["Control Group", "X"], "Control Group", "by its name"),
        (["gate_40", "gate_30"], "gate_30", "first by name"),
    ],
)
def test_the_control_is_told_by_its_name_or_is_the_first(
    arms: list[str], control: str, word: str
) -> None:
    notes: list[str] = []
    assert choose_control(arms, None, notes) == control
    assert word in notes[0]


def test_a_control_that_is_given_needs_no_note() -> None:
    notes: list[str] = []
    assert choose_control(["a", "b"], "b", notes) == "b"
    assert notes == []


@pytest.mark.parametrize(
    ("given", "shares"),
    [
        ({}, {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}),
        ({"a": 50, "b": 25, "c": 25}, {"a": 0.5, "b": 0.25, "c": 0.25}),
        ({"a": 0.9}, {"a": 0.9, "b": 0.05, "c": 0.05}),
    ],
)
def test_shares_add_up_to_one(given: dict[str, float], shares: dict[str, float]) -> None:
    assert planned_shares(["a", "b", "c"], given) == pytest.approx(shares)


@pytest.mark.parametrize("given", [{"a": 1.0}, {"a": -0.5}, {"a": float("nan")}, {"d": 0.5}])
def test_shares_that_cannot_be_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(ExperimentError, match="--share"):
        planned_shares(["a", "b", "c"], given)
