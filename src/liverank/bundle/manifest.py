"""The manifest of a bundle: its files and the hash of each.

Invariant: a manifest has exactly one form in bytes, and its version is a hash of its whole content,
so a change of any byte of any file of a bundle is detected.
"""

import hashlib

import msgspec
from msgspec.structs import replace

from liverank.errors import BundleError
from liverank.models.json_array import decode_json, encode_json

FORMAT = 5
"""Current format; it increases when an older liverank cannot read new bundles, or this one cannot
read old ones."""
_READABLE = range(3, FORMAT + 1)
"""Formats that can be read; a ranking bundle of format 3 has no report.html, one of format 4 no
lineage.json."""
MANIFEST = "bundle.json"
FILES = ("spec.json", "model.npz", "golden.npz", "report.json")
"""The files of every ranking bundle, besides its manifest."""
PAGE = "report.html"
"""The report as a page, which a ranking bundle may have from format 4 on."""
LINEAGE = "lineage.json"
"""What the models come from, which a ranking bundle may have from format 5 on."""
TABLE_FILES = ("model.npz", "golden.json", "report.json")
"""The files that every bundle of a table has; it may have more."""

_VERSION_DIGITS = 16


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of bundle.json."""

    format: int
    version: str
    """The bundle's name: a hash of all other fields, and so of every file."""
    created_ms: int
    label: str
    features: tuple[str, ...]
    files: dict[str, str]
    """SHA-256 of each file, in hexadecimal."""


def make_manifest(
    files: dict[str, bytes], *, features: tuple[str, ...], label: str, created_ms: int
) -> Manifest:
    """Make the manifest of these files.

    >>> manifest = make_manifest({"spec.json": b"{}"}, features=(), label="join", created_ms=0)
    >>> manifest.files["spec.json"][:12]
    '44136fa355b3'
    """
    manifest = Manifest(
        format=FORMAT,
        version="",
        created_ms=created_ms,
        label=label,
        features=features,
        files={name: sha256(content) for name, content in sorted(files.items())},
    )
    return replace(manifest, version=_version_of(manifest))


def encode_manifest(manifest: Manifest) -> bytes:
    """The one form of a manifest in bytes: indented JSON."""
    return encode_json(manifest, indent=2) + b"\n"


def decode_manifest(content: bytes, *, where: str, of_table: bool = False) -> Manifest:
    """Read a manifest. Raises BundleError unless every byte is as it was written.

    A bundle of a table may have more than the required files; a ranking bundle only its page and
    its lineage.
    """
    try:
        manifest = decode_json(content, Manifest, where=f"{where}: not a manifest of a bundle")
    except BundleError as error:
        raise BundleError(f"{error}; {REPAIR}") from None
    if manifest.format not in _READABLE:
        raise BundleError(
            f"{where}: format {manifest.format}, and this liverank reads formats "
            f"{_READABLE[0]} to {FORMAT}; train again, or use the liverank that wrote it"
        )
    if encode_manifest(manifest) != content or _version_of(manifest) != manifest.version:
        raise BundleError(f"{where}: changed since it was written; {REPAIR}")
    listed = set(manifest.files)
    needed = set(TABLE_FILES if of_table else FILES)
    optional = listed if of_table else {PAGE, LINEAGE}
    if not needed <= listed <= needed | optional:
        what = "a bundle of a table has" if of_table else "a bundle has"
        raise BundleError(f"{where}: it lists {sorted(listed)}; {what} {sorted(needed)}; {REPAIR}")
    if any("/" in name or "\\" in name or name == MANIFEST for name in listed):
        raise BundleError(
            f"{where}: it lists {sorted(listed)}, not all of which are names of files next to it"
        )
    return manifest


REPAIR = "restore it from a copy, go back with `liverank rollback`, or train again"
"""Advice in an error about a broken bundle."""


def sha256(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def is_version(text: str) -> bool:
    """Whether a text is the version of a bundle, and not the name of a fallback or a policy.

    >>> is_version("0123456789abcdef"), is_version("popular")
    (True, False)
    """
    return len(text) == _VERSION_DIGITS and set(text) <= set("0123456789abcdef")


def _version_of(manifest: Manifest) -> str:
    unnamed = replace(manifest, version="")
    return sha256(encode_manifest(unnamed))[:_VERSION_DIGITS]
