"""The next move of a release: shadow, canary, whole, probation; and back.

Everything is a function of the state of autopilot and of what the log shows. Invariant: no move
skips a stage unless its reason says why, and none is made while autopilot is paused.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from liverank.autopilot.history.state import AutopilotState
from liverank.autopilot.judging.verdict import Verdict
from liverank.autopilot.releasing.before_after import BeforeAfter
from liverank.autopilot.releasing.counts import Evidence
from liverank.autopilot.releasing.guardrails import (
    CLEAR_FALL,
    LABEL_RATE,
    guardrails,
    harm_in,
    smallest_visible_fall,
)
from liverank.autopilot.releasing.move import Change, Move
from liverank.autopilot.releasing.service import Service, is_on_probation
from liverank.autopilot.releasing.shadow import LEAST_REQUESTS, ShadowSum, fault_in, sum_of
from liverank.config import Config, Surface
from liverank.config_autopilot import Autopilot
from liverank.experiments.release import Release, Trial
from liverank.quantities import duration_ms
from liverank.serving.reports import ShadowReport

LONGEST_SHADOW = 4
"""A shadow without enough requests ends after this many times its planned time."""
LONGEST_CANARY = 2
"""A canary without enough people ends after this many times its planned time."""
_WRONG_EVENTS = ("volume", "freshness", "field_type", "refused_events", "clock")
"""Kinds of alarms about the events themselves, which say nothing about a bundle. A fall of the
label is not one of them: a bundle may be its cause."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the log shows about the release and the bundle in service, as far as each applies."""

    shadow: Sequence[ShadowReport] = ()
    """Reports on the challenger in shadow."""
    canary: Evidence | None = None
    """People of the champion and of the challenger, since the canary began."""
    holdout: Evidence | None = None
    """The holdout on the heuristic (control) and the people of the bundle in service, in the last
    window since its release."""
    before_after: BeforeAfter | None = None
    """The hours since the release against the same hours before it."""


def begin(
    version: str,
    *,
    champion: str | None,
    has_same_layout: bool,
    state: AutopilotState,
    verdict: Verdict | None = None,
) -> Move | None:
    """The first move of an accepted challenger: into shadow, or into service.

    A challenger whose layout of state differs from the champion's cannot rank next to it; one whose
    ``verdict`` (where it is known) was against another champion was not judged against this one.
    None while autopilot is paused, another challenger is on trial, or events are wrong.

    >>> begin("b", champion="a", has_same_layout=True, state=AutopilotState()).action
    'shadow_started'
    """
    if state.is_paused or state.release is not None:
        return None
    if verdict is not None and verdict.champion != champion:
        return Move(
            action="dropped",
            version=version,
            reason=f"it was judged against {verdict.champion or 'popularity'}, and "
            f"{champion or 'popularity'} is in service now",
        )
    if _events_are_wrong(state):
        return None
    if champion is not None and not has_same_layout:
        return Move(
            action="released",
            version=version,
            reason="its features need another layout of state than those of the bundle in "
            f"service, {champion}, so that no server can try both at once: it was judged, goes "
            "into service for everybody without shadow and canary, and is on probation",
            detail=Change(before=champion, after=version),
            effect="promote",
        )
    return Move(
        action="shadow_started",
        version=version,
        reason="it was accepted, and scores requests now without serving anybody",
        detail=Trial(champion=champion),
    )


def next_step(
    state: AutopilotState,
    service: Service | None,
    findings: Findings,
    config: Config,
    at_ms: int,
) -> Move | None:
    """The move to make at ``at_ms`` (Unix ms), or None to wait.

    What harms people comes first: the bundle in service goes back before a challenger goes on.
    While an alarm says that events are missing or wrong, no challenger goes on, and the hours
    before a release are not compared with those after it; arms of people still are.
    """
    autopilot = config.autopilot
    if autopilot is None or state.is_paused:
        return None
    events_are_wrong = _events_are_wrong(state)
    if events_are_wrong:
        findings = replace(findings, before_after=None)
    if service is not None:
        move = _back(service, findings, autopilot, at_ms)
        if move is not None:
            return move
    release = state.release
    if release is None:
        return None
    if release.stage == "shadow":
        move = _after_shadow(release, findings.shadow, config, autopilot, at_ms)
    else:
        move = _after_canary(release, findings, autopilot, at_ms)
    if events_are_wrong and move is not None and move.action != "dropped":
        return None
    return move


def _events_are_wrong(state: AutopilotState) -> bool:
    return any(alarm.kind in _WRONG_EVENTS for alarm in state.alarms.values())


def _after_shadow(
    release: Release,
    reports: Sequence[ShadowReport],
    config: Config,
    autopilot: Autopilot,
    at_ms: int,
) -> Move | None:
    total = sum_of(reports)
    fault = fault_in(total, champion=release.champion, deadline_ms=shortest_deadline_ms(config))
    if fault is not None:
        return Move(action="dropped", version=release.version, reason=fault)
    planned_ms = duration_ms(autopilot.shadow)
    waited_ms = at_ms - release.since_ms
    if waited_ms < planned_ms:
        return None
    if total.requests < LEAST_REQUESTS and waited_ms < LONGEST_SHADOW * planned_ms:
        return None
    if not total.requests:
        return Move(
            action="dropped",
            version=release.version,
            reason=f"it scored no request in {LONGEST_SHADOW} times the planned time in shadow "
            f"({autopilot.shadow}); is a server running, and does it report?",
        )
    against = "popularity" if release.champion is None else "the champion"
    only = "only " if total.requests < LEAST_REQUESTS else ""
    return Move(
        action="canary_started",
        version=release.version,
        reason=f"in shadow it scored {only}{total.requests:,} requests, without a failure, "
        f"{_times(total, against)}with {total.overlap_at_10:.0%} of the first ten in "
        f"common; it serves {autopilot.canary_share:.1%} of the people now",
        detail=Trial(champion=release.champion, share=autopilot.canary_share),
    )


def _times(total: ShadowSum, against: str) -> str:
    """How long both took; empty in simulated time, where nobody measures it."""
    if math.isnan(total.challenger_us):
        return ""
    return (
        f"in {total.challenger_us / 1000:.2f} ms on average ({against}: "
        f"{total.champion_us / 1000:.2f} ms), "
    )


def _after_canary(
    release: Release, findings: Findings, autopilot: Autopilot, at_ms: int
) -> Move | None:
    reports = sum_of(findings.shadow)
    if reports.failures:
        why = "" if reports.trouble is None else f": {reports.trouble}"
        reason = f"servers could not score {reports.failures:,} requests with it in canary{why}"
        return Move(action="dropped", version=release.version, reason=reason)
    evidence = Evidence.none(release.share) if findings.canary is None else findings.canary
    results = guardrails(evidence)
    harm = harm_in(results)
    if harm is not None:
        return Move(action="dropped", version=release.version, reason=f"harm in canary: {harm}")
    planned_ms = duration_ms(autopilot.canary)
    waited_ms = at_ms - release.since_ms
    if waited_ms < planned_ms:
        return None
    fall = smallest_visible_fall(results)
    people = f"{evidence.treated.count:,} people with it and {evidence.control.count:,} without"
    if fall <= CLEAR_FALL:
        reason = (
            f"no harm in canary among {people}; a fall of the label rate by {fall:.0%} would "
            "have been clear"
        )
    elif waited_ms < LONGEST_CANARY * planned_ms:
        return None
    elif not evidence.treated.count:
        reason = (
            f"nobody got a list by it in {LONGEST_CANARY} times the planned canary "
            f"({autopilot.canary}), so nothing is known of it; is a server running?"
        )
        return Move(action="dropped", version=release.version, reason=reason)
    else:
        rate = next(one for one in results if one.name == LABEL_RATE)
        reason = (
            f"no sign of harm in {LONGEST_CANARY} times the planned canary ({autopilot.canary}), "
            f"though only a large harm would have been clear ({people}; {rate.reason})"
        )
    return Move(
        action="released",
        version=release.version,
        reason=f"{reason}; it serves everybody now, and is on probation",
        detail=Change(before=release.champion, after=release.version),
        effect="promote",
    )


def _back(service: Service, findings: Findings, autopilot: Autopilot, at_ms: int) -> Move | None:
    """Out of service: back to the bundle before while on probation, or to popularity."""
    if service.version is None:
        return None
    below_heuristic = None
    if findings.holdout is not None:
        below_heuristic = harm_in(guardrails(findings.holdout))
    on_probation = is_on_probation(service, duration_ms(autopilot.probation), at_ms)
    worse = None
    if on_probation and findings.before_after is not None and findings.holdout is None:
        worse = findings.before_after.harm
    if on_probation and (worse or below_heuristic):
        harm = (
            f"worse than the heuristic of the holdout: {below_heuristic}"
            if below_heuristic
            else f"worse than before the release: {worse}"
        )
        return _returned(service, harm)
    if below_heuristic is None:
        return None
    return Move(
        action="withdrawn",
        version=service.version,
        reason=f"worse than the heuristic of the holdout: {below_heuristic}; lists are by "
        "popularity now",
        detail=Change(before=service.version, after=None),
        effect="withdraw",
    )


def _returned(service: Service, harm: str) -> Move:
    assert service.version is not None
    if service.before is None:
        return Move(
            action="withdrawn",
            version=service.version,
            reason=f"{harm}; no bundle served before it, so lists are by popularity now",
            detail=Change(before=service.version, after=None),
            effect="withdraw",
        )
    return Move(
        action="returned",
        version=service.version,
        reason=f"{harm}; {service.before} is in service again",
        detail=Change(before=service.version, after=service.before),
        effect="roll_back",
    )


def shortest_deadline_ms(config: Config) -> float:
    """The shortest deadline of a surface in milliseconds; the default's without surfaces."""
    surfaces = list(config.surfaces.values()) or [Surface()]
    return min(float(duration_ms(one.deadline)) for one in surfaces)
