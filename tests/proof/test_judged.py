"""The report next to the truth: coverage, the share of the oracle, and all seeds together."""

import msgspec
import pytest
from proof_results import HEURISTICS, RATES, reported, result, truths

from liverank.proof.judged import best_of, judged_metrics, proof_of
from liverank.proof.results import METRICS, MetricName, Proof


def test_an_interval_covers_the_true_difference_of_model_and_control_alone() -> None:
    found = result(intervals={"join_rate": (0.081, 0.2), "daily_active": (None, None)})
    covered = {metric.name: metric.covered for metric in found.metrics}
    # the true difference is 0.18 - 0.10, not that to the best heuristic, 0.18 - 0.12
    assert covered == {
        "daily_active": None,
        "join_rate": False,
        "clicks_to_explore": True,
        "minutes_listened": True,
    }
    assert found.metrics[1].true_difference == pytest.approx(0.08)
    assert found.metrics[1].true_lift == pytest.approx(0.8)


def test_the_share_is_of_the_gain_of_the_oracle_over_the_best_heuristic() -> None:
    found = result()
    assert found.best_heuristic == "popular 1d"
    assert found.metrics[0].oracle_share == pytest.approx((0.18 - 0.12) / (0.22 - 0.12))


def test_the_share_of_each_metric_is_between_the_best_by_that_metric() -> None:
    rates = {**RATES, "oracle of minutes": 0.20}
    truth = tuple(
        msgspec.structs.replace(
            one,
            values={
                **one.values,
                "minutes_listened": minutes,
            },
        )
        for one, minutes in zip(truths(rates), (14.0, 13.0, 9.0, 18.0, 22.0, 24.0), strict=True)
    )
    metrics = judged_metrics(
        dict.fromkeys(METRICS, reported((0.0, 0.1))),
        truth,
        control="popular",
        heuristics=HEURISTICS,
    )
    shares = {metric.name: metric.oracle_share for metric in metrics}
    # by the join rate "popular 1d" and "oracle" are the best, and by minutes the other two
    assert shares["join_rate"] == pytest.approx((0.18 - 0.12) / (0.22 - 0.12))
    assert shares["minutes_listened"] == pytest.approx((18 - 14) / (24 - 14))


def test_without_a_truth_there_is_no_share_and_no_coverage() -> None:
    found = result(rates={"random": 0.05})
    assert found.best_heuristic is None
    assert {(one.covered, one.oracle_share, one.true_lift) for one in found.metrics} == {
        (None, None, None)
    }


def test_an_oracle_that_gains_nothing_leaves_no_share() -> None:
    found = result(rates={**RATES, "oracle": 0.12})
    assert [one.oracle_share for one in found.metrics] == [None] * 4


def test_the_best_heuristic_is_no_policy_that_knows_or_learns_more() -> None:
    assert best_of(truths(RATES), HEURISTICS) == "popular 1d"
    assert best_of(truths(RATES), ()) is None


def test_interference_is_each_side_less_the_same_people_on_their_policy_alone() -> None:
    control, model = truths({"popular": 0.10, "model": 0.18})
    truth = (
        msgspec.structs.replace(control, by_variant=parts(popular=0.11, model=0.5)),
        msgspec.structs.replace(model, by_variant=parts(popular=0.5, model=0.17)),
    )
    metrics = judged_metrics(
        dict.fromkeys(METRICS, reported((0.0, 0.1))),
        truth,
        control="popular",
        heuristics=(),
        in_test=parts(popular=0.105, model=0.18),
    )
    for metric in metrics:
        assert metric.control_shift == pytest.approx(-0.05)
        assert metric.variant_shift == pytest.approx(0.1)


def parts(**rates: float) -> dict[str, dict[MetricName, float]]:
    return {variant: dict.fromkeys(METRICS, rate) for variant, rate in rates.items()}


def test_seeds_together_count_what_each_says() -> None:
    results = [
        result(1),
        result(2, intervals={"join_rate": (0.0, 0.01)}),
        result(3, rates={"popular": 0.1, "model": 0.2}, intervals={"join_rate": (None, None)}),
    ]
    proof = proof_of(results)
    rate = proof.metrics[1]
    assert (rate.name, rate.covered, rate.judged, rate.better) == ("join_rate", 1, 2, 3)
    assert rate.shares == (pytest.approx(0.6), pytest.approx(0.6), None)
    assert rate.mean_share == pytest.approx(0.6)
    assert rate.mean_true_lift == pytest.approx((0.8 + 0.8 + 1.0) / 3)


def test_results_are_equal_after_a_way_through_json() -> None:
    proof = proof_of([result()])
    assert msgspec.json.decode(msgspec.json.encode(proof), type=Proof) == proof
