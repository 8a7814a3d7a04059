"""The bundles of a deployment, and which of them is served.

    <root>/bundles/<version>/    a bundle, which never changes
    <root>/bundles/current.json  the versions promoted so far; the last one is served

Invariant: the pointer changes in one step, and only to a bundle that loads (or to none, by
``withdraw``), so a reader always finds a whole, verified bundle. The bundle served before it is
kept for a rollback.
"""

import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liverank.bundle.bundle import Bundle, load_bundle, read_manifest
from liverank.bundle.files import PackedBundle, read_files, write_bundle
from liverank.bundle.manifest import MANIFEST, REPAIR, Manifest
from liverank.bundle.pointer import Pointer, read_pointer, write_pointer
from liverank.durable import sync_directory
from liverank.errors import BundleError
from liverank.models.json_array import decode_json

_NEVER_REMOVED = 2
"""Number of latest promotions whose bundles are always kept: the served one and the previous."""


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """A bundle of the store, whole or broken.

    ``manifest`` is None and ``report`` empty where they cannot be read, and ``problem`` is the
    reason; ``service`` is ``"current"``, ``"previous"`` or None.
    """

    version: str
    service: str | None
    manifest: Manifest | None
    report: dict[str, Any]
    problem: str | None


def add(root: Path, packed: PackedBundle) -> str:
    """Add a bundle to the store and return its version; the same bundle twice is stored once.

    It is not served until it is promoted. Raises BundleError.
    """
    version = packed.manifest.version
    if not (directory_of(root, version) / MANIFEST).exists():
        write_bundle(directory_of(root, version), packed)
    return version


def load(root: Path, version: str) -> Bundle:
    """Load a stored bundle. Raises BundleError when it is unknown or broken."""
    directory = directory_of(root, version)
    if not directory.is_dir():
        known = ", ".join(path.name for path in _directories(root)) or "none"
        raise BundleError(
            f"{root}: no bundle `{version}`; there are: {known} (`liverank bundles` shows more)"
        )
    bundle = load_bundle(directory)
    if bundle.version != version:
        raise BundleError(f"{directory}: it holds bundle {bundle.version}; {REPAIR}")
    return bundle


def versions(root: Path) -> tuple[Manifest, ...]:
    """Manifests of the stored bundles, the newest first. Raises BundleError for a broken one."""
    manifests = [read_manifest(directory) for directory in _directories(root)]
    return tuple(sorted(manifests, key=lambda manifest: -manifest.created_ms))


def kept(root: Path) -> tuple[StoredBundle, ...]:
    """Every stored bundle, the newest first and broken ones last; their files are verified.

    Where the pointer file cannot be read, none of them is marked as served.
    """
    pointer = Pointer()
    with suppress(BundleError):  # ``current`` raises it
        pointer = read_pointer(root)
    services: dict[str | None, str] = {pointer.previous: "previous", pointer.current: "current"}
    bundles = [_kept(directory, services.get(directory.name)) for directory in _directories(root)]
    return tuple(
        sorted(bundles, key=lambda one: -(one.manifest.created_ms if one.manifest else -1))
    )


def bring_in(root: Path, directory: Path) -> str:
    """Verify a bundle of another directory, copy it into the store, and return its version.

    A broken bundle of that version is replaced. Raises BundleError.
    """
    version = load_bundle(directory).version
    stored = directory_of(root, version)
    if stored.resolve() == directory.resolve():
        return version
    with suppress(BundleError):
        load(root, version)
        return version
    manifest = read_manifest(directory)
    packed = PackedBundle(manifest, read_files(directory, manifest, manifest.files))
    if stored.exists():
        _remove(stored)
    write_bundle(stored, packed)
    return version


def promote(root: Path, version: str) -> None:
    """Verify this bundle and serve it from now on.

    A pointer file whose content is broken is replaced. Raises BundleError.
    """
    load(root, version)
    pointer = read_pointer(root, repairs=True)
    if pointer.current != version:
        before = pointer.promoted
        is_last = bool(before) and before[-1] == version  # it was withdrawn
        write_pointer(root, Pointer(before if is_last else (*before, version)))


def remove(root: Path, versions: Iterable[str]) -> tuple[str, ...]:
    """Remove these bundles, and return the removed versions, in order.

    The served bundle and the one before it are never removed. Raises BundleError.
    """
    pointer = read_pointer(root)
    promoted = pointer.promoted
    stored = {directory.name for directory in _directories(root)}
    removed = tuple(sorted((stored & set(versions)) - set(promoted[-_NEVER_REMOVED:])))
    remaining = tuple(version for version in promoted if version not in removed)
    if remaining != promoted:
        write_pointer(root, Pointer(remaining, pointer.withdrawn))
    for version in removed:
        _remove(directory_of(root, version))
    return removed


def current(root: Path) -> str | None:
    """The version that is served; None before the first promotion, or if it was withdrawn.

    Raises BundleError.
    """
    return read_pointer(root).current


def previous(root: Path) -> str | None:
    """The version that ``roll_back`` serves, or None. Raises BundleError."""
    return read_pointer(root).previous


def withdrawn(root: Path) -> str | None:
    """Why the bundle that was promoted last does not serve; None if it does. Raises BundleError."""
    return read_pointer(root).withdrawn


def roll_back(root: Path) -> str:
    """Serve the previous bundle again and return its version. Raises BundleError.

    After ``withdraw``, that is the bundle that was withdrawn: a rollback undoes the last change.
    """
    pointer = read_pointer(root)
    version = pointer.previous
    if version is None:
        raise BundleError(
            f"{root}: no bundle was served before the current one; choose one of "
            "`liverank bundles` for `liverank promote`, or `liverank train` another"
        )
    load(root, version)
    was_withdrawn = pointer.withdrawn is not None
    write_pointer(root, Pointer(pointer.promoted if was_withdrawn else pointer.promoted[:-1]))
    return version


def withdraw(root: Path, reason: str) -> str:
    """Serve no bundle from now on, so that popularity ranks; returns the withdrawn version.

    ``promote`` and ``roll_back`` undo it. Where a bundle is withdrawn already, the reason is
    replaced. Raises BundleError where none was promoted.
    """
    pointer = read_pointer(root)
    if not pointer.promoted:
        raise BundleError(
            f"{root}: no bundle was promoted, so rankings are by popularity already; nothing to do"
        )
    write_pointer(root, Pointer(pointer.promoted, reason))
    return pointer.promoted[-1]


def directory_of(root: Path, version: str) -> Path:
    """The directory of a bundle, whether it exists or not. Raises BundleError for a bad version."""
    if not version.isalnum() or not version.isascii():
        raise BundleError(f"`{version}` is not a version of a bundle; it is 16 letters and digits")
    return root / "bundles" / version


def _directories(root: Path) -> list[Path]:
    return [path.parent for path in sorted((root / "bundles").glob(f"[!.]*/{MANIFEST}"))]


def _kept(directory: Path, service: str | None) -> StoredBundle:
    manifest = None
    try:
        manifest = read_manifest(directory)
        files = read_files(directory, manifest, manifest.files)
        if manifest.version != directory.name:
            raise BundleError(f"{directory}: it holds bundle {manifest.version}; {REPAIR}")
        report = decode_json(files["report.json"], dict[str, Any], where="report.json")
    except BundleError as error:
        return StoredBundle(directory.name, service, manifest, {}, str(error))
    return StoredBundle(directory.name, service, manifest, report, None)


def _remove(directory: Path) -> None:
    """Rename a bundle out of the store in one step, then delete its files. Raises BundleError."""
    removed = directory.with_name(f".removed-{secrets.token_hex(4)}")
    try:
        directory.rename(removed)
        sync_directory(directory.parent)
    except OSError as error:
        raise BundleError(
            f"{directory}: cannot be removed: {error}; check that the folder can be written"
        ) from None
    shutil.rmtree(removed, ignore_errors=True)
