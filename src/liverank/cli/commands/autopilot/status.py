"""``liverank autopilot status``: what serves, what is on trial, what is wrong, what comes next."""

import argparse
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Console

from liverank.autopilot.alarms.outbox import FILE, Undelivered, undelivered_in
from liverank.autopilot.history.state import AutopilotState, state_of, steps_in
from liverank.autopilot.run_loop.schedule import RETRY_MS, why_no_training
from liverank.bundle import store
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, data_path, log_path
from liverank.config import Config, load_config
from liverank.events.autopilot_steps import reason_of
from liverank.events.log import Log

HELP = "what serves, what is on trial, what is wrong, and what comes next"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Show the state of autopilot. Raises BundleError where the pointer cannot be read."""
    config = load_config(arguments.config)
    with Log.open(log_path(arguments.config, config)) as log:
        state = state_of(steps_in(log))
    data = data_path(arguments.config, config)
    current = store.current(data)
    unsent = undelivered_in(data / FILE)
    due_ms = _due_ms(config, state)
    for line in [*_lines(config, state, current, due_ms), *_unsent_lines(unsent)]:
        console.print(line, markup=False, soft_wrap=True)
    return {
        "ok": not state.alarms,
        "configured": config.autopilot is not None,
        "paused": state.is_paused,
        "serving": current,
        "release": None if state.release is None else msgspec.to_builtins(state.release),
        "training_since_ms": state.training_since_ms,
        "training_due_ms": due_ms,
        "plan": None if state.plan is None else reason_of(state.plan),
        "verdict": None if state.verdict is None else reason_of(state.verdict),
        "alarms": [msgspec.to_builtins(alarm) for alarm in state.alarms.values()],
        "undelivered": [
            {
                "channel": one.channel,
                "title": one.message.title,
                "why": one.why,
                "given_up": one.given_up,
            }
            for one in unsent
        ],
    }


def _due_ms(config: Config, state: AutopilotState) -> int | None:
    """The earliest time of the next training, Unix ms; None where none is planned."""
    every_ms = None if config.autopilot is None else config.autopilot.retrain_ms
    if every_ms is None or state.is_paused:
        return None
    times = [
        now_ms() if state.trained_ms is None else int(state.trained_ms + every_ms),
        0 if state.failed_ms is None else state.failed_ms + RETRY_MS,
    ]
    return max(times)


def _next_training(config: Config, state: AutopilotState, due_ms: int) -> str:
    """When the next training is due, and what it waits for besides the time."""
    assert config.autopilot is not None
    waits_for = why_no_training(state, config.autopilot, at_ms=due_ms)
    when = f"Next training: {_utc(due_ms)}"
    return when if waits_for is None else f"{when} at the earliest; {waits_for}"


def _lines(
    config: Config, state: AutopilotState, current: str | None, due_ms: int | None
) -> list[str]:
    lines = [f"In service: {current or 'most popular (no bundle)'}"]
    if config.autopilot is None:
        lines.append("liverank.toml has no [autopilot]: models are trained and released by hand")
    if state.is_paused:
        lines.append(f"Paused: {state.paused_because}; `liverank autopilot resume` goes on")
    if state.release is not None:
        release = state.release
        share = f", {release.share:.0%} of the people" if release.stage == "canary" else ""
        lines.append(
            f"On trial: {release.version} in {release.stage}{share}, since {_utc(release.since_ms)}"
        )
    if state.training_since_ms is not None:
        lines.append(f"Training since {_utc(state.training_since_ms)}")
    elif due_ms is not None:
        lines.append(_next_training(config, state, due_ms))
    if state.verdict is not None:
        lines.append(f"Last challenger: {state.verdict.action}: {reason_of(state.verdict)}")
    if current is None and state.plan is not None:
        lines.append(reason_of(state.plan))
    lines += [
        f"{alarm.severity}: {alarm.title}. {alarm.next_step}" for alarm in state.alarms.values()
    ]
    if not state.alarms:
        lines.append("No alarm")
    return lines


def _unsent_lines(unsent: tuple[Undelivered, ...]) -> list[str]:
    return [
        f"{'Given up' if one.given_up else 'Not sent yet'}: {one.message.title}, "
        f"to {one.channel}: {one.why}"
        for one in unsent
    ]


def _utc(at_ms: float) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
