"""Stores, promotes and rolls back bundles: a new model must beat popularity.

Invariant: a model that does not rank better than popularity is stored only if the caller forces it,
and a bundle that does not load is never put into service.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from liverank.bundle import store
from liverank.bundle.bundle import pack_bundle
from liverank.bundle.lineage import Lineage
from liverank.errors import BundleError

if TYPE_CHECKING:  # training takes seconds to import, and rolling back does not need it
    from liverank.autopilot.training import TrainingRun

_ADVICE = (
    "what was served goes on. Train again when there is more to learn from, or give --force to "
    "write it anyway"
)


@dataclass(frozen=True, slots=True)
class PromotionPolicy:
    """Options for storing and promoting a trained model.

    ``force``    store it even if it does not rank better than popularity
    ``promote``  put it into service once it is stored
    """

    force: bool = False
    promote: bool = True


@dataclass(frozen=True, slots=True)
class Promotion:
    """The outcome of storing and promoting a trained model.

    ``version``   of the stored bundle; None where the model was refused
    ``promoted``  whether the bundle is in service
    ``forced``    whether it is stored although it does not rank better than popularity
    ``refusal``   why no bundle was stored; None where one was
    """

    version: str | None
    promoted: bool = False
    forced: bool = False
    refusal: str | None = None


class ServiceChange(NamedTuple):
    """The version in service, and the one before; None for none, or one that is unknown."""

    version: str | None
    before: str | None


def store_if_better(
    run: "TrainingRun",
    root: Path,
    policy: PromotionPolicy,
    *,
    created_ms: int,
    lineage: Lineage | None = None,
) -> Promotion:
    """Store the model as a bundle below ``root`` if it beats popularity, and put it into service.

    ``created_ms`` (Unix ms) is the bundle's time of creation, and ``lineage`` says what it comes
    from. Raises BundleError.
    """
    against = run.report.against
    assert against is not None
    if not against.beats and not policy.force:
        return Promotion(None, refusal=f"no bundle was written: {against.reason}; {_ADVICE}")
    packed = pack_bundle(
        spec=run.spec,
        heads=run.heads,
        report=run.report,
        golden=run.golden,
        page=run.page,
        created_ms=created_ms,
        lineage=lineage,
    )
    version = store.add(root, packed)
    if policy.promote:
        store.promote(root, version)
    return Promotion(version, promoted=policy.promote, forced=not against.beats)


def put_into_service(root: Path, named: str) -> ServiceChange:
    """Verify a bundle and serve it from now on. Raises BundleError, and changes nothing then.

    ``named`` is a version, or the directory of a bundle, which is copied into the store first.
    """
    before = version_in_service(root)
    version = _stored_version(root, named)
    store.promote(root, version)
    return ServiceChange(version, before)


def roll_back(root: Path) -> ServiceChange:
    """Serve the bundle before the current one again, or the one that was withdrawn.

    Raises BundleError, and changes nothing then.
    """
    before = store.current(root)
    return ServiceChange(store.roll_back(root), before)


def withdraw(root: Path, reason: str) -> ServiceChange:
    """Serve no bundle from now on, so that popularity ranks. Raises BundleError."""
    return ServiceChange(None, store.withdraw(root, reason))


def _stored_version(root: Path, named: str) -> str:
    """The named version, or that of the bundle in a named directory, which is stored first."""
    directory = Path(named)
    is_version = named.isalnum() and named.isascii()
    if directory.is_dir() and not (is_version and store.directory_of(root, named).is_dir()):
        return store.bring_in(root, directory)
    if not is_version:
        raise BundleError(
            f"{named}: no such directory; name a version of `liverank bundles`, or a directory"
        )
    return named


def version_in_service(root: Path) -> str | None:
    """The version in service; None where the pointer is broken, as promoting may repair it."""
    try:
        return store.current(root)
    except BundleError:
        return None
