"""What to do about an experiment, in words, for each way that its results can fall out."""

import datetime
import math

import numpy as np
import pytest

from liverank.experiments.analysis.decision import decide
from liverank.experiments.analysis.results import Decision, MetricResult, Stage, correct
from liverank.experiments.analysis.split import check_split
from liverank.experiments.statistics.comparison import compare_estimates
from liverank.experiments.statistics.estimate import Estimate
from liverank.experiments.statistics.non_inferiority import Direction, judge_guardrail
from liverank.experiments.statistics.power import users_needed

FAIR = check_split({"control": 10_000, "model": 10_000}, {"control": 1, "model": 1})
BROKEN = check_split({"control": 10_000, "model": 11_000}, {"control": 1, "model": 1})
NOW_MS = 1_772_323_200_000  # 2026-03-01
DAY_MS = 86_400_000


def result(
    metric: str,
    lift: float,
    z: float,
    *,
    variant: str = "model",
    direction: Direction = "up",
    margin: float | None = None,
    is_guardrail: bool = False,
) -> MetricResult:
    """A metric of 0.2 in the control, with this lift, that is z standard errors from none."""
    variance = (0.2 * lift / z) ** 2 / 2
    comparison = compare_estimates(
        Estimate(0.2, variance, 10_000), Estimate(0.2 * (1 + lift), variance, 10_000)
    )
    return MetricResult(
        variant=variant,
        metric=metric,
        comparison=comparison,
        p=comparison.p,
        direction=direction,
        is_guardrail=is_guardrail,
        margin=margin,
    )


def decision_of(*results: MetricResult, stage: Stage | None = None) -> Decision:
    return decide(correct(results), split=FAIR, stage=stage or Stage(users=20_000))


def test_a_proven_gain_is_shipped() -> None:
    found = decision_of(result("join_rate", 0.02, 4.0))
    assert (found.action, found.variant) == ("ship", "model")
    assert found.sentence.startswith("Ship model: join_rate is better by +2 % (")


def test_a_proven_loss_is_stopped() -> None:
    found = decision_of(result("join_rate", -0.02, 4.0))
    assert (found.action, found.variant) == ("stop", None)
    assert "join_rate is worse, -2 %" in found.sentence


def test_a_metric_that_is_to_fall_is_better_when_it_falls() -> None:
    assert decision_of(result("hides", -0.02, 4.0, direction="down")).action == "ship"
    assert decision_of(result("hides", 0.02, 4.0, direction="down")).action == "stop"


def test_a_broken_split_is_told_before_anything_else() -> None:
    found = decide(
        correct([result("join_rate", 0.02, 9.0)]), split=BROKEN, stage=Stage(users=21_000)
    )
    assert found.action == "stop"
    assert found.sentence.startswith("Do not trust these results: the split is broken")
    assert "control 10,000 (47.62 %, planned 50.00 %)" in found.reasons[0]


def test_a_harmed_guardrail_stops_what_would_be_shipped() -> None:
    found = decision_of(
        result("join_rate", 0.02, 4.0),
        result("hides", 0.05, 4.0, direction="down", is_guardrail=True),
    )
    assert found.action == "stop"
    assert "the guardrail hides is worse" in found.sentence


def test_a_guardrail_that_may_still_be_worse_than_its_margin_is_waited_for() -> None:
    found = decision_of(
        result("join_rate", 0.02, 4.0),
        result("minutes", -0.005, 1.0, is_guardrail=True, margin=0.01),
    )
    assert found.action == "wait"
    assert "minutes may still be more than 1 % worse" in found.sentence
    assert found.until_users is not None
    assert found.until_users > 20_000


def test_a_guardrail_within_its_margin_lets_a_gain_be_shipped() -> None:
    guardrail = result("minutes", 0.001, 0.5, is_guardrail=True, margin=0.01)
    assert guardrail.guard == "safe"
    assert decision_of(result("join_rate", 0.02, 4.0), guardrail).action == "ship"


def test_a_gain_and_a_loss_are_left_to_a_person() -> None:
    found = decision_of(result("join_rate", 0.02, 4.0), result("minutes", -0.03, 4.0))
    assert found.action == "wait"
    assert "say which of them matters more" in found.sentence


def test_before_the_planned_end_nothing_proven_means_waiting_until_then() -> None:
    stage = Stage(users=20_000, planned_users=50_000, now_ms=NOW_MS, end_ms=NOW_MS + 12 * DAY_MS)
    found = decision_of(result("join_rate", 0.01, 1.0), stage=stage)
    assert found.action == "wait"
    assert found.sentence.startswith("Wait until about 2026-03-13, with 50,000 users (30,000 more)")
    assert found.until_ms == NOW_MS + 12 * DAY_MS


def test_at_the_planned_end_nothing_proven_means_stopping() -> None:
    stage = Stage(users=50_000, planned_users=50_000)
    found = decision_of(result("join_rate", 0.01, 1.0), stage=stage)
    assert found.action == "stop"
    assert "keep the control" in found.sentence
    assert "would take about 400,000 users" in found.reasons[0]


def test_without_a_plan_a_near_miss_waits_for_as_many_users_as_its_size_takes() -> None:
    near = result("join_rate", 0.02, 1.7)
    stage = Stage(users=20_000, daily_users=1000.0, now_ms=NOW_MS)
    found = decision_of(near, stage=stage)
    needed = users_needed(0.004, near.comparison.se**2 * 20_000 / 4)
    assert found.action == "wait"
    assert found.until_users is not None
    assert needed <= found.until_users <= 1.1 * needed
    days = math.ceil((found.until_users - 20_000) / 1000)
    day = datetime.datetime.fromtimestamp(NOW_MS / 1000, datetime.UTC).date()
    assert f"{day + datetime.timedelta(days=days)}" in found.sentence


def test_the_least_lift_worth_shipping_decides_whether_to_wait() -> None:
    nothing = result("join_rate", 0.001, 0.1)  # a standard error of one percent
    wait = decision_of(nothing, stage=Stage(users=20_000, least_lift=0.02))
    stop = decision_of(nothing, stage=Stage(users=20_000, least_lift=0.002))
    assert (wait.action, stop.action) == ("wait", "stop")
    assert "a lift of 0.2 % would take about" in stop.reasons[0]


def test_what_is_proven_of_other_metrics_is_told_where_the_first_one_is_not() -> None:
    found = decision_of(result("join_rate", 0.001, 0.1), result("stays", -0.03, 5.0))
    assert found.action != "ship"
    assert any(reason.startswith("stays is worse, -") for reason in found.reasons)


def test_of_several_variants_the_best_of_the_proven_ones_is_shipped() -> None:
    found = decision_of(
        result("join_rate", 0.02, 4.0, variant="a"),
        result("join_rate", 0.03, 4.0, variant="b"),
        result("join_rate", -0.03, 4.0, variant="c"),
    )
    assert found.variant == "b"
    assert any(reason.startswith("a: Ship a") for reason in found.reasons)
    assert any(reason.startswith("c: Stop c") for reason in found.reasons)


def test_what_is_proven_alone_may_not_be_proven_among_several() -> None:
    alone = result("join_rate", 0.02, 2.1)
    assert decision_of(alone).action == "ship"
    others = [result(f"other_{i}", 0.001, 0.1) for i in range(9)]
    found = decision_of(alone, *others)
    assert found.action == "wait"
    assert "after Holm's correction" in found.sentence


def test_guardrails_cost_the_metrics_nothing() -> None:
    guardrails = [result(f"guard_{i}", 0.001, 0.1, is_guardrail=True) for i in range(9)]
    found = correct([result("join_rate", 0.02, 2.1), *guardrails])
    assert found[0].adjusted_p == found[0].p


def test_what_cannot_be_judged_is_waited_for_with_the_reason() -> None:
    unknown = compare_estimates(Estimate(0.2, 0.0, 10), Estimate(0.2, 0.0, 10))
    found = decision_of(
        MetricResult(variant="model", metric="join_rate", comparison=unknown, p=unknown.p)
    )
    assert found.action == "wait"
    assert "does not vary between units" in found.sentence
    assert decision_of().action == "wait"


@pytest.mark.parametrize(
    ("lift", "margin", "verdict"),
    [
        (0.0001, 0.03, "safe"),
        (-0.05, 0.02, "harmed"),
        (-0.02, 0.02, "unclear"),
        (-0.05, None, "harmed"),
        (-0.001, None, "no harm seen"),
    ],
)
def test_a_guardrail_is_judged_by_the_whole_interval(
    lift: float, margin: float | None, verdict: str
) -> None:
    z = lift / 0.01  # a standard error of one percent
    assert result("minutes", lift, z, is_guardrail=True, margin=margin).guard == verdict


def test_safe_is_said_of_what_is_worse_by_the_margin_in_one_of_forty() -> None:
    random = np.random.default_rng(6)
    verdicts = []
    for _ in range(4000):
        control, variant = 0.2 + random.normal(0, 0.001), 0.198 + random.normal(0, 0.001)
        comparison = compare_estimates(
            Estimate(control, 1e-6, 10_000), Estimate(variant, 1e-6, 10_000)
        )
        verdicts.append(judge_guardrail(comparison, margin=0.01))
    assert verdicts.count("safe") / 4000 == pytest.approx(0.025, abs=0.007)
    assert verdicts.count("harmed") / 4000 == pytest.approx(0.025, abs=0.007)


def test_a_guardrail_that_was_zero_in_the_control_is_harmed_by_what_the_variant_does() -> None:
    crashes = compare_estimates(Estimate(0.0, 0.0, 10_000), Estimate(0.04, 4e-6, 10_000))
    assert math.isnan(crashes.lift)
    for margin in (None, 0.01):
        assert judge_guardrail(crashes, margin=margin, direction="down") == "harmed"
        assert judge_guardrail(crashes, margin=margin) != "harmed"


def test_a_guardrail_below_zero_is_harmed_where_it_falls() -> None:
    profit = compare_estimates(Estimate(-1.0, 1e-4, 10_000), Estimate(-2.0, 1e-4, 10_000))
    assert judge_guardrail(profit, margin=None) == judge_guardrail(profit, margin=0.01) == "harmed"
    better = compare_estimates(Estimate(-2.0, 1e-4, 10_000), Estimate(-1.0, 1e-4, 10_000))
    assert judge_guardrail(better, margin=0.01) == "safe"
