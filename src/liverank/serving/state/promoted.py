"""Which bundle is to rank from now on, by the pointer to the bundles and what ranks already.

Invariant: a bundle that did not load is tried again, since it may have been restored.
"""

from pathlib import Path

from liverank.bundle import store
from liverank.errors import BundleError
from liverank.serving.ranking.fallback import FallbackLevel, choose_rung
from liverank.serving.server_log.events import write_event


def promoted_version(root: Path, rung: FallbackLevel) -> str | None:
    """The version that was promoted last, or None before the first, while ``rung`` ranks.

    Raises BundleError. No command takes a bundle out of service without another, so a pointer that
    is gone says nothing.
    """
    promoted = store.current(root)
    if promoted is None and rung.promoted:
        raise BundleError(
            f"{root}: bundle {rung.promoted} was promoted, but the pointer "
            "bundles/current.json is gone; restore it from a copy, or choose one of "
            "`liverank bundles` for `liverank promote`, which writes it anew"
        )
    return promoted


def is_outdated(root: Path, rung: FallbackLevel) -> bool:
    """Whether another bundle was promoted than ``rung`` is of, or that cannot be told."""
    try:
        return promoted_version(root, rung) != rung.promoted
    except BundleError:
        return True


def next_rung(root: Path, promoted: str | None, rung: FallbackLevel) -> FallbackLevel | None:
    """What is to rank from now on, or None where that is ``rung``, which ranks already."""
    if promoted != rung.promoted:
        return choose_rung(root)
    if promoted is None or rung.fallback is None:
        return None
    try:
        bundle = store.load(root, promoted)
    except BundleError:
        return None  # it was told why
    return FallbackLevel(bundle, None, None, promoted, store.place_of(root, promoted))


def write_swap(before: FallbackLevel, now: FallbackLevel) -> None:
    """Write that another bundle ranks from now on, or why the promoted one does not."""
    old, new = (None if rung.bundle is None else rung.bundle.version for rung in (before, now))
    if now.fallback is not None and now.promoted is not None:
        write_event("bundle_refused", f"{now.reason}; rankings are by {new or now.fallback}")
    if old != new:
        what = f"bundle {new} serves now" if new is not None else "no bundle serves now"
        write_event("bundle_served", f"{what}; before it: {old or 'none'}", bundle=new, before=old)
