"""``liverank experiment plan``: sample size for an effect, or the smallest detectable effect."""

import argparse
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from liverank.cli.commands.experiment.plan_inputs import PlanInputs, inputs_of
from liverank.cli.commands.experiment.plan_tables import print_plan, refusal
from liverank.experiments.planning.size import size_of

HELP = "calculate how many users and days an effect takes, before an experiment starts"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="plan [experiments.NAME] with its metrics and days"
    )
    parser.add_argument(
        "--config", type=Path, default=Path("liverank.toml"), metavar="FILE",
        help="default: liverank.toml",
    )  # fmt: skip
    parser.add_argument(
        "--metric", metavar="M", help="the metric that decides (default: the primary one)"
    )
    parser.add_argument(
        "--effect", type=share, metavar="LIFT",
        help='the relative effect to detect, such as "2%%"; exits 1 if there are too few users',
    )  # fmt: skip
    parser.add_argument(
        "--baseline", type=float, metavar="X", help="the metric's value; default: the log's own"
    )
    parser.add_argument(
        "--sd", type=float, metavar="S",
        help="standard deviation of one user, with --baseline; participation needs none",
    )  # fmt: skip
    parser.add_argument(
        "--cuped", type=share, default=0.0, metavar="SHARE",
        help="share of the variance that CUPED saves, with --baseline (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--daily-users", type=float, metavar="N",
        help="users who visit for the first time, per day; default: as in the log",
    )  # fmt: skip
    parser.add_argument("--days", type=int, metavar="D", help="planned days (default: 28)")
    parser.add_argument("--looks", type=int, metavar="N", help="looks (default: one a day)")
    parser.add_argument("--alpha", type=float, metavar="A", help="default: 0.05")
    parser.add_argument("--power", type=float, metavar="P", help="default: 0.8")


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Plan; fails if the effect cannot be detected. Raises ExperimentError, ConfigError."""
    inputs = inputs_of(arguments, console)
    sizes = [
        size_of(
            baseline,
            inputs.design,
            inputs.traffic,
            arguments.effect if baseline.metric == inputs.decisive else None,
        )
        for baseline in inputs.baselines
    ]
    print_plan(inputs, sizes, console)
    decisive = next(size for size in sizes if size.metric == inputs.decisive)
    result: dict[str, Any] = {
        "ok": decisive.enough is not False,
        "experiment": arguments.name,
        **msgspec.to_builtins(inputs.design),
        "users_by_planned_end": _users(inputs),
        "metrics": [msgspec.to_builtins(size) for size in sizes],
        "notes": list(inputs.notes),
    }
    if decisive.enough is False:
        result["error"] = refusal(inputs, decisive)
    return result


def share(text: str) -> float:
    """Parse a share, as a fraction or in percent. Raises argparse.ArgumentTypeError.

    >>> share("2%"), share("0.02"), share("+1.96 %")
    (0.02, 0.02, 0.0196)
    """
    number = text.strip()
    divisor = 1.0
    if number.endswith("%"):
        number, divisor = number[:-1].strip(), 100.0
    try:
        return round(float(number) / divisor, 12)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a share such as 2% or 0.02") from None


def _users(inputs: PlanInputs) -> float | None:
    return None if inputs.traffic is None else inputs.traffic.users_by(inputs.design.days)
