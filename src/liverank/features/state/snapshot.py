"""Snapshots of feature state: the result of a fold of the log, on disk, for a faster start.

A snapshot is a directory:

    manifest.json  the origin of the state, and a digest of every part
    state          the used part of each array, one after the other
    ...            files of other parts of the server that folded the same events

Invariant: a snapshot that loads equals, bit for bit, the state that a fold of the log from its
start gives; any other is refused, with the reason.
"""

import hashlib
import shutil
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
import numba
import numpy as np
import xxhash
from numpy.typing import NDArray

from liverank.durable import publish_directory, sync_file
from liverank.errors import StateError
from liverank.features.layout.layout import Layout
from liverank.features.state.state import State
from liverank.fingerprint import source_fingerprint

FORMAT = 1
"""Version of the files."""
FOLD_FORMAT = 1
"""Version of the fold, to be raised when the same events give other words although no source file
changed, e.g. with another version of a library."""
MANIFEST = "manifest.json"
STATE = "state"

_PACKAGE = Path(__file__).resolve().parents[2]
_FOLDS = ("features/state/state.py", "features/stream/event_arrays.py")
"""Modules that fold events. They and their imports decide which words events become."""
_CHUNK = 1 << 22


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The events that a state was folded from: the log's identity before the fold began."""

    identity: str
    generation: int
    max_future_ms: float
    last_event: str
    """A digest of the last event folded: two copies of a log may diverge."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes of a snapshot, and their XXH3-128."""

    bytes: int
    digest: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The origin of a snapshot, and its parts."""

    format: int
    fold: str
    """Fingerprint of all code that folds."""
    layout: str
    """Fingerprint of the layout."""
    origin: Origin
    seq: int
    """The seq of the last event folded."""
    arrays: dict[str, Part]
    """The parts of the file ``state``, in their order there."""
    files: dict[str, Part]
    """The files next to ``state``."""

    @property
    def bytes(self) -> int:
        """The size of all parts."""
        return sum(part.bytes for part in (*self.arrays.values(), *self.files.values()))


class Loaded(NamedTuple):
    """The content of a snapshot: the state, and the other files."""

    state: State
    files: dict[str, bytes]


class _Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    digest: str
    manifest: msgspec.Raw


def write_snapshot(
    state: State, directory: Path, *, origin: Origin, files: Mapping[str, bytes] | None = None
) -> Manifest:
    """Write a state, which must not be folded meanwhile; it is on disk when this returns.

    It is written to a ``.draft`` next to the directory, which must not exist, and renamed. Raises
    StateError, and leaves no files then.

    >>> from tempfile import TemporaryDirectory
    >>> from liverank.config import Config, Label
    >>> from liverank.events.schema.schema import Schema
    >>> from liverank.features.layout.derived_layout import layout_of
    >>> layout = layout_of(Schema(interactions=("join",)), Config(label=Label(interaction="join")))
    >>> origin = Origin(identity="log", generation=1, max_future_ms=3e5, last_event="")
    >>> with TemporaryDirectory() as folder:
    ...     written = write_snapshot(State(layout), Path(folder) / "one", origin=origin)
    ...     load_snapshot(Path(folder) / "one", layout, origin=origin).state.seq
    0
    """
    draft = directory.with_name(f"{directory.name}.draft")
    files = {} if files is None else files
    try:
        draft.mkdir(parents=True)
        arrays = {}
        with (draft / STATE).open("wb") as output:
            for name, array in state.store.used().items():
                arrays[name] = _write(output, array.view(np.uint8).data)
            sync_file(output)
        kept = {}
        for name, content in files.items():
            with (draft / name).open("wb") as output:
                kept[name] = _write(output, memoryview(content))
                sync_file(output)
        manifest = Manifest(
            format=FORMAT,
            fold=fold_fingerprint(),
            layout=layout_fingerprint(state.layout),
            origin=origin,
            seq=state.seq,
            arrays=arrays,
            files=kept,
        )
        with (draft / MANIFEST).open("wb") as output:
            output.write(_seal(manifest))
            sync_file(output)
        publish_directory(draft, directory)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise StateError(
            f"{directory}: the snapshot cannot be written: {error}; earlier ones are as they were; "
            "check that the disk has room and that the folder can be written"
        ) from None
    return manifest


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a snapshot. Raises StateError where it is damaged or of another format.

    >>> read_manifest(Path("no/such"))
    Traceback (most recent call last):
    liverank.errors.StateError: no/such: the snapshot cannot be read: ...
    """
    try:
        sealed = msgspec.json.decode((directory / MANIFEST).read_bytes(), type=_Sealed)
        content = bytes(sealed.manifest)
        if xxhash.xxh3_128_hexdigest(content) != sealed.digest:
            raise _refused(directory, f"its {MANIFEST} is not what was written")
        return msgspec.json.decode(content, type=Manifest)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StateError(f"{directory}: the snapshot cannot be read: {error}") from None


def load_snapshot(directory: Path, layout: Layout, *, origin: Origin) -> Loaded:
    """A state of this layout and origin, and the other files, every byte verified.

    Raises StateError with the reason why the snapshot does not fit, or with the damaged part.
    """
    manifest = read_manifest(directory)
    require_fit(manifest, directory, layout, origin=origin)
    state = State(layout)
    try:
        with (directory / STATE).open("rb") as source:
            _read_state(source, state, manifest, directory)
        files = {
            name: _read_file(directory / name, part, directory)
            for name, part in manifest.files.items()
        }
    except OSError as error:
        state.store.close()
        raise _refused(directory, f"it cannot be read: {error}") from None
    except StateError:
        state.store.close()
        raise
    return Loaded(state, files)


def require_fit(manifest: Manifest, directory: Path, layout: Layout, *, origin: Origin) -> None:
    """Raise StateError with the reason where a snapshot is not one of this layout and origin."""
    wanted, found = origin, manifest.origin
    reasons = (
        (manifest.format != FORMAT, f"it has format {manifest.format}, this is {FORMAT}"),
        (manifest.fold != fold_fingerprint(), "it was folded by another version of the code"),
        (manifest.layout != layout_fingerprint(layout), "it has another layout of state"),
        (found.identity != wanted.identity, "it was folded from another log"),
        (
            found.generation != wanted.generation,
            f"it was folded from generation {found.generation} of the log, which is now at "
            f"{wanted.generation}: events were taken from it",
        ),
        (
            found.max_future_ms != wanted.max_future_ms,
            f"`features.max_future` was {found.max_future_ms:.0f} ms, and now is "
            f"{wanted.max_future_ms:.0f} ms",
        ),
        (
            found.last_event != wanted.last_event,
            f"the log does not hold the event that it ends with, seq {manifest.seq}",
        ),
    )
    for does_not_fit, reason in reasons:
        if does_not_fit:
            raise _refused(directory, reason)


def layout_fingerprint(layout: Layout) -> str:
    """A fingerprint that is equal for equal layouts."""
    return xxhash.xxh3_128_hexdigest(msgspec.json.encode(layout))


@cache
def fold_fingerprint() -> str:
    """A fingerprint that differs whenever the same events may give other words."""
    sources = source_fingerprint(_PACKAGE, [_PACKAGE / name for name in _FOLDS])
    versions = f"{FOLD_FORMAT} {sys.byteorder} {numba.__version__}"
    return hashlib.sha256(f"{versions} {sources}".encode()).hexdigest()[:32]


def _seal(manifest: Manifest) -> bytes:
    content = msgspec.json.encode(manifest)
    return msgspec.json.encode(_Sealed(xxhash.xxh3_128_hexdigest(content), msgspec.Raw(content)))


def _write(output: IO[bytes], content: memoryview) -> Part:
    """Write in chunks, each digested while it is in the cache."""
    digest = xxhash.xxh3_128()
    for start in range(0, len(content), _CHUNK):
        digest.update(content[start : start + _CHUNK])
        output.write(content[start : start + _CHUNK])
    return Part(len(content), digest.hexdigest())


def _read_state(source: IO[bytes], state: State, manifest: Manifest, directory: Path) -> None:
    header = np.empty_like(state.store.arrays.header)
    _read_array(source, "header", header, manifest, directory)
    state.store.take_header(header)
    for name, array in state.store.used().items():
        if name != "header":
            _read_array(source, name, array, manifest, directory)
    if source.read(1) or state.seq != manifest.seq:
        raise _refused(directory, f"its {STATE} is not what its {MANIFEST} says")


def _read_array(
    source: IO[bytes], name: str, array: NDArray[Any], manifest: Manifest, directory: Path
) -> None:
    part = manifest.arrays.get(name)
    if part is None or part.bytes != array.nbytes:
        raise _refused(directory, f"its {STATE} has no `{name}` of {array.nbytes} bytes")
    view, digest = array.view(np.uint8).data, xxhash.xxh3_128()
    for start in range(0, len(view), _CHUNK):
        chunk = view[start : start + _CHUNK]
        if source.readinto(chunk) != len(chunk):  # type: ignore[attr-defined]  # a buffered file
            raise _refused(directory, f"its {STATE} ends too early")
        digest.update(chunk)
    if digest.hexdigest() != part.digest:
        raise _refused(directory, f"`{name}` of its {STATE} is not what was written")


def _read_file(file: Path, part: Part, directory: Path) -> bytes:
    content = file.read_bytes()
    if xxhash.xxh3_128_hexdigest(content) != part.digest:
        raise _refused(directory, f"its {file.name} is not what was written")
    return content


def _refused(directory: Path, reason: str) -> StateError:
    return StateError(
        f"{directory}: this snapshot is not used: {reason}; state is folded from the log instead, "
        "and the next snapshot replaces it"
    )
