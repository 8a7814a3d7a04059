"""The parts of a letter in words, which the page and the Markdown share.

Invariant: neither form says what the other does not.
"""

from typing import Literal, NamedTuple

from liverank.autopilot.alarms.message import duration_words
from liverank.autopilot.letter.letter import HoldoutValue, Letter, Lift, Released, Trouble, Volume
from liverank.autopilot.letter.words import (
    change_words,
    count_words,
    day_words,
    interval_words,
    label_words,
    mean_words,
    moment_words,
    share_words,
)

MOST_RELEASED = 8
"""Steps of releasing that a letter lists; the newest ones, of more."""
MOST_TROUBLES = 6
"""Alarms that a letter lists; the critical and oldest ones, of more."""

Tone = Literal["good", "bad", "wait", ""]
_TONES: dict[str, Tone] = {
    "released": "good",
    "accepted": "good",
    "returned": "bad",
    "withdrawn": "bad",
    "training_failed": "bad",
    "dropped": "wait",
    "refused": "wait",
    "paused": "wait",
}


class Figure(NamedTuple):
    """A large number with its name and what stands behind it."""

    value: str
    name: str
    notes: tuple[str, ...]
    tone: str
    """``better``, ``worse`` or ``unclear``."""


class Row(NamedTuple):
    """A row of a list: when, what, and why."""

    when: str
    what: str
    why: str
    tone: Tone


def figures_of(letter: Letter) -> list[Figure]:
    """The three lifts of the week by the holdout; empty where nobody is held out."""
    now = letter.value.this_period
    if now is None or letter.value.unknown_because:
        return []
    return [_figure(lift, letter.label) for lift in now.lifts]


def _figure(lift: Lift, label: str) -> Figure:
    labels = label_words(label)
    name = {
        "join_rate": f"{labels} per item seen",
        "daily_active": "daily active people",
        "per_person": f"{labels} per person",
    }[lift.metric]
    write = mean_words if lift.metric == "per_person" else share_words
    if lift.lift is None or lift.low is None or lift.high is None:
        return Figure("unknown", name, (f"because {lift.reason}",), "unclear")
    assert lift.personal is not None
    assert lift.heuristic is not None
    notes = (
        f"{write(lift.personal)} against {write(lift.heuristic)}",
        f"95 % sure: {interval_words(lift.low, lift.high)}",
    )
    return Figure(change_words(lift.lift), name, notes, lift.clarity)


def how_measured(letter: Letter) -> list[str]:
    """How the value was measured, or why it is unknown, in sentences."""
    value = letter.value
    sentences = []
    if value.unknown_because:
        sentences.append(f"Unknown, because {value.unknown_because}.")
    elif value.source == "holdout" and value.this_period is not None:
        sentences.append(_groups(value.this_period, letter.label))
    together = value.together
    if not value.unknown_because and together is not None and together.lifts:
        lift = together.lifts[0]
        if lift.lift is not None and lift.low is not None and lift.high is not None:
            weeks = round((together.to_ms - together.from_ms) / (letter.to_ms - letter.from_ms))
            sentences.append(
                f"Over the last {weeks} weeks together: {change_words(lift.lift)} "
                f"{label_words(letter.label)} per item seen "
                f"({interval_words(lift.low, lift.high)})."
            )
    return sentences


def experiments_in_words(letter: Letter) -> list[str]:
    """A sentence for each experiment of the week."""
    sentences: dict[str, str] = {}
    for one in letter.value.experiments:
        sentences.setdefault(one.name, f"Experiment `{one.name}`: {one.sentence}")
    return list(sentences.values())


def _groups(value: HoldoutValue, label: str) -> str:
    text = (
        f"{count_words(value.people_personal)} people with personal lists against "
        f"{count_words(value.people_heuristic)} who always get the most popular list; both "
        "groups are of people who got a list this week or in the three weeks before. A person "
        f"is active on a day with a {label}. The list of the second group counts "
        "only what that group does: where it is small, its list is weaker than one that counts "
        "everybody, and the value looks larger."
    )
    if value.left_out:
        text += f" {_people(value.left_out)} in experiments with other lists are left out."
    if value.in_both:
        text += f" {_people(value.in_both)} changed groups, and are left out."
    return text


def _people(count: int) -> str:
    return f"{count_words(count)} {'person' if count == 1 else 'people'}"


def volume_rows(letter: Letter) -> list[tuple[str, str, str]]:
    """Name, count, and change against the week before."""
    return [(one.name, _volume(one, one.now), _change(one)) for one in letter.volumes]


def _volume(volume: Volume, value: float) -> str:
    return share_words(value) if volume.is_share else count_words(value)


def _change(volume: Volume) -> str:
    if volume.before is None:
        return "unknown before"
    if volume.is_share:
        return f"{_volume(volume, volume.before)} before"
    if not volume.before:
        return "0 before"
    return change_words(volume.now / volume.before - 1)


def released_rows(letter: Letter) -> list[Row]:
    """The newest steps of releasing, the oldest of them first."""
    return [_released(one) for one in letter.released[-MOST_RELEASED:]]


def released_summary(letter: Letter) -> str:
    """How many of what, in one sentence."""
    if not letter.released:
        return "Nothing: no model was judged this week."
    counts: dict[str, int] = {}
    for one in letter.released:
        counts[one.words] = counts.get(one.words, 0) + 1
    text = ", ".join(f"{count} {words}" for words, count in counts.items())
    more = len(letter.released) - MOST_RELEASED
    rest = f" The newest {MOST_RELEASED}:" if more > 0 else ""
    return f"{text[0].upper()}{text[1:]}.{rest}"


def _released(step: Released) -> Row:
    model = "" if step.model is None else f"`{step.model}`: "
    return Row(
        day_words(step.at_ms), step.words, f"{model}{step.reason}", _TONES.get(step.action, "")
    )


def trouble_rows(letter: Letter) -> list[Row]:
    """The alarms of the week, the critical ones first."""
    return [_trouble(one, letter) for one in letter.troubles[:MOST_TROUBLES]]


def troubles_left_out(letter: Letter) -> str:
    """A sentence about the alarms that are not listed; empty if all are."""
    more = len(letter.troubles) - MOST_TROUBLES
    return f"And {more} more: `liverank autopilot history`." if more > 0 else ""


def _trouble(trouble: Trouble, letter: Letter) -> Row:
    end_ms = letter.to_ms if trouble.to_ms is None else trouble.to_ms
    lasted = duration_words(max(end_ms - trouble.from_ms, 0))
    note = f"goes on, for {lasted} so far" if trouble.to_ms is None else f"for {lasted}"
    tone: Tone = "bad" if trouble.severity == "critical" else "wait"
    return Row(moment_words(trouble.from_ms), trouble.title, note, tone)
