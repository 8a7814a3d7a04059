"""The bundles of a deployment, and which of them is served.

    <root>/bundles/<version>/    bundles, never changed
    <root>/bundles/current.json  versions promoted so far, the one that is served last

Invariant: the pointer changes in one step, and only to a bundle that loads, so a reader always
finds a whole, verified bundle; the one before it stays, to go back to.
"""

from pathlib import Path

import msgspec

from liverank.bundle.bundle import Bundle, load_bundle, read_manifest
from liverank.bundle.files import PackedBundle, write_bundle
from liverank.bundle.manifest import MANIFEST, REPAIR, Manifest
from liverank.durable import write_durably
from liverank.errors import BundleError

_POINTER = "current.json"


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
        known = ", ".join(manifest.version for manifest in versions(root)) or "none"
        raise BundleError(f"{root}: no bundle `{version}`; there are: {known}")
    bundle = load_bundle(place)
    if bundle.version != version:
        raise BundleError(f"{place}: it holds bundle {bundle.version}; {REPAIR}")
    return bundle


def versions(root: Path) -> tuple[Manifest, ...]:
    """Manifests of the kept bundles, the newest first. Raises BundleError for a broken one."""
    places = sorted((root / "bundles").glob(f"[!.]*/{MANIFEST}"))
    manifests = [read_manifest(place.parent) for place in places]
    return tuple(sorted(manifests, key=lambda manifest: -manifest.created_ms))


def promote(root: Path, version: str) -> None:
    """Serve this bundle from now on, once it has been verified. Raises BundleError."""
    load(root, version)
    promoted = _promoted(root)
    if not promoted or promoted[-1] != version:
        _point(root, (*promoted, version))


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
        raise BundleError(f"{root}: no bundle was served before the current one; train another")
    load(root, version)
    _point(root, _promoted(root)[:-1])
    return version


def place_of(root: Path, version: str) -> Path:
    """Where a bundle lies, or would. Raises BundleError for what is no version."""
    if not version.isalnum() or not version.isascii():
        raise BundleError(f"`{version}` is not a version of a bundle; it is 16 letters and digits")
    return root / "bundles" / version


def _promoted(root: Path) -> tuple[str, ...]:
    path = root / "bundles" / _POINTER
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Pointer).promoted
    except FileNotFoundError:
        return ()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BundleError(
            f"{path}: cannot be read: {error}; delete it and promote a bundle again"
        ) from None


def _point(root: Path, promoted: tuple[str, ...]) -> None:
    path = root / "bundles" / _POINTER
    try:
        write_durably(path, msgspec.json.encode(_Pointer(promoted)))
    except OSError as error:
        raise BundleError(f"{path}: cannot be written: {error}; nothing was promoted") from None
