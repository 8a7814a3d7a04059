"""``liverank experiment preference``: which of the interleaved rankers users prefer."""

import argparse
from functools import partial
from typing import Any

from rich.console import Console

from liverank.cli.project.paths import add_config_argument, log_path
from liverank.config import Config, load_config
from liverank.config_experiments import MIXES, parse_rank
from liverank.errors import ConfigError
from liverank.events.frame import SCHEMA
from liverank.events.log import Log
from liverank.experiments.interleaving.from_log import Counts, interleaved_credit
from liverank.experiments.interleaving.preference import Preference, preferences
from liverank.experiments.statistics.multiple import holm

HELP = "report which of the interleaved rankers people prefer"

_ALPHA = 0.05

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
    """Count the choices in interleaved lists, and report the preferred ranker."""
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
        variant_id = f"{arguments.name}:{variant}"
        found = interleaved_credit(frames(), variant_id, counts, rankers=len(rankers))
    pairs = preferences(found.credit)
    adjusted = dict(zip(pairs, holm([one.p for one in pairs.values()]), strict=True))
    for pair, one in pairs.items():
        console.print(_sentences(one, (rankers[pair[0]], rankers[pair[1]]), adjusted[pair], name))
    console.print(
        f"Counted: {found.successes:,} in {found.lists:,} lists of {len(found.credit):,} people."
    )
    return {
        "ok": True,
        "experiment": arguments.name,
        "variant": variant,
        "label": name,
        "rankers": list(rankers),
        "preferences": [
            _as_json(one, (rankers[pair[0]], rankers[pair[1]]), adjusted[pair])
            for pair, one in pairs.items()
        ],
        "lists": found.lists,
        "users": len(found.credit),
    }


def _sentences(found: Preference, rankers: tuple[str, str], adjusted_p: float, label: str) -> str:
    first, second = rankers
    verdict = f"Neither {first} nor {second} is clearly preferred."
    if adjusted_p < _ALPHA:
        better, other = (second, first) if found.share > 0.5 else (first, second)
        verdict = f"People prefer {better} to {other}."
    low, high = found.share_ci
    corrected = "" if adjusted_p == found.p else f", {adjusted_p:.3g} after Holm's correction"
    return (
        f"[bold]{verdict}[/bold] {second} drew {found.share:.1%} of the `{label}` that count for "
        f"either (95 %: {low:.1%} to {high:.1%}, p {found.p:.3g}{corrected})."
    )


def _as_json(found: Preference, rankers: tuple[str, str], adjusted_p: float) -> dict[str, Any]:
    return {
        "rankers": list(rankers),
        "share": found.share,
        "ci": list(found.share_ci),
        "p": found.p,
        "p_adjusted": adjusted_p,
        "credit": list(found.credit),
        "users_with_credit": found.users_with_credit,
    }


def _variant(arguments: argparse.Namespace, config: Config) -> tuple[str, tuple[str, ...]]:
    """The interleaved variant of the experiment, and its rankers. Raises ConfigError."""
    where = f"{arguments.config}: `experiments.{arguments.name}`"
    if arguments.name not in config.experiments:
        known = ", ".join(config.experiments) or "none"
        raise ConfigError(f"{where} is not there; the config has experiments: {known}")
    mixed: dict[str, tuple[str, ...]] = {}
    for name, variant in config.experiments[arguments.name].variants.items():
        kind, *rankers = ("",) if variant.rank is None else parse_rank(variant.rank)
        if kind in MIXES:
            mixed[name] = tuple(rankers)
    chosen = arguments.variant
    if chosen is None and len(mixed) == 1:
        chosen = next(iter(mixed))
    if chosen not in mixed:
        raise ConfigError(
            f"{where} has {', '.join(f'`{name}`' for name in mixed) or 'no variants'} with "
            '`rank = "interleave:A,B"` or `"multileave:A,B,C"`; '
            + ("name one with --variant" if mixed else "a preference needs one")
        )
    return chosen, mixed[chosen]
