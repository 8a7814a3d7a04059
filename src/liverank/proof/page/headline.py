"""The top of the page: the decision, what happened, and the lift of each metric."""

from liverank.markup import Html, tag, worded
from liverank.proof.page.facts import PageFacts
from liverank.proof.page.words import (
    interval_words,
    lift_words,
    metric_meaning,
    metric_title,
    share_words,
)
from liverank.proof.results import MetricProof, ProofResult

_BADGES = {"ship": "Ship", "stop": "Stop", "wait": "Wait"}


def head(facts: PageFacts) -> Html:
    """The question, the report's decision, and the story in three sentences."""
    result = facts.result
    return tag(
        "header",
        tag("p", "liverank · demo on a simulated live-audio app", class_="kicker"),
        tag("h1", "Does a personal list beat “most popular”?"),
        tag(
            "div",
            tag("span", _BADGES[result.action], class_="badge"),
            tag("p", _answer(result), class_="first"),
            tag("p", worded(result.decision), class_="lead"),
            class_=f"decision {result.action}",
        ),
        tag("p", _story(result), class_="story"),
    )


def cards(facts: PageFacts) -> Html:
    """The lift of each metric, with its interval and the share of the possible gain."""
    return tag("section", *map(_card, facts.result.metrics), class_="cards")


def _answer(result: ProofResult) -> str:
    """The result of the experiment, in one sentence."""
    up = [one for one in result.metrics if one.reported.verdict == "better"]
    down = [one for one in result.metrics if one.reported.verdict == "worse"]
    if up and down:
        return f"For some things: {_lifts(up)}, but {_lifts(down)}."
    if down:
        return f"No: {_lifts(down)}."
    if not up:
        return "Not proven: no metric moved by more than chance explains."
    rest = len(result.metrics) - len(up)
    if rest:
        return f"Yes: {_lifts(up)}. Of {rest} more, no change is proven."
    return f"Yes. All {len(up)} metrics are up, by more than chance explains: {_lifts(up)}."


def _lifts(metrics: list[MetricProof]) -> str:
    parts = [f"{metric_title(one.name).lower()} {lift_words(one.reported.lift)}" for one in metrics]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _story(result: ProofResult) -> str:
    world = result.world
    units = result.units
    return (
        f"{world.people:,} people used the app for {_weeks(world.days_before)} with the most "
        "popular rooms on top. From that, liverank trained itself; nobody set anything up. Then "
        f"came an A/B test of {_weeks(world.days_of_test)}: {units.get(result.control, 0):,} "
        f"people went on with most popular, {units.get(result.variant, 0):,} got a list ranked "
        "for each of them. Every list and every reaction went through the real server over HTTP."
    )


def _weeks(days: int) -> str:
    weeks, rest = divmod(days, 7)
    if rest or not weeks:
        return f"{days} day{'' if days == 1 else 's'}"
    return f"{weeks} week{'' if weeks == 1 else 's'}"


def _card(metric: MetricProof) -> Html:
    reported = metric.reported
    mark = {"better": "fine", "worse": "bad"}.get(reported.verdict, "")
    share = metric.oracle_share
    return tag(
        "div",
        tag("span", metric_title(metric.name), class_="name"),
        tag("span", lift_words(reported.lift), class_="value"),
        tag("span", f"95 % sure: {interval_words(reported.lift_ci)}", class_="note"),
        tag("span", metric_meaning(metric.name), class_="note"),
        None
        if share is None
        else tag("span", f"{share_words(share)} of what was to gain", class_="note share"),
        class_=f"card {mark}".strip(),
    )
