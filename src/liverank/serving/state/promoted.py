"""Chooses the next fallback level when the pointer to the promoted bundle changes.

Invariant: a bundle that did not load is tried again, since it may have been restored.
"""

from pathlib import Path

from liverank.bundle import store
from liverank.bundle.pointer import Pointer, read_pointer
from liverank.errors import BundleError
from liverank.features.layout.layout import Layout
from liverank.serving.ranking.fallback import FallbackLevel, choose_level
from liverank.serving.server_log.events import write_event


def promoted_now(root: Path, level: FallbackLevel) -> Pointer:
    """What was promoted or withdrawn last; ``level`` is the present level.

    Raises BundleError, also when the pointer has vanished: no command removes it, so its absence
    does not mean that no bundle should be served.
    """
    pointer = read_pointer(root)
    is_empty = pointer.current is None and pointer.withdrawn is None
    if is_empty and (level.promoted or level.withdrawn is not None):
        last = level.promoted or "that was withdrawn"
        raise BundleError(
            f"{root}: bundle {last} was promoted, but the pointer "
            "bundles/current.json is gone; restore it from a copy, or choose one of "
            "`liverank bundles` for `liverank promote`, which writes a new one"
        )
    return pointer


def is_outdated(root: Path, level: FallbackLevel) -> bool:
    """Whether ``level`` is not of what was promoted or withdrawn last, or this is unknown."""
    try:
        return _differs(promoted_now(root, level), level)
    except BundleError:
        return True


def next_level(root: Path, pointer: Pointer, level: FallbackLevel) -> FallbackLevel | None:
    """The fallback level that should rank from now on; None if that is ``level``."""
    if _differs(pointer, level):
        return choose_level(root)
    promoted = pointer.current
    if promoted is None or level.fallback is None:
        return None
    try:
        bundle = store.load(root, promoted)
    except BundleError:
        return None  # the reason was reported before
    return FallbackLevel(bundle, None, None, promoted, store.directory_of(root, promoted))


def _differs(pointer: Pointer, level: FallbackLevel) -> bool:
    return (pointer.current, pointer.withdrawn) != (level.promoted, level.withdrawn)


def layout_of(root: Path, version: str) -> Layout | None:
    """The layout that a bundle needs; None if it does not load, for which workers say why."""
    try:
        return store.load(root, version).spec.layout
    except BundleError:
        return None


def write_swap(before: FallbackLevel, now: FallbackLevel) -> None:
    """Log that another bundle ranks from now on, or why the promoted one does not."""
    old, new = (None if level.bundle is None else level.bundle.version for level in (before, now))
    if now.fallback is not None and now.promoted is not None:
        write_event("bundle_refused", f"{now.reason}; rankings are by {new or now.fallback}")
    if old != new:
        what = f"bundle {new} serves now" if new is not None else "no bundle serves now"
        if now.withdrawn is not None:
            what = f"{what}, because {now.reason}"
        write_event("bundle_served", f"{what}; before it: {old or 'none'}", bundle=new, before=old)
