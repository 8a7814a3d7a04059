"""The snapshots of a deployment: a server starts from one and folds only what came after it.

    <path>/snapshots/GENERATION-SEQ-TOKEN/  see ``features.snapshot``; with the live items beside
    <path>/snapshots.lock                   held by the process that takes one

A snapshot is taken by a process that serves nobody: it loads the last one, folds what came since,
and writes. Invariant: what was folded from a snapshot is what a fold of the whole log gives, bit
for bit; one that holds what was erased is never read, and removed by whoever takes the next.
"""

import fcntl
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import xxhash

from liverank.config import Config
from liverank.errors import StateError
from liverank.events.log import Log
from liverank.features.layout.layout import Layout
from liverank.features.state.snapshot import (
    Manifest,
    Origin,
    load_snapshot,
    read_manifest,
    require_fit,
    write_snapshot,
)
from liverank.quantities import duration_ms
from liverank.serving.server_log.events import write_event
from liverank.serving.state.log_fold import FoldedLog, fold_log

LIVE = "live.msgpack"
"""The file of the live items in a snapshot."""

_NAME = re.compile(r"[0-9]{6,}-[0-9]{15,}-[0-9a-f]{8}")
_TELLING = ("seq", "event", "time", "arrived", "id", "type", "user", "item", "target")
"""The columns that tell one event from another."""


class Taken(NamedTuple):
    """What came of taking a snapshot.

    ``seq`` is the last event of the newest snapshot, ``began`` that of the one it was made from (0
    for none), ``bytes`` its size; ``reason`` says why none was written.
    """

    written: bool
    seq: int
    began: int
    bytes: int
    reason: str | None


class Start(NamedTuple):
    """A place to begin to fold from: what was folded, and the snapshot that it was loaded from."""

    folded: FoldedLog
    directory: Path


def load_newest(log: Log, layout: Layout, config: Config, folder: Path) -> Start | None:
    """The newest snapshot of the folder that fits the log; None where there is none.

    Why others are refused is told to the server's log. Raises LogError and its kinds.
    """
    try:
        directories = _snapshots(folder)
    except StateError as error:
        write_event("snapshot_unused", str(error))
        return None
    for directory in directories:
        try:
            origin = _origin(log, config, read_manifest(directory).seq)
            loaded = load_snapshot(directory, layout, origin=origin)
            folded = FoldedLog(layout, config, state=loaded.state)
            folded.live.unpack(loaded.files.get(LIVE, b""))
        except StateError as error:
            write_event("snapshot_unused", str(error))
            continue
        write_event("snapshot_loaded", f"starting from {directory}", seq=folded.seq)
        return Start(folded, directory)
    return None


def take_snapshot(
    log: Log,
    layout: Layout,
    config: Config,
    folder: Path,
    *,
    goes_on: Callable[[int], bool] = lambda _seq: True,
) -> Taken:
    """Write a snapshot of the log as it is now, and keep beside it only the one that it began from.

    None is written where nothing is new, another process is taking one, or events are taken from
    the log meanwhile. ``goes_on`` is told the seq reached. Raises StateError where it cannot be
    written, LogError and its kinds.
    """
    with _taking(folder) as is_ours:
        if not is_ours:
            return Taken(False, 0, 0, 0, "another process is taking one")
        generation = log.generation()
        fitting = _fitting(log, layout, config, folder)
        newest = next(iter(fitting.values()), None)
        if newest is not None and next(log.read(newest.seq + 1, batch_rows=1), None) is None:
            _keep_only(folder, *fitting)
            reason = "nothing is new since the last one"
            return Taken(False, newest.seq, newest.seq, newest.bytes, reason)
        start = load_newest(log, layout, config, folder)
        began = 0 if start is None else start.folded.seq
        folded = fold_log(
            log, layout, config, begun=None if start is None else start.folded, goes_on=goes_on
        )
        if folded.seq == 0:
            _keep_only(folder)
            return Taken(False, 0, 0, 0, "the log is empty")
        origin = _origin(log, config, folded.seq)
        directory = folder / f"{generation:06d}-{folded.seq:015d}-{secrets.token_hex(4)}"
        manifest = None
        try:
            if origin.generation == generation:
                manifest = write_snapshot(
                    folded.state, directory, origin=origin, files={LIVE: folded.live.pack()}
                )
        except StateError:
            if log.generation() == generation:
                raise  # else it was removed by whoever erased, while it was written
        if manifest is None or log.generation() != generation:
            shutil.rmtree(directory, ignore_errors=True)
            return Taken(False, began, began, 0, "events were taken from the log meanwhile")
        _keep_only(folder, directory, *(() if start is None else (start.directory,)))
        return Taken(True, folded.seq, began, manifest.bytes, None)


def newest_seq(folder: Path) -> int | None:
    """The seq of the newest snapshot of a folder, whether it fits or not; None without one."""
    try:
        directories = _snapshots(folder)
    except StateError:
        return None  # whoever takes the next one tells why
    return int(directories[0].name.split("-")[1]) if directories else None


def _snapshots(folder: Path) -> list[Path]:
    """The snapshots of a folder, the newest first. Raises StateError where it cannot be listed."""
    try:
        paths = list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise StateError(
            f"{folder}: the snapshots cannot be listed: {error}; check that the folder can be read "
            "and written by who runs this"
        ) from None
    return sorted((path for path in paths if _NAME.fullmatch(path.name)), reverse=True)


def _fitting(log: Log, layout: Layout, config: Config, folder: Path) -> dict[Path, Manifest]:
    """The snapshots that fit by what they say of themselves, the newest first."""
    fitting = {}
    for directory in _snapshots(folder):
        try:
            manifest = read_manifest(directory)
            require_fit(manifest, directory, layout, origin=_origin(log, config, manifest.seq))
        except StateError:
            continue
        fitting[directory] = manifest
    return fitting


def _origin(log: Log, config: Config, seq: int) -> Origin:
    """What a fold of the log up to a seq is made from."""
    last = next(log.read(seq, to_seq=seq), None) if seq else None
    told = "" if last is None else repr(last.select(_TELLING).row(0))
    return Origin(
        identity=log.identity(),
        generation=log.generation(),
        max_future_ms=duration_ms(config.features.max_future),
        last_event=xxhash.xxh3_128_hexdigest(told.encode()),
    )


def _keep_only(folder: Path, *kept: Path) -> None:
    """Remove other snapshots and what killed processes left. The caller holds the lock."""
    for path in folder.iterdir() if folder.is_dir() else []:
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)  # one that stays is tried again


@contextmanager
def _taking(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder; yields False at once where another process holds it.

    It lies beside the folder, which an erasure empties. Raises StateError where it does not open.
    """
    with _opened(folder.with_name(f"{folder.name}.lock")) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _opened(lock: Path) -> IO[str]:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        return lock.open("a")
    except OSError as error:
        raise StateError(
            f"{lock}: the lock of the snapshots cannot be opened: {error}; check that it is a file "
            "which can be written by who runs this"
        ) from None
