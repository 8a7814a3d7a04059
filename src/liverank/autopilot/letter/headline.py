"""The headline of a letter: what people got out of it, in one sentence."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from liverank.autopilot.letter.letter import ExperimentValue, HoldoutValue, Lift
from liverank.autopilot.letter.words import change_words, interval_words, label_words

UNMEASURED = "nobody is on the heuristic; set `holdout = 0.02` in `[autopilot]`"
"""Why a value is unknown where there is neither a holdout nor an experiment."""
NO_LIST = "no list was shown"
MIN_MODEL_SHARE = 0.01
"""Share of the lists below which no model was in service."""


class Headline(msgspec.Struct, frozen=True):
    """The sentence, what it rests on, and why the value is unknown (empty if it is known)."""

    source: Literal["holdout", "experiment", "none"]
    sentence: str
    unknown_because: str = ""


class Traffic(msgspec.Struct, frozen=True):
    """Whether lists were shown, and the share that a model ranked (None: the log does not say)."""

    has_lists: bool
    model_share: float | None


def headline_of(
    held_out: HoldoutValue | None,
    experiments: Sequence[ExperimentValue],
    traffic: Traffic,
    *,
    label: str,
) -> Headline:
    """The headline: from the holdout, else from experiments, else unknown and why."""
    if not traffic.has_lists:
        return Headline("none", "Nobody was shown a list this week.", NO_LIST)
    if traffic.model_share is not None and traffic.model_share < MIN_MODEL_SHARE:
        return Headline(
            "none",
            "No model ranked this week; everybody got lists without one.",
            "no model was in service",
        )
    if held_out is not None:
        first = held_out.lifts[0] if held_out.lifts else None
        if first is not None and first.low is not None:
            return Headline("holdout", _by_holdout(first, label))
        why = "one of the two groups has nobody" if first is None else first.reason
        return Headline("none", f"What personal lists brought this week is unknown: {why}.", why)
    compared = [one for one in experiments if one.is_model_against_popular and one.lift is not None]
    if compared:
        return Headline("experiment", _by_experiment(compared[0]))
    return Headline(
        "none",
        "What personal lists brought this week is unknown: nobody is on the heuristic.",
        UNMEASURED,
    )


def _by_holdout(found: Lift, label: str) -> str:
    assert found.lift is not None
    what = f"{label_words(label)} per item seen"
    size = change_words(abs(found.lift)).lstrip("+")
    if found.clarity == "better":
        return f"Personal lists brought {size} more {what} than “most popular”."
    if found.clarity == "worse":
        return f"Personal lists brought {size} fewer {what} than “most popular”."
    return (
        "Personal lists were neither clearly better nor clearly worse than “most popular”: "
        f"{change_words(found.lift)} {what}."
    )


def _by_experiment(found: ExperimentValue) -> str:
    assert found.lift is not None
    assert found.low is not None
    assert found.high is not None
    sure = f"95 % sure: {interval_words(found.low, found.high)}"
    return (
        f"In the experiment `{found.name}`, `{found.variant}` changed `{found.metric}` by "
        f"{change_words(found.lift)} against “most popular” ({sure})."
    )
