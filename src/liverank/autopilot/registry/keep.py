"""Which bundles are kept, and which are removed.

Kept are the newest, what serves or may be gone back to, what is on trial, what an experiment names,
and what served in the last KEEP_DAYS days. Invariant: the rule is a function of autopilot's events
and of the store alone, and a bundle that may have to serve is never removed.
"""

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from liverank.bundle import store
from liverank.bundle.store import StoredBundle
from liverank.config import Config
from liverank.errors import BundleError
from liverank.events.event import AutopilotStep
from liverank.experiments.release import release_of

KEEP_DAYS = 30
"""Days for which a bundle that served is kept, so that people's lists can be explained."""
_DAY_MS = 86_400_000
_SERVES = ("released", "returned", "withdrawn")
"""Actions whose bundle served, or serves from then on."""
_ENDS_WAITING = ("shadow_started", "canary_started", "released", "dropped", "refused")
_NAMED = re.compile(r"bundle:([0-9A-Za-z]+)")


def versions_to_keep(
    steps: Iterable[AutopilotStep],
    stored: Collection[StoredBundle],
    *,
    keep: int,
    at_ms: float,
    named: Collection[str] = (),
) -> frozenset[str]:
    """The versions that must stay after these steps of autopilot, which are in seq order.

    ``stored`` are the bundles of the store, the newest first, of which ``keep`` stay whatever they
    are; ``at_ms`` is now (Unix ms); ``named`` are versions that something else refers to. Versions
    that are not stored may be among the result.

    >>> from liverank.events.autopilot_steps import step_of
    >>> released = step_of("released", at_ms=0, reason="", model="a")
    >>> sorted(versions_to_keep([released], [], keep=2, at_ms=5, named=["b"]))
    ['a', 'b']
    """
    steps = list(steps)
    found = {one.version for one in list(stored)[: max(keep, 0)]}
    found |= {one.version for one in stored if one.service is not None} | set(named)
    found |= _served(steps, since_ms=at_ms - KEEP_DAYS * _DAY_MS)
    release = release_of(steps)
    if release is not None:
        found |= {release.version, *([] if release.champion is None else [release.champion])}
    return frozenset(found | _waiting(steps))


def prune_bundles(
    root: Path,
    steps: Iterable[AutopilotStep],
    keep: int,
    *,
    at_ms: float,
    named: Collection[str] = (),
) -> tuple[str, ...]:
    """Remove the bundles that need not be kept, and return their versions.

    Arguments as for ``versions_to_keep``. A bundle that is added meanwhile stays. Raises
    BundleError.
    """
    if keep < 0:
        raise BundleError(f"`keep` is {keep}; expected 0 or more")
    stored = store.kept(root)
    kept = versions_to_keep(steps, stored, keep=keep, at_ms=at_ms, named=named)
    return store.remove(root, [one.version for one in stored if one.version not in kept])


def versions_of_experiments(config: Config) -> frozenset[str]:
    """The versions that variants of the config's experiments rank by."""
    ranks = [
        variant.rank
        for experiment in config.experiments.values()
        for variant in experiment.variants.values()
    ]
    return frozenset(version for rank in ranks if rank for version in _NAMED.findall(rank))


def _served(steps: Iterable[AutopilotStep], *, since_ms: float) -> set[str]:
    """The versions that served since a time, as far as these steps say."""
    before: str | None = None
    found: set[str] = set()
    for step in steps:
        if step.action not in _SERVES or step.model is None:
            continue
        if step.at_ms >= since_ms:
            found.add(step.model)
        else:
            before = step.model
    return found if before is None else found | {before}


def _waiting(steps: Iterable[AutopilotStep]) -> set[str]:
    """The version that was accepted, and whose trial did not begin yet."""
    waiting: set[str] = set()
    for step in steps:
        if step.action == "accepted" and step.model is not None:
            waiting = {step.model}
        elif step.action in _ENDS_WAITING:
            waiting = set()
    return waiting
