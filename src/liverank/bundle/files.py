"""The files of a bundle: all of them are written or none, and a changed file is refused.

Invariant: nothing is pickled, and a file that differs by a byte from what was written is not read.
"""

import io
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.bundle.manifest import MANIFEST, REPAIR, Manifest, encode_manifest, sha256
from liverank.durable import sync_directory, write_durably
from liverank.errors import BundleError


@dataclass(frozen=True)
class PackedBundle:
    """A bundle as bytes, before it is written to a directory."""

    manifest: Manifest
    files: dict[str, bytes]


def write_bundle(directory: Path, packed: PackedBundle) -> None:
    """Write all files of a bundle, or none. Raises BundleError when it cannot.

    The files are written to a draft directory, which is renamed once they are on disk.
    """
    if directory.exists():
        raise BundleError(
            f"{directory}: exists already; a bundle is never changed, so choose another directory"
        )
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=directory.parent))
        try:
            for name, content in packed.files.items():
                write_durably(draft / name, content)
            write_durably(draft / MANIFEST, encode_manifest(packed.manifest))
            draft.chmod(0o755)
            draft.rename(directory)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        sync_directory(directory.parent)
    except OSError as error:
        raise BundleError(
            f"{directory}: cannot be written: {error}; free some space or choose another directory"
        ) from None


def read_files(directory: Path, manifest: Manifest, names: Iterable[str]) -> dict[str, bytes]:
    """Read some files of a bundle. Raises BundleError for one that is missing or changed."""
    files = {name: read_file(directory / name) for name in names}
    for name, content in files.items():
        if sha256(content) != manifest.files[name]:
            raise BundleError(f"{directory / name}: changed since it was written; {REPAIR}")
    return files


def encode_arrays(arrays: dict[str, NDArray[Any]], *, compressed: bool = False) -> bytes:
    """Encode arrays as NumPy's npz, in the order of their names."""
    buffer = io.BytesIO()
    save = np.savez_compressed if compressed else np.savez
    save(buffer, allow_pickle=False, **{name: arrays[name] for name in sorted(arrays)})
    return buffer.getvalue()


def decode_arrays(content: bytes, name: str) -> dict[str, NDArray[Any]]:
    """The opposite of ``encode_arrays``. Raises BundleError, which names the file."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            decoded = {key: arrays[key] for key in arrays.files}
    except (ValueError, OSError, EOFError, KeyError, TypeError) as error:
        raise BundleError(f"{name}: not a set of arrays: {error}") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise BundleError(f"{name}: not a set of arrays: {error}") from None
    if not all(isinstance(array, np.ndarray) for array in decoded.values()):
        raise BundleError(f"{name}: it holds something other than arrays")
    return decoded


def read_file(path: Path) -> bytes:
    """Read a file of a bundle without a check of its hash. Raises BundleError if it cannot."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}; {REPAIR}") from None
