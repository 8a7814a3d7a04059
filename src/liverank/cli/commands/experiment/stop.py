"""``liverank experiment stop``: end an experiment, and record the decision."""

import argparse
from typing import TYPE_CHECKING, Any

from rich.console import Console

from liverank.cli.commands.experiment.named import experiment_named, timeline_in
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, log_path
from liverank.cli.project.time_argument import moment_ms
from liverank.config import load_config
from liverank.errors import ConfigError
from liverank.events.event import ExperimentChange, Fields
from liverank.events.log import Log

if TYPE_CHECKING:
    from liverank.events.actions import ExperimentAction

HELP = "stop an experiment, with or without a decision"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="the experiment's name in liverank.toml")
    parser.add_argument(
        "--decision",
        choices=("ship", "stop"),
        help="`ship` gives all but the holdout a variant; `stop` ranks as before the experiment",
    )
    parser.add_argument("--variant", metavar="V", help="the variant to ship")
    parser.add_argument("--reason", metavar="TEXT", help="reason, kept in the log")
    parser.add_argument(
        "--at", type=moment_ms, metavar="TIME", help="time of the end, RFC 3339; default: now"
    )
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Check the decision, and append it to the log. Raises ConfigError."""
    config = load_config(arguments.config)
    name, decision, variant = arguments.name, arguments.decision, arguments.variant
    experiment = experiment_named(config, name, arguments.config)
    if decision == "ship" and variant is None:
        raise ConfigError(f"--decision ship needs --variant: {', '.join(experiment.variants)}")
    if variant is not None and decision != "ship":
        raise ConfigError("--variant is the variant to ship; add --decision ship")
    if variant is not None and variant not in experiment.variants:
        known = ", ".join(experiment.variants)
        raise ConfigError(f"{name} has no variant `{variant}`; expected {known}")
    at_ms = now_ms() if arguments.at is None else int(arguments.at)
    with Log.open(log_path(arguments.config, config)) as log:
        step = timeline_in(log, name, experiment).at(at_ms)
        if step.started_ms is None:
            raise ConfigError(f"{name} has not been started; there is nothing to stop")
        if not step.is_running and decision is None:
            raise ConfigError(f"{name} is not running; record its outcome with `--decision`")
        given = {"decision": decision, "variant": variant, "reason": arguments.reason}
        fields: Fields = {key: value for key, value in given.items() if value is not None}
        action: ExperimentAction = "stopped" if decision is None else "decided"
        change = ExperimentChange(time=at_ms, experiment=name, action=action, fields=fields)
        log.append([change], arrived_ms=now_ms())
    what = {
        None: "is stopped; everybody is ranked as without the experiment",
        "stop": "is decided; everybody is ranked as without the experiment",
        "ship": f"is decided; everybody except the holdout gets {variant}",
    }[decision]
    console.print(f"{name} {what}, within about a second", soft_wrap=True)
    return {"ok": True, "experiment": name, "action": action, "at_ms": at_ms, **given}
