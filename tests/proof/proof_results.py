"""Results of a proof, made by hand."""

from liverank.proof.judged import best_of, judged_metrics
from liverank.proof.results import (
    METRICS,
    Interval,
    MetricName,
    Phase,
    ProofResult,
    Reported,
    TrainingSummary,
    TruePolicy,
    WorldSummary,
)

DAY_MS = 86_400_000
RATES = {"popular": 0.10, "popular 1d": 0.12, "random": 0.05, "model": 0.18, "oracle": 0.22}
HEURISTICS = ("popular", "popular 1d")


def reported(difference_ci: Interval, verdict: str = "better") -> Reported:
    return Reported(
        control=0.1,
        variant=0.17,
        difference=0.07,
        difference_ci=difference_ci,
        lift=0.7,
        lift_ci=(0.5, 0.9),
        p=0.001,
        verdict=verdict,
        significant=verdict == "better",
        looks=(),
    )


def truths(rates: dict[str, float]) -> tuple[TruePolicy, ...]:
    return tuple(
        TruePolicy(
            policy=policy,
            where="server" if policy in ("popular", "model") else "in process",
            values=dict.fromkeys(METRICS, rate),
            people=100,
        )
        for policy, rate in rates.items()
    )


def result(
    seed: int = 1,
    *,
    rates: dict[str, float] = RATES,
    intervals: dict[MetricName, Interval] | None = None,
) -> ProofResult:
    """A result whose intervals are 0.05 to 0.09 unless others are given."""
    truth = truths(rates)
    best = best_of(truth, HEURISTICS)
    metrics = {name: reported((intervals or {}).get(name, (0.05, 0.09))) for name in METRICS}
    return ProofResult(
        seed=seed,
        world=WorldSummary(
            people=100,
            hosts=10,
            rooms=500,
            days_before=14,
            days_of_test=14,
            start_ms=0,
            test_start_ms=14 * DAY_MS,
            end_ms=28 * DAY_MS,
        ),
        phases=(
            Phase(name="before", words="two weeks", seconds=2.0, visits=10),
            Phase(name="training", words="training", seconds=3.0),
        ),
        training=TrainingSummary(
            bundle="abc",
            seconds=3.0,
            budget_s=20.0,
            rows=100,
            successes=10,
            models_tried=3,
            best_heuristic="success rate",
            scores={},
            importance={},
        ),
        experiment="tab",
        control="popular",
        variant="model",
        units={"popular": 50, "model": 50},
        action="ship",
        decision="Ship model.",
        reasons=(),
        metrics=judged_metrics(metrics, truth, control="popular", heuristics=HEURISTICS),
        truth=truth,
        heuristics=HEURISTICS,
        best_heuristic=best,
    )
