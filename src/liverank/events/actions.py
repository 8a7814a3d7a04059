"""The states of items, and the actions of experiments and of autopilot, that events name."""

from typing import Literal, TypeAlias, get_args

ItemState: TypeAlias = Literal["scheduled", "started", "updated", "ended"]
ITEM_STATES: tuple[str, ...] = get_args(ItemState)

ExperimentAction: TypeAlias = Literal["started", "ramped", "stopped", "decided"]
EXPERIMENT_ACTIONS: tuple[str, ...] = get_args(ExperimentAction)

AutopilotAction: TypeAlias = Literal[
    "planned",
    "training_started",
    "training_failed",
    "accepted",
    "refused",
    "shadow_started",
    "canary_started",
    "released",
    "dropped",
    "returned",
    "withdrawn",
    "paused",
    "resumed",
    "reported",
    "shadowed",
    "alarm_raised",
    "alarm_quiet",
    "alarm_ended",
    "letter_written",
    "pruned",
    "checked",
]
AUTOPILOT_ACTIONS: tuple[str, ...] = get_args(AutopilotAction)
