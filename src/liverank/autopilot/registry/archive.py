"""A bundle as one file: a plain tar of its directory, for other machines.

Invariant: the same bundle gives the same bytes; and what a file brings in is a whole, verified
bundle, whatever the file holds: nothing is written outside the store, and nothing of a broken one.
"""

import io
import shutil
import tarfile
from pathlib import Path
from tempfile import mkdtemp

from liverank.bundle import store
from liverank.bundle.files import PackedBundle, read_file, write_bundle
from liverank.bundle.manifest import MANIFEST, decode_manifest, is_version
from liverank.durable import write_durably
from liverank.errors import BundleError

MOST_BYTES = 1 << 30
"""Largest file that is brought in; bundles have a few megabytes."""
_MOST_FILES = 64
_CURE = "export it again with `liverank bundles export`"


def export_bundle(root: Path, version: str, file: Path) -> int:
    """Verify a stored bundle, write it as a tar file, and return the file's size in bytes.

    An existing file is replaced, in one step. Raises BundleError.
    """
    manifest = store.load(root, version).manifest
    directory = store.directory_of(root, version)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted([MANIFEST, *manifest.files]):
            data = read_file(directory / name)
            member = tarfile.TarInfo(f"{version}/{name}")
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
    try:
        write_durably(file, content.getvalue())
    except OSError as error:
        raise BundleError(
            f"{file}: cannot be written: {error.strerror}; choose another file, or free some space"
        ) from None
    return len(content.getvalue())


def import_bundle(root: Path, file: Path) -> str:
    """Verify the bundle of a tar file, add it to the store, and return its version.

    It is not promoted. A broken bundle of that version is replaced. Raises BundleError.
    """
    version, files = _read(file)
    manifest = decode_manifest(files.pop(MANIFEST), where=f"{file}: {version}/{MANIFEST}")
    if manifest.version != version or set(files) != set(manifest.files):
        raise BundleError(
            f"{file}: it holds {version} with {', '.join(sorted(files))}; its manifest is of "
            f"{manifest.version} with {', '.join(sorted(manifest.files))}; {_CURE}"
        )
    try:
        (root / "bundles").mkdir(parents=True, exist_ok=True)
        draft = Path(mkdtemp(prefix=".import-", dir=root / "bundles"))
    except OSError as error:
        raise BundleError(f"{root}: cannot be written: {error}; free some space") from None
    try:
        write_bundle(draft / version, PackedBundle(manifest, files))
        return store.bring_in(root, draft / version)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _read(file: Path) -> tuple[str, dict[str, bytes]]:
    """The version that a tar file names, and the content of its files by name.

    Nothing is extracted: each member must be a plain file ``VERSION/NAME``, named once.
    """
    files: dict[str, bytes] = {}
    versions: set[str] = set()
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            raise BundleError(f"{file}: {size:,} bytes; a bundle has at most {MOST_BYTES:,}")
        with tarfile.open(file, mode="r:") as archive:
            for member in archive:
                version, name = _parts(file, member)
                if name in files or len(files) == _MOST_FILES:
                    raise BundleError(f"{file}: `{member.name}` is one too many; {_CURE}")
                content = archive.extractfile(member)
                assert content is not None  # of a plain file
                files[name] = content.read()
                versions.add(version)
    except OSError as error:
        raise BundleError(f"{file}: cannot be read: {error}; name a file of bundles") from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise BundleError(f"{file}: not a whole tar file: {error}; {_CURE}") from None
    if len(versions) != 1 or MANIFEST not in files:
        raise BundleError(f"{file}: it does not hold one bundle with its {MANIFEST}; {_CURE}")
    return versions.pop(), files


def _parts(file: Path, member: tarfile.TarInfo) -> tuple[str, str]:
    """The version and the name of a member. Raises BundleError unless it is a plain file."""
    version, _, name = member.name.partition("/")
    is_plain = member.isreg() and not member.issparse() and 0 <= member.size <= MOST_BYTES
    is_name = bool(name) and not name.startswith(".") and not set(name) & set("/\\\0")
    if not (is_plain and is_name and is_version(version)):
        raise BundleError(
            f"{file}: `{member.name}` is not a plain file of a bundle (VERSION/NAME); nothing was "
            f"brought in; {_CURE}"
        )
    return version, name
