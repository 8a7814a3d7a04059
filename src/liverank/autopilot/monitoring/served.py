"""Compares what was served with a replay of the whole log, for all bundles that ranked.

Invariant: each ranking with vectors is either compared or counted as skipped, with the reason.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from liverank.bundle import store
from liverank.bundle.manifest import is_version
from liverank.config import Config
from liverank.dataset.replay import REPLAY_COLUMNS
from liverank.dataset.served import (
    MAX_SHOWN,
    VECTOR_COLUMNS,
    Checked,
    Logged,
    check_served,
    rankings_with_vectors,
)
from liverank.errors import BundleError, DatasetError
from liverank.events.log import Log
from liverank.features.spec import FeatureSpec
from liverank.quantities import duration_ms

NO_BUNDLE = "no bundle ranked them: `model` names a fallback or a policy, or is missing"


class ServedCheck(msgspec.Struct, frozen=True):
    """A check of served rankings, in one replay for each layout of their bundles."""

    logged: int
    """Rankings with vectors that can be compared."""
    skipped: dict[str, int]
    """Rankings that cannot be compared, by reason."""
    checked: Checked
    events: int
    """Events that were folded, in all replays."""


def check_log(
    log: Log,
    config: Config,
    root: Path,
    *,
    since_ms: int = 0,
    sample: int | None = None,
    on_progress: Callable[[float], None] = lambda _share: None,
) -> ServedCheck:
    """Compare the vectors of rankings since a time (Unix ms) with replayed features.

    ``root`` is the directory of the log and the bundles. Of more than ``sample`` rankings, a fixed
    sample is compared. ``on_progress`` is called with the share of the work that is done. It folds
    the whole log. Raises DatasetError if events were removed meanwhile, LogError and its kinds.
    """
    generation = log.generation()
    logged = rankings_with_vectors(
        log.read(columns=VECTOR_COLUMNS), generation=generation, since_ms=since_ms, most=sample
    )
    specs, skipped = _specs_of(logged, root)
    layouts = _by_layout(specs)
    in_all = max(log.stats().rows * len(layouts), 1)
    events = 0

    def count(folded: int) -> None:
        nonlocal events
        events += folded
        on_progress(events / in_all)

    checks = [
        check_served(
            log.read(columns=REPLAY_COLUMNS),
            logged.rankings,
            specs_of_layout,
            max_future_ms=duration_ms(config.features.max_future),
            on_progress=count,
        )
        for specs_of_layout in layouts
    ]
    if log.generation() != generation:
        raise DatasetError(
            "events were removed from the log while it was checked (a user was erased, or old ones "
            "expired), so the result does not count; check again"
        )
    return ServedCheck(len(logged.rankings), logged.incomparable | skipped, _sum(checks), events)


def _sum(checks: list[Checked]) -> Checked:
    return Checked(
        rankings=sum(one.rankings for one in checks),
        rows=sum(one.rows for one in checks),
        mismatches=sum(one.mismatches for one in checks),
        differences=[one for check in checks for one in check.differences][:MAX_SHOWN],
    )


def _specs_of(logged: Logged, root: Path) -> tuple[dict[str, FeatureSpec], dict[str, int]]:
    """The specs of the rankings' bundles, and the number of rankings to skip by reason."""
    specs: dict[str, FeatureSpec] = {}
    skipped: Counter[str] = Counter()
    groups = logged.rankings.group_by("model", "width", maintain_order=True).len()
    for model, width, count in groups.iter_rows():
        if model is None or not is_version(model):
            skipped[NO_BUNDLE] += count
            continue
        try:
            spec = store.load(root, model).spec
        except BundleError as error:
            skipped[str(error)] += count
            continue
        if width == len(spec.names):
            specs[model] = spec
        else:
            skipped[f"vectors of {width} features; bundle {model} reads {len(spec.names)}"] += count
    return specs, dict(skipped)


def _by_layout(specs: dict[str, FeatureSpec]) -> list[dict[str, FeatureSpec]]:
    """The specs grouped by layout; one replay serves each group."""
    groups: list[dict[str, FeatureSpec]] = []
    for model, spec in specs.items():
        for group in groups:
            if next(iter(group.values())).layout == spec.layout:
                group[model] = spec
                break
        else:
            groups.append({model: spec})
    return groups
