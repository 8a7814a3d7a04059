"""``liverank experiment estimate``: estimate the reward of a policy before testing it."""

import argparse
import re
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from liverank.autopilot.explored import ListQuery, find_exploration
from liverank.autopilot.frames import Frames
from liverank.autopilot.gather import look_at
from liverank.autopilot.policy_estimate import PolicyEstimate, estimate_policy, usual_positions
from liverank.autopilot.replayed_policy import (
    Policy,
    bundle_policy,
    policy_scores,
    popular_policy,
    random_policy,
)
from liverank.bundle import store
from liverank.cli.project.event_input import add_history_arguments, open_history
from liverank.cli.project.paths import data_path
from liverank.cli.project.time_argument import moment_ms
from liverank.cli.terminal.progress import stage_progress
from liverank.config import Config, load_config
from liverank.errors import BundleError, ConfigError
from liverank.experiments.off_policy.estimate import Difference, Estimate, difference
from liverank.features.spec import derive_spec

HELP = "estimate what a policy would bring, from lists that were served with propensities"

_POLICY = re.compile(r"popular|model|random|bundle:[0-9A-Za-z]+")
_FORMS = ("item_position", "cascade")
_ASSUMES = {
    "item_position": "what an item brings depends on itself and its position, not its neighbours. "
    "Where people stop at the first item that they choose, several positions together overstate a "
    "much better policy; --positions 1 does not",
    "cascade": "what an item brings depends on itself and the items above it",
}

_ROWS = (
    ("dr", "doubly robust"),
    ("snips", "self-normalised"),
    ("ips", "inverse propensity"),
    ("logged", "as the lists were served"),
)
_LEFT_OUT = {
    "label_still_open": "lists whose label window is not over",
    "candidates_not_named": "lists that do not name all their candidates",
}


class Named(NamedTuple):
    """An estimate, its policy, and the number of rankings that it could use."""

    policy: str
    of: PolicyEstimate
    counts: dict[str, int]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--policy",
        required=True,
        type=_policy,
        metavar="POLICY",
        help="bundle:VERSION, model (the bundle in service), popular or random",
    )
    parser.add_argument(
        "--against", type=_policy, metavar="POLICY", help="also report the difference to this one"
    )
    parser.add_argument("--label", metavar="NAME", help="default: the first label of the config")
    parser.add_argument(
        "--since",
        type=moment_ms,
        default=-np.inf,
        metavar="TIME",
        help="only lists from here on, RFC 3339 or Unix milliseconds",
    )
    parser.add_argument("--surface", metavar="NAME", help="only lists of this surface")
    parser.add_argument(
        "--positions",
        type=_positions,
        metavar="K",
        help="only the first K items of a list; default: as many as half of them have, 10 at most",
    )
    parser.add_argument(
        "--form",
        choices=_FORMS,
        default=_FORMS[0],
        help="what is assumed of how items of a list affect each other; default: item_position",
    )
    add_history_arguments(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Estimate, and show a row for each estimator and the data behind the figures."""
    config = load_config(arguments.config)
    asked = ListQuery(_label(arguments, config), arguments.since, arguments.surface)
    with (
        open_history(arguments, config, console) as frames,
        stage_progress(console) as on_progress,
    ):
        exploration = find_exploration(frames, config, asked)

        def estimated(name: str) -> Named:
            policy = _policy_of(name, arguments, config, frames)
            explored = exploration.lists(frames, policy.layout, config)
            report = partial(on_progress, f"replaying {name}")
            scores = policy_scores(frames, policy, explored.lists, config, report)
            positions = arguments.positions or usual_positions(explored.lists)
            estimate = estimate_policy(explored, scores, positions=positions, form=arguments.form)
            return Named(policy.name, estimate, explored.counts)

        first = estimated(arguments.policy)
        other = None if arguments.against is None else estimated(arguments.against)
    gap = None if other is None else difference(first.of.dr, other.of.dr, first.of.unit)
    _show(console, [first] if other is None else [first, other], gap, asked.label, arguments.form)
    return {
        "ok": True,
        "label": asked.label,
        "form": arguments.form,
        **_as_json(first),
        "against": None if other is None else _as_json(other),
        "difference": None if gap is None else {"value": gap.value, "ci": list(gap.ci)},
        "rankings": first.counts,
    }


def _as_json(named: Named) -> dict[str, Any]:
    found = named.of
    return {
        "policy": named.policy,
        "positions": found.positions,
        "estimates": {name: _figures(getattr(found, name), found) for name, _ in _ROWS},
        "effective_lists": found.dr.effective_lists,
        "largest_weight": found.dr.largest_weight,
        "lists": found.dr.lists,
        "users": found.dr.units,
    }


def _figures(estimate: Estimate, found: PolicyEstimate) -> dict[str, Any]:
    return {
        "per_list": estimate.value,
        "ci": list(estimate.ci),
        "per_item": estimate.value / found.shown,
        "by_position": list(estimate.by_position),
        "bound": None if estimate.bound is None else list(estimate.bound),
    }


def _show(
    console: Console, found: list[Named], gap: Difference | None, label: str, form: str
) -> None:
    for name, of_policy, _ in found:
        positions, best = of_policy.positions, of_policy.dr
        where = "the first position" if positions == 1 else f"the first {positions} positions"
        console.print(
            f"[bold]{name} would bring about {best.value:.3f} `{label}` a list in {where}[/bold] "
            f"(95 %: {best.ci[0]:.3f} to {best.ci[1]:.3f}); the lists as they were served brought "
            f"{of_policy.logged.value:.3f}."
        )
        table = Table(
            box=SIMPLE_HEAD,
            pad_edge=False,
        )
        table.add_column("estimate", no_wrap=True)
        for heading in ("a list", "95 % interval", "an item shown"):
            table.add_column(heading, justify="right", no_wrap=True)
        for key, title in _ROWS:
            estimate: Estimate = getattr(of_policy, key)
            low, high = estimate.ci
            table.add_row(
                title,
                f"{estimate.value:.4f}",
                f"{low:.4f} to {high:.4f}",
                f"{estimate.value / of_policy.shown:.2%}",
                style="bold" if key == "dr" else "",
            )
        console.print(table)
        console.print(
            f"From {of_policy.dr.lists:,} lists of {of_policy.dr.units:,} people; at the position "
            f"with the least support they count as {of_policy.dr.effective_lists:,.0f} that "
            f"{name} would have shown. The largest weight is {of_policy.dr.largest_weight:.1f}."
        )
    if gap is not None:
        console.print(
            f"[bold]{found[0].policy} less {found[1].policy}[/bold]: {gap.value:+.4f} a list "
            f"(95 %: {gap.ci[0]:+.4f} to {gap.ci[1]:+.4f}), doubly robust."
        )
    console.print(f"Assumed: {_ASSUMES[form]}.")
    counts = found[0].counts
    left_out = [f"{counts[name]:,} {what}" for name, what in _LEFT_OUT.items() if counts[name]]
    if left_out:
        console.print(f"Left out: {', '.join(left_out)}.")


def _policy(text: str) -> str:
    if _POLICY.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(
            f"{text!r}; expected bundle:VERSION, model, popular or random"
        )
    return text


def _positions(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number from 1 on")
    return int(text)


def _label(arguments: argparse.Namespace, config: Config) -> str:
    if arguments.label is None:
        return next(iter(config.heads))
    if arguments.label not in config.heads:
        raise ConfigError(
            f"{arguments.config}: there is no label `{arguments.label}`; it names "
            f"{', '.join(config.heads)}"
        )
    label: str = arguments.label
    return label


def _policy_of(name: str, arguments: argparse.Namespace, config: Config, frames: Frames) -> Policy:
    """The policy with this name. Raises BundleError if its bundle does not exist."""
    root = data_path(arguments.config, config)
    current = store.current(root)
    if name.startswith("bundle:"):
        return bundle_policy(store.load(root, name.removeprefix("bundle:")))
    if name == "model":
        if current is None:
            raise BundleError(
                "no bundle is in service; `liverank train` makes one, or name one of "
                "`liverank bundles` as bundle:VERSION"
            )
        return bundle_policy(store.load(root, current))
    if current is not None:
        layout = store.load(root, current).spec.layout
    else:
        layout = derive_spec(look_at(frames, config), config).layout
    return popular_policy(layout) if name == "popular" else random_policy(layout)
