"""``liverank experiment preference``: which of two interleaved rankers people prefer."""

import argparse
from functools import partial
from typing import Any

from rich.console import Console

from liverank.cli.paths import add_config_argument, log_path
from liverank.config import Config, load_config
from liverank.config_experiments import parse_rank
from liverank.errors import ConfigError
from liverank.events.frame import SCHEMA
from liverank.events.log import Log
from liverank.experiments.interleaving.of_log import Counts, interleaved_credit
from liverank.experiments.interleaving.preference import Preference, preference

HELP = "tell which of two interleaved rankers people prefer"

_UNUSED = {"vectors", "scores", "candidates", "propensities"}
_COLUMNS = tuple(name for name in SCHEMA if name not in _UNUSED)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="the experiment")
    parser.add_argument(
        "--variant", metavar="V", help="its interleaved variant; default: the only one"
    )
    parser.add_argument("--label", metavar="NAME", help="default: the first label of the config")
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Count the choices in interleaved lists, and say whom they prefer."""
    config = load_config(arguments.config)
    variant, rankers = _variant(arguments, config)
    name = arguments.label or next(iter(config.heads))
    if name not in config.heads:
        raise ConfigError(
            f"{arguments.config}: there is no label `{name}`; it names {', '.join(config.heads)}"
        )
    label = config.heads[name]
    if label.min_duration is not None:
        raise ConfigError(
            f"{arguments.config}: the label `{name}` asks for a stay of {label.min_duration}, "
            "which a preference does not count; name another with --label"
        )
    counts = Counts(label.interaction, label.within_ms, label.min_value)
    with Log.open(log_path(arguments.config, config)) as log:
        frames = partial(log.read, columns=_COLUMNS)
        found = interleaved_credit(frames(), f"{arguments.name}:{variant}", counts)
    answer = preference(found.credit)
    console.print(f"[bold]{_said(answer, rankers)}[/bold]")
    console.print(
        f"{rankers[1]} drew {answer.share:.1%} of the `{name}` that count for either (95 %: "
        f"{answer.share_ci[0]:.1%} to {answer.share_ci[1]:.1%}, p {answer.p:.3g}), by "
        f"{found.successes:,} in {found.lists:,} lists of {answer.users:,} people."
    )
    return {
        "ok": True,
        "experiment": arguments.name,
        "variant": variant,
        "label": name,
        "rankers": list(rankers),
        "share": answer.share,
        "ci": list(answer.share_ci),
        "p": answer.p,
        "credit": list(answer.credit),
        "lists": found.lists,
        "users": answer.users,
        "users_with_credit": answer.users_with_credit,
    }


def _said(found: Preference, rankers: tuple[str, str]) -> str:
    low, high = found.share_ci
    if low <= 0.5 <= high:
        return f"Neither {rankers[0]} nor {rankers[1]} is clearly preferred."
    better, other = rankers[::-1] if low > 0.5 else rankers
    return f"People prefer {better} to {other}."


def _variant(arguments: argparse.Namespace, config: Config) -> tuple[str, tuple[str, str]]:
    """The interleaved variant of the experiment, and its two rankers. Raises ConfigError."""
    where = f"{arguments.config}: `experiments.{arguments.name}`"
    if arguments.name not in config.experiments:
        known = ", ".join(config.experiments) or "none"
        raise ConfigError(f"{where} is not there; the config has experiments: {known}")
    mixed: dict[str, tuple[str, str]] = {}
    for name, variant in config.experiments[arguments.name].variants.items():
        kind, *rankers = ("",) if variant.rank is None else parse_rank(variant.rank)
        if kind == "interleave":
            mixed[name] = (rankers[0], rankers[1])
    chosen = arguments.variant
    if chosen is None and len(mixed) == 1:
        chosen = next(iter(mixed))
    if chosen not in mixed:
        raise ConfigError(
            f"{where} has {', '.join(f'`{name}`' for name in mixed) or 'no variants'} with "
            '`rank = "interleave:A,B"`; '
            + ("name one with --variant" if mixed else "a preference needs one")
        )
    return chosen, mixed[chosen]
