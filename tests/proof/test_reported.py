"""The parts of the commands' answers that a proof reads."""

from typing import Any

import msgspec
import pytest

from liverank.errors import ProofError
from liverank.proof.reported import (
    METRIC_OF,
    read_report,
    reported_metrics,
    training_summary,
)


def effect(scale: float = 1.0) -> dict[str, Any]:
    return {
        "control": 10.0 * scale,
        "value": 12.0 * scale,
        "difference": 2.0 * scale,
        "difference_ci": [1.0 * scale, 3.0 * scale],
        "lift": 0.2,
        "lift_ci": [0.1, None],
        "se": 0.5,
    }


def answer(names: tuple[str, ...] = tuple(METRIC_OF)) -> dict[str, Any]:
    look = {"day": 1.0, "effect": effect(), "crossed": False, "z": 1.0}
    variant = {
        "variant": "model",
        "effect": effect(),
        "adjusted_p": 0.01,
        "significant": True,
        "verdict": "better",
        "looks": [look],
    }
    other = {**variant, "variant": "other", "effect": effect(7.0)}
    return {
        "ok": True,
        "decision": {"action": "ship", "sentence": "Ship it.", "reasons": ["it is better"]},
        "units_by_arm": {"popular": 5, "model": 6},
        "metrics": [{"name": name, "variants": [other, variant]} for name in names],
    }


def test_metrics_are_those_of_the_variant_and_seconds_become_minutes() -> None:
    found = reported_metrics(read_report(answer()), "model")
    assert list(found) == ["daily_active", "join_rate", "clicks_to_explore", "minutes_listened"]
    rate, minutes = found["join_rate"], found["minutes_listened"]
    assert (rate.control, rate.variant, rate.difference_ci) == (10.0, 12.0, (1.0, 3.0))
    assert (minutes.control, minutes.difference_ci) == (10 / 60, (1 / 60, 3 / 60))
    assert minutes.lift == rate.lift == 0.2
    assert rate.lift_ci == (0.1, None)
    assert [(look.day, look.lift, look.crossed) for look in rate.looks] == [(1.0, 0.2, False)]


def test_a_metric_that_the_report_lacks_is_named() -> None:
    with pytest.raises(ProofError, match="no clicks_to_explore"):
        reported_metrics(read_report(answer(("daily_active", "join_rate"))), "model")


def test_a_metric_without_a_value_is_named() -> None:
    said = answer()
    variants = said["metrics"][1]["variants"]
    variants[1] = {**variants[1], "effect": {**effect(), "value": None}}
    with pytest.raises(ProofError, match="could not compute join_rate"):
        reported_metrics(read_report(said), "model")


def test_an_answer_of_another_form_is_refused_with_the_place() -> None:
    said = answer()
    said["decision"] = "ship"
    with pytest.raises(ProofError, match=r"\$\.decision"):
        read_report(said)


def test_training_that_served_nothing_says_why() -> None:
    with pytest.raises(ProofError, match="popularity is better"):
        training_summary({"bundle": None, "error": "popularity is better"})


def test_training_is_summed_up_by_its_report() -> None:
    said = {
        "bundle": "abc",
        "seconds": 12.5,
        "report": {
            "asked": {"budget_s": 20.0},
            "data": {"rows": 1000, "positives": 50},
            "leaderboard": [{"name": "a"}, {"name": "b"}],
            "against": {
                "best_heuristic": "success rate",
                "methods": {"model": {"list_auc": 0.7, "ndcg@10": None}},
            },
            "importance": {f"f{place}": 1 / (place + 1) for place in range(50)},
        },
    }
    found = training_summary(said)
    assert (found.bundle, found.models_tried, found.successes) == ("abc", 2, 50)
    assert list(found.importance)[:2] == ["f0", "f1"]
    assert len(found.importance) == 30
    assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found
