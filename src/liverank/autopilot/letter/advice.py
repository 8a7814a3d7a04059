"""What to look at: at most three things, the most harmful first, each with a next step."""

from collections.abc import Iterator, Sequence

from liverank.autopilot.history.state import state_of
from liverank.autopilot.letter.headline import NO_LIST, UNMEASURED
from liverank.autopilot.letter.letter import Advice, Trouble, Value
from liverank.autopilot.letter.period import Period
from liverank.config import Config
from liverank.events.autopilot_steps import reason_of
from liverank.events.event import AutopilotStep

MOST = 3
MANY_REFUSALS = 5
"""Trainings in a row without a release that are worth a look."""


def advice_of(
    config: Config,
    steps: Sequence[AutopilotStep],
    troubles: Sequence[Trouble],
    value: Value,
    period: Period,
) -> tuple[Advice, ...]:
    """What to look at, as of the end of the period."""
    known = [step for step in steps if step.at_ms < period.to_ms]
    found = [*_of_troubles(troubles), *_of_steps(known, period), *_of_value(config, value)]
    return tuple(found[:MOST])


def _of_troubles(troubles: Sequence[Trouble]) -> Iterator[Advice]:
    for trouble in troubles:
        if trouble.to_ms is None:
            yield Advice(what=trouble.title, next_step=trouble.next_step)


def _of_steps(steps: Sequence[AutopilotStep], period: Period) -> Iterator[Advice]:
    state = state_of(steps)
    last = next((one for one in reversed(steps) if one.action in ("withdrawn", "released")), None)
    if last is not None and last.action == "withdrawn":
        yield Advice(
            what="The model was withdrawn, and everybody gets the most popular list",
            next_step=f"It was withdrawn because: {reason_of(last)}. `liverank autopilot history` "
            "has what came before it.",
        )
    if state.is_paused:
        yield Advice(
            what=f"Autopilot is paused: {state.paused_because}",
            next_step="`liverank autopilot resume` lets it go on.",
        )
    returned = [one for one in steps if one.action == "returned" and one.at_ms >= period.from_ms]
    if returned:
        yield Advice(
            what="A released model was taken back",
            next_step=f"It was taken back because: {reason_of(returned[-1])}. Check whether the "
            "product changed in those days.",
        )
    yield from _of_trainings(steps)


def _of_trainings(steps: Sequence[AutopilotStep]) -> Iterator[Advice]:
    endings = [
        one for one in steps if one.action in ("training_failed", "refused", "dropped", "released")
    ]
    row: list[AutopilotStep] = []
    for step in reversed(endings):
        if step.action == "released":
            break
        row.append(step)
    failures = [one for one in row if one.action == "training_failed"]
    if row and row[0].action == "training_failed":
        yield Advice(
            what=f"The last training failed ({len(failures)} since the last release)",
            next_step=f"It failed because: {reason_of(row[0])}.",
        )
    elif len(row) >= MANY_REFUSALS:
        yield Advice(
            what=f"The last {len(row)} challengers were not released",
            next_step="A model in service that stays best is fine. If the lists seem stale, "
            f"compare the reasons in `liverank autopilot history`; the last one: "
            f"{reason_of(row[0])}.",
        )


def _of_value(config: Config, value: Value) -> Iterator[Advice]:
    now = value.this_period
    if now is not None and now.lifts and now.lifts[0].clarity == "worse":
        yield Advice(
            what="Those with personal lists did worse than those on the heuristic",
            next_step="If the next letter says so too, `liverank rollback --to popular` serves "
            "the most popular list to everybody.",
        )
    is_held_out = config.autopilot is not None and config.autopilot.holdout > 0
    if value.unknown_because == NO_LIST:
        yield Advice(
            what="Nobody was shown a list",
            next_step="Check that the product asks the rank server for lists, and that "
            "`liverank serve` runs (`liverank doctor`).",
        )
    if value.unknown_because == UNMEASURED and not is_held_out:
        yield Advice(
            what="Nobody can say what the lists are worth",
            next_step="Set `holdout = 0.02` in `[autopilot]`: two people in a hundred always get "
            "the most popular list, and the next letter compares.",
        )
