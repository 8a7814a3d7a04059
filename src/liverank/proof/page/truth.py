"""The sections with simulated truth: the possible gain, and whether the report is right."""

from liverank.experiments.reporting.html.tables import cell, grid
from liverank.markup import Html, tag
from liverank.proof.judged import best_of
from liverank.proof.page.facts import PageFacts
from liverank.proof.page.pictures import forest_with_truth
from liverank.proof.page.words import (
    interval_words,
    lift_words,
    metric_title,
    policy_words,
    share_words,
    value_words,
)
from liverank.proof.results import MODEL, ORACLE, ORACLES, MetricProof, ProofResult, TruePolicy


def to_gain(facts: PageFacts) -> Html | None:
    """The model's position between the best heuristic and the oracle, for each metric."""
    result = facts.result
    policies = {one.policy: one for one in result.truth}
    if ORACLE not in policies or MODEL not in policies or result.best_heuristic not in policies:
        return None
    return tag(
        "section",
        tag("h2", "How much was there to gain?"),
        tag(
            "p",
            "The same people lived through the same weeks once more for each way to rank, with "
            "everybody on it. The ",
            tag("b", "oracle"),
            " is a ranking that no product can have: it looks into the simulator and knows each "
            "person's true chance of joining each room. What it gains over the best heuristic is "
            "about all that any ranking could gain. The bar says how much of that liverank has. "
            "Another oracle orders by the minutes to be expected; for each metric the better "
            "oracle and the best heuristic count.",
        ),
        tag(
            "div", *(_gauge(result, metric, policies) for metric in result.metrics), class_="gauges"
        ),
        tag(
            "details",
            tag("summary", "Every way to rank, and what it truly leads to"),
            _table(result),
        ),
    )


def trust(facts: PageFacts) -> Html | None:
    """The reported effect on each metric, next to the true effect."""
    known = [metric for metric in facts.result.metrics if metric.true_lift is not None]
    if not known:
        return None
    held = sum(metric.covered is True for metric in known)
    reach = 1.1 * max(_reach(metric) for metric in known) or 1.0
    rows = [
        tag(
            "tr",
            tag("th", metric_title(metric.name)),
            cell(lift_words(metric.reported.lift), interval_words(metric.reported.lift_ci)),
            cell(lift_words(metric.true_lift)),
            tag(
                "td",
                _forest(metric, reach),
                tag("small", "the interval holds the truth" if metric.covered else "it misses it"),
                class_=f"verdict {'fine' if metric.covered else 'bad'}",
            ),
        )
        for metric in known
    ]
    return tag(
        "section",
        tag("h2", "Can the report be believed?"),
        tag(
            "p",
            "The report saw what any product sees: lists, clicks, joins. The true effect is that "
            "of all people on liverank, less that of all people on most popular. "
            f"{_held(held, len(known))} An interval should, 95 times in 100.",
        ),
        grid(["metric", "reported", "truth", ""], rows, numbers=(1, 2)),
    )


def _held(held: int, all_: int) -> str:
    return (
        f"All {all_} intervals hold it." if held == all_ else f"Of {all_} intervals {held} hold it."
    )


def _gauge(result: ProofResult, metric: MetricProof, policies: dict[str, TruePolicy]) -> Html:
    heuristic = best_of(result.truth, result.heuristics, metric.name) or ""
    oracle = best_of(result.truth, ORACLES, metric.name) or ORACLE
    share = metric.oracle_share
    width = 0.0 if share is None else 100 * min(max(share, 0.0), 1.0)
    low, own, high = (
        value_words(metric.name, policies[name].values.get(metric.name))
        for name in (heuristic, MODEL, oracle)
    )
    return tag(
        "div",
        tag(
            "p",
            tag("b", metric_title(metric.name)),
            tag("strong", "nothing to gain" if share is None else share_words(share)),
            class_="of",
        ),
        tag("div", tag("i", "", style=f"width:{width:.1f}%"), class_="bar"),
        tag(
            "p",
            tag("span", f"{policy_words(heuristic)} {low}"),
            tag("span", f"liverank {own}", class_="own"),
            tag("span", f"{policy_words(oracle)} {high}"),
            class_="ends",
        ),
        class_="gauge",
    )


def _table(result: ProofResult) -> Html:
    names = [metric.name for metric in result.metrics]
    heads = ["everybody on", *map(metric_title, names)]
    first = next((names[0] for _ in names), None)
    policies = sorted(result.truth, key=lambda one: one.values.get(first, 0.0) if first else 0.0)
    rows = [
        tag(
            "tr",
            tag(
                "th",
                policy_words(one.policy),
                tag("small", "the best heuristic") if one.policy == result.best_heuristic else None,
            ),
            *(cell(value_words(name, one.values.get(name))) for name in names),
            class_="own" if one.policy == MODEL else None,
        )
        for one in policies
    ]
    return grid(heads, rows, numbers=range(1, len(heads)))


def _reach(metric: MetricProof) -> float:
    ends = (*metric.reported.lift_ci, metric.true_lift, metric.reported.lift)
    return max(abs(end) for end in ends if end is not None)


def _forest(metric: MetricProof, reach: float) -> Html | None:
    low, high = metric.reported.lift_ci
    lift, truth = metric.reported.lift, metric.true_lift
    if low is None or high is None or lift is None or truth is None:
        return None
    return forest_with_truth((low, high), lift, truth, reach)
