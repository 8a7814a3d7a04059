"""The bundles of a deployment, and which of them is served.

    <root>/bundles/<version>/    bundles, never changed
    <root>/bundles/current.json  versions promoted so far, the one that is served last

Invariant: the pointer changes in one step, and only to a bundle that loads, so a reader always
finds a whole, verified bundle; the one before it stays, to go back to.
"""

import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from liverank.bundle.bundle import Bundle, load_bundle, read_manifest
from liverank.bundle.files import PackedBundle, read_files, write_bundle
from liverank.bundle.manifest import MANIFEST, REPAIR, Manifest
from liverank.durable import sync_directory, write_durably
from liverank.errors import BundleError
from liverank.models.json_array import decode_json

_POINTER = "current.json"
_NEVER_PRUNED = 2
"""The last promotions whose bundles are always kept: the one that is served, and the one before."""


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """A bundle that is kept, whole or broken.

    ``manifest`` is None and ``report`` empty where ``problem`` says why they cannot be read;
    ``service`` is ``"current"``, ``"previous"`` or None.
    """

    version: str
    service: str | None
    manifest: Manifest | None
    report: dict[str, Any]
    problem: str | None


class _Pointer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    promoted: tuple[str, ...] = ()


def add(root: Path, packed: PackedBundle) -> str:
    """Keep a bundle and return its version; the same bundle twice is kept once.

    It is not served until it is promoted. Raises BundleError.
    """
    version = packed.manifest.version
    if not (place_of(root, version) / MANIFEST).exists():
        write_bundle(place_of(root, version), packed)
    return version


def load(root: Path, version: str) -> Bundle:
    """Load a kept bundle. Raises BundleError when it is unknown or broken."""
    place = place_of(root, version)
    if not place.is_dir():
        known = ", ".join(path.name for path in _places(root)) or "none"
        raise BundleError(
            f"{root}: no bundle `{version}`; there are: {known} (`liverank bundles` says more)"
        )
    bundle = load_bundle(place)
    if bundle.version != version:
        raise BundleError(f"{place}: it holds bundle {bundle.version}; {REPAIR}")
    return bundle


def versions(root: Path) -> tuple[Manifest, ...]:
    """Manifests of the kept bundles, the newest first. Raises BundleError for a broken one."""
    manifests = [read_manifest(place) for place in _places(root)]
    return tuple(sorted(manifests, key=lambda manifest: -manifest.created_ms))


def kept(root: Path) -> tuple[StoredBundle, ...]:
    """Every bundle that is kept, the newest first and broken ones last; the files are verified.

    Where the pointer cannot be read, none of them is in service.
    """
    promoted: tuple[str, ...] = ()
    with suppress(BundleError):  # ``current`` says why
        promoted = _promoted(root)
    services = dict(zip(reversed(promoted), ("current", "previous"), strict=False))
    found = [_kept(place, services.get(place.name)) for place in _places(root)]
    return tuple(sorted(found, key=lambda one: -(one.manifest.created_ms if one.manifest else -1)))


def bring_in(root: Path, directory: Path) -> str:
    """Keep a bundle that lies elsewhere, once it has been verified, and return its version.

    A broken one of that version is replaced. Raises BundleError.
    """
    version = load_bundle(directory).version
    place = place_of(root, version)
    if place.resolve() == directory.resolve():
        return version
    with suppress(BundleError):
        load(root, version)
        return version
    manifest = read_manifest(directory)
    packed = PackedBundle(manifest, read_files(directory, manifest, manifest.files))
    if place.exists():
        _remove(place)
    write_bundle(place, packed)
    return version


def promote(root: Path, version: str) -> None:
    """Serve this bundle from now on, once it has been verified.

    A pointer whose content is broken is written anew. Raises BundleError.
    """
    load(root, version)
    promoted = _promoted(root, repairs=True)
    if not promoted or promoted[-1] != version:
        _point(root, (*promoted, version))


def prune(root: Path, keep: int) -> tuple[str, ...]:
    """Remove all bundles but the newest ``keep``, and return their versions.

    What is served, and what was before it, stay in any case. Raises BundleError.
    """
    promoted = _promoted(root)
    stays = {one.version for one in kept(root)[:keep]} | set(promoted[-_NEVER_PRUNED:])
    removed = tuple(place.name for place in _places(root) if place.name not in stays)
    still = tuple(version for version in promoted if version not in removed)
    if still != promoted:
        _point(root, still)
    for version in removed:
        _remove(place_of(root, version))
    return removed


def current(root: Path) -> str | None:
    """The version that is served, or None before the first promotion. Raises BundleError."""
    promoted = _promoted(root)
    return promoted[-1] if promoted else None


def previous(root: Path) -> str | None:
    """The version served before the current one, or None. Raises BundleError."""
    promoted = _promoted(root)
    return promoted[-2] if len(promoted) > 1 else None


def roll_back(root: Path) -> str:
    """Serve the previous bundle again and return its version. Raises BundleError."""
    version = previous(root)
    if version is None:
        raise BundleError(
            f"{root}: no bundle was served before the current one; choose one of "
            "`liverank bundles` for `liverank promote`, or `liverank train` another"
        )
    load(root, version)
    _point(root, _promoted(root)[:-1])
    return version


def place_of(root: Path, version: str) -> Path:
    """Where a bundle lies, or would. Raises BundleError for what is no version."""
    if not version.isalnum() or not version.isascii():
        raise BundleError(f"`{version}` is not a version of a bundle; it is 16 letters and digits")
    return root / "bundles" / version


def _places(root: Path) -> list[Path]:
    return [path.parent for path in sorted((root / "bundles").glob(f"[!.]*/{MANIFEST}"))]


def _kept(place: Path, service: str | None) -> StoredBundle:
    manifest = None
    try:
        manifest = read_manifest(place)
        files = read_files(place, manifest, manifest.files)
        if manifest.version != place.name:
            raise BundleError(f"{place}: it holds bundle {manifest.version}; {REPAIR}")
        report = decode_json(files["report.json"], dict[str, Any], where="report.json")
    except BundleError as error:
        return StoredBundle(place.name, service, manifest, {}, str(error))
    return StoredBundle(place.name, service, manifest, report, None)


def _remove(place: Path) -> None:
    """Take a bundle away in one step, then its files. Raises BundleError."""
    gone = place.with_name(f".removed-{secrets.token_hex(4)}")
    try:
        place.rename(gone)
        sync_directory(place.parent)
    except OSError as error:
        raise BundleError(
            f"{place}: cannot be removed: {error}; check that the folder can be written"
        ) from None
    shutil.rmtree(gone, ignore_errors=True)


def _promoted(root: Path, *, repairs: bool = False) -> tuple[str, ...]:
    """What was promoted so far; nothing where the pointer is broken and the caller repairs it."""
    path = root / "bundles" / _POINTER
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Pointer).promoted
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be opened: {error}; check that it can be read by who runs this"
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        if repairs:
            return ()
        raise BundleError(
            f"{path}: cannot be read: {error}; restore it from a copy, or choose one of "
            "`liverank bundles` for `liverank promote`, which writes it anew"
        ) from None


def _point(root: Path, promoted: tuple[str, ...]) -> None:
    path = root / "bundles" / _POINTER
    try:
        write_durably(path, msgspec.json.encode(_Pointer(promoted)))
    except OSError as error:
        raise BundleError(
            f"{path}: cannot be written: {error}; what is served stays as it was"
        ) from None
