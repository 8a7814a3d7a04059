"""Shared by the subcommands: an experiment by its name, and its changes in the log."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from liverank.config import Config
from liverank.config_experiments import Experiment
from liverank.errors import ConfigError
from liverank.events.event import ExperimentChange
from liverank.events.log import Log
from liverank.experiments.assignment.timeline import Timeline, timeline_of


def experiment_named(config: Config, name: str, file: Path) -> Experiment:
    """The experiment with this name. Raises ConfigError, which lists the existing ones."""
    found = config.experiments.get(name)
    if found is None:
        known = ", ".join(config.experiments)
        raise ConfigError(
            f"{file}: there is no [experiments.{name}]; "
            f"{'it names ' + known if known else 'it names no experiments'}"
        )
    return found


def changes_in(log: Log) -> list[ExperimentChange]:
    """The changes of all experiments, in the order of the log."""
    events: Iterable[object] = (one.event for one in log.experiment_changes())
    return [event for event in events if isinstance(event, ExperimentChange)]


def timeline_in(log: Log, name: str, experiment: Experiment) -> Timeline:
    """The timeline of one experiment."""
    return timeline_of(name, experiment, changes_in(log))


def ramp_percent(text: str) -> float:
    """Parse a ramp from the command line, e.g. ``10`` or ``0.5%``.

    >>> ramp_percent("10%")
    10.0
    """
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise argparse.ArgumentTypeError(f"{text!r}; expected percent from 0 to 100")
    return percent
