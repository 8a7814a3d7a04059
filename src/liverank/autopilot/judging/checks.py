"""The conditions under which a challenger is accepted, and the sentence that says so.

A challenger that is as good as the champion is accepted if it is fresher: it knows newer items and
people. "As good" has two limits, since a long log makes any loss certain and a short one none.
A loss is clear if its interval excludes 0 and it is more than negligible.
Invariant: a challenger is accepted if and only if every check passed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from liverank.autopilot.judging.verdict import (
    CALIBRATION,
    CHALLENGER,
    CHAMPION,
    LOG_LOSS,
    POPULARITY,
    UNBIASED_NDCG,
    Check,
    Figure,
    LabelVerdict,
    SegmentVerdict,
    Speed,
)

LEAST_LISTS = 30
"""Fewest lists with a success."""
NEGLIGIBLE, MOST_LOSS = 0.002, 0.02
"""Loss of unbiased NDCG@10 that counts as none, however certain; and the largest that is accepted
while the interval includes 0."""
NEGLIGIBLE_LOG_LOSS = 0.002
"""Rise of log-loss that counts as none, as a share of the champion's."""
NEGLIGIBLE_CALIBRATION = math.log(1.05)
"""The same for the distance of observed over predicted from 1, on the log scale."""
WORST_CALIBRATION = math.log(2)
"""Largest distance of observed over predicted from 1 where there is no champion."""
SLOWER, ALWAYS_FAST_US, NEVER_FAST_US = 2.0, 500.0, 5_000.0
"""How many times the champion's scoring time is accepted; a time that always is; one never is."""

MOST_SEGMENTS = 3
"""Segments that the sentence of a check names."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the checks are made of; ``is_fresher`` says that the challenger was trained later."""

    labels: Sequence[LabelVerdict]
    segments: Sequence[SegmentVerdict]
    speeds: Mapping[str, Speed]
    is_fresher: bool

    @property
    def first(self) -> LabelVerdict:
        """The label that ranks lists."""
        return self.labels[0]

    @property
    def rival(self) -> str:
        """What the challenger replaces: the champion, or popularity where there is none."""
        return CHAMPION if CHAMPION in self.speeds else POPULARITY


def checks_of(evidence: Evidence) -> tuple[Check, ...]:
    """All checks, in the order of their weight."""
    checks = [_enough_lists(evidence.first), _popularity(evidence.first)]
    if evidence.rival == CHAMPION:
        checks.append(_champion(evidence))
    checks.append(_log_loss(evidence.first))
    checks.append(_calibration(evidence.first))
    if evidence.rival == CHAMPION and len(evidence.labels) > 1:
        checks.append(_other_labels(evidence.labels[1:]))
    checks += [_segments(evidence), _speed(evidence.speeds)]
    return tuple(checks)


def reason_of_checks(checks: Sequence[Check]) -> str:
    """The verdict in one sentence: the decisive comparison, or the first check that did not pass.

    >>> few = Check(name="lists", passed=False, sentence="3 lists")
    >>> reason_of_checks([few, Check(name="speed", passed=False, sentence="slow")])
    '3 lists; `speed` did not pass either'
    """
    failed = [check for check in checks if not check.passed]
    if failed:
        others = f"; {_names([one.name for one in failed[1:]])} did not pass either"
        return _sentence(f"{failed[0].sentence}{others if failed[1:] else ''}")
    decisive = [check.sentence for check in checks if check.name in ("champion", "popularity")]
    return _sentence("; ".join(reversed(decisive)))


def _enough_lists(label: LabelVerdict) -> Check:
    return Check(
        name="lists",
        passed=label.lists >= LEAST_LISTS,
        sentence=(
            f"there are {label.lists:,} lists with a success, of {label.people:,} people, to judge "
            f"on; {LEAST_LISTS} or more are needed"
        ),
    )


def _popularity(label: LabelVerdict) -> Check:
    difference = label.differences[POPULARITY][UNBIASED_NDCG]
    passed = difference.value is not None and difference.value > 0
    verb = "ranks better than" if passed else "does not rank better than"
    return Check(
        name="popularity",
        passed=passed,
        sentence=f"the challenger {verb} the most popular list: {_compared(label, POPULARITY)}",
    )


def _champion(evidence: Evidence) -> Check:
    label, fresher = evidence.first, evidence.is_fresher
    difference = label.differences[CHAMPION][UNBIASED_NDCG]
    loss = _negated(difference)
    is_better = difference.low is not None and difference.low > 0
    is_small = loss.value is not None and loss.value <= MOST_LOSS
    passed = is_better or (fresher and is_small and not _is_clear(loss, NEGLIGIBLE))
    if is_better:
        verb = "ranks better than"
    elif passed:
        verb = "has learned from newer events and ranks as well as"
    elif fresher:
        verb = "ranks worse than"
    else:
        verb = "is not newer and does not clearly rank better than"
    return Check(
        name="champion",
        passed=passed,
        sentence=f"the challenger {verb} the model in service: {_compared(label, CHAMPION)}",
    )


def _log_loss(label: LabelVerdict) -> Check:
    own = label.methods[CHALLENGER][LOG_LOSS].value
    if CHAMPION in label.differences:
        rival = label.methods[CHAMPION][LOG_LOSS].value or 0.0
        passed = _has_no_worse_log_loss(label)
        against = f"{_number(rival)} of the model in service"
    else:
        passed = own is not None and label.base_log_loss is not None and own < label.base_log_loss
        against = f"{_number(label.base_log_loss)} of always answering with the share of successes"
    state = "no worse" if passed else "worse"
    return Check(
        name="log-loss",
        passed=passed,
        sentence=f"the challenger's log-loss is {state}: {_number(own)} against {against}",
    )


def _calibration(label: LabelVerdict) -> Check:
    own = label.methods[CHALLENGER][CALIBRATION]
    sentence = f"the challenger predicted {_times(own.value)} as many successes as came"
    if CHAMPION in label.differences:
        difference = label.differences[CHAMPION][CALIBRATION]
        passed = own.value is not None and not _is_clear(difference, NEGLIGIBLE_CALIBRATION)
        rival = label.methods[CHAMPION][CALIBRATION].value
        sentence += f", the model in service {_times(rival)}"
    else:
        passed = bool(own.value) and abs(math.log(own.value or 1.0)) <= WORST_CALIBRATION
    return Check(name="calibration", passed=passed, sentence=sentence)


def _other_labels(labels: Sequence[LabelVerdict]) -> Check:
    lost = [
        label.label
        for label in labels
        if CHAMPION in label.methods and CHALLENGER not in label.methods
    ]
    worse = [
        label.label
        for label in labels
        if CHAMPION in label.differences and label.successes and not _has_no_worse_log_loss(label)
    ]
    parts = []
    if lost:
        parts.append(
            f"the challenger has no model of {_names(lost)}, which the model in service has"
        )
    if worse:
        parts.append(f"its log-loss is worse for {_names(worse)}")
    sentence = " and ".join(parts) or f"{_names([one.label for one in labels])}: no worse"
    return Check(name="other labels", passed=not parts, sentence=sentence)


def _segments(evidence: Evidence) -> Check:
    worse = [segment for segment in evidence.segments if segment.worse]
    if not worse:
        count = len(evidence.segments)
        return Check(
            name="segments",
            passed=True,
            sentence=f"the challenger is clearly worse in none of {count} segments",
        )
    parts = []
    for segment in worse[:MOST_SEGMENTS]:
        metric = segment.worse[0]
        found = segment.differences[metric]
        parts.append(
            f"{segment.name} ({metric} {_signed(found.value)}, from {_signed(found.low)} to "
            f"{_signed(found.high)}, on {segment.lists:,} lists)"
        )
    if len(worse) > MOST_SEGMENTS:
        parts.append(f"and {len(worse) - MOST_SEGMENTS} more")
    return Check(
        name="segments",
        passed=False,
        sentence=f"the challenger is clearly worse for {'; '.join(parts)}",
    )


def _speed(speeds: Mapping[str, Speed]) -> Check:
    own = speeds[CHALLENGER]
    limit_us = NEVER_FAST_US
    sentence = f"the challenger scores {own.items} items in {own.scoring_us:,.0f} microseconds"
    if CHAMPION in speeds:
        rival_us = speeds[CHAMPION].scoring_us
        limit_us = min(max(SLOWER * rival_us, ALWAYS_FAST_US), NEVER_FAST_US)
        sentence += f", the model in service in {rival_us:,.0f}"
    return Check(
        name="speed",
        passed=own.scoring_us <= limit_us,
        sentence=f"{sentence}; {limit_us:,.0f} or less are accepted",
    )


def _has_no_worse_log_loss(label: LabelVerdict) -> bool:
    rival = label.methods[CHAMPION][LOG_LOSS].value
    difference = label.differences[CHAMPION][LOG_LOSS]
    return rival is not None and not _is_clear(difference, NEGLIGIBLE_LOG_LOSS * rival)


def _is_clear(loss: Figure, negligible: float) -> bool:
    """Whether a loss, where above 0 is worse, is clear."""
    if loss.value is None or loss.low is None:
        return False
    return loss.low > 0 and loss.value > negligible


def _negated(found: Figure) -> Figure:
    def minus(value: float | None) -> float | None:
        return None if value is None else -value

    return Figure(value=minus(found.value), low=minus(found.high), high=minus(found.low))


def _compared(label: LabelVerdict, rival: str) -> str:
    own, other = label.methods[CHALLENGER][UNBIASED_NDCG], label.methods[rival][UNBIASED_NDCG]
    difference = label.differences[rival][UNBIASED_NDCG]
    return (
        f"unbiased NDCG@10 {_number(own.value)} against {_number(other.value)}, a difference of "
        f"{_signed(difference.value)} (95 % from {_signed(difference.low)} to "
        f"{_signed(difference.high)}) on {label.lists:,} lists"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _times(observed_by_predicted: float | None) -> str:
    return f"{1 / observed_by_predicted:.2f} times" if observed_by_predicted else "unknown times"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"


def _signed(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.4f}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
