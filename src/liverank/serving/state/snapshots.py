"""The snapshots of a deployment: a server starts from one and folds only later events.

    <path>/snapshots/GENERATION-SEQ-TOKEN/  see ``features.state.snapshot``; plus the live items
    <path>/snapshots.lock                   held by the process that takes a snapshot

A separate process takes a snapshot: it loads the last one, folds later events, and writes.
Invariant: continuing the fold from a snapshot gives the same bits as folding the whole log. A
snapshot with erased events is never read, and is removed when the next one is taken.
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
_IDENTITY_COLUMNS = ("seq", "event", "time", "arrived", "id", "type", "user", "item", "target")
"""Columns that distinguish one event from another."""


class SnapshotResult(NamedTuple):
    """Outcome of taking a snapshot.

    ``seq`` is the last event of the newest snapshot, ``began`` that of the one it was made from (0
    for none), ``bytes`` its size; ``reason`` states why none was written, or None.
    """

    written: bool
    seq: int
    began: int
    bytes: int
    reason: str | None


class LoadedSnapshot(NamedTuple):
    """A folded log that was loaded from a snapshot, and the snapshot's directory."""

    folded: FoldedLog
    directory: Path


def load_newest(log: Log, layout: Layout, config: Config, folder: Path) -> LoadedSnapshot | None:
    """The newest snapshot of the folder that fits the log; None if there is none.

    The server's log states why others do not fit. Raises LogError and its subclasses.
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
        return LoadedSnapshot(folded, directory)
    return None


def take_snapshot(
    log: Log,
    layout: Layout,
    config: Config,
    folder: Path,
    *,
    keep_going: Callable[[int], bool] = lambda _seq: True,
) -> SnapshotResult:
    """Write a snapshot of the current log; keep only it and the one that it continues.

    None is written if no event is new, another process is taking one, or events are removed from
    the log meanwhile. ``keep_going`` is as in ``fold_log``. Raises StateError if the snapshot
    cannot be written, LogError and its subclasses.
    """
    with _locked(folder) as has_lock:
        if not has_lock:
            return SnapshotResult(False, 0, 0, 0, "another process is taking one")
        generation = log.generation()
        fitting = _fitting(log, layout, config, folder)
        newest = next(iter(fitting.values()), None)
        if newest is not None and next(log.read(newest.seq + 1, batch_rows=1), None) is None:
            _keep_only(folder, *fitting)
            reason = "nothing is new since the last one"
            return SnapshotResult(False, newest.seq, newest.seq, newest.bytes, reason)
        start = load_newest(log, layout, config, folder)
        began = 0 if start is None else start.folded.seq
        folded = fold_log(
            log,
            layout,
            config,
            start=None if start is None else start.folded,
            keep_going=keep_going,
        )
        if folded.seq == 0:
            _keep_only(folder)
            return SnapshotResult(False, 0, 0, 0, "the log is empty")
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
                raise  # else an erasure removed the snapshot while it was written
        if manifest is None or log.generation() != generation:
            shutil.rmtree(directory, ignore_errors=True)
            return SnapshotResult(
                False, began, began, 0, "events were removed from the log meanwhile"
            )
        _keep_only(folder, directory, *(() if start is None else (start.directory,)))
        return SnapshotResult(True, folded.seq, began, manifest.bytes, None)


def newest_seq(folder: Path) -> int | None:
    """The seq of the newest snapshot of a folder, even if it does not fit; None without one."""
    try:
        directories = _snapshots(folder)
    except StateError:
        return None  # taking the next snapshot reports the reason
    return int(directories[0].name.split("-")[1]) if directories else None


def _snapshots(folder: Path) -> list[Path]:
    """The snapshots of a folder, newest first. Raises StateError if it cannot be listed."""
    try:
        paths = list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise StateError(
            f"{folder}: the snapshots cannot be listed: {error}; check that this process may "
            "read and write the folder"
        ) from None
    return sorted((path for path in paths if _NAME.fullmatch(path.name)), reverse=True)


def _fitting(log: Log, layout: Layout, config: Config, folder: Path) -> dict[Path, Manifest]:
    """The snapshots whose manifests fit the log and the layout, newest first."""
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
    """The origin of a fold of the log up to a seq."""
    last = next(log.read(seq, to_seq=seq), None) if seq else None
    identity = "" if last is None else repr(last.select(_IDENTITY_COLUMNS).row(0))
    return Origin(
        identity=log.identity(),
        generation=log.generation(),
        max_future_ms=duration_ms(config.features.max_future),
        last_event=xxhash.xxh3_128_hexdigest(identity.encode()),
    )


def _keep_only(folder: Path, *kept: Path) -> None:
    """Remove other snapshots and leftovers of killed processes. The caller holds the lock."""
    for path in folder.iterdir() if folder.is_dir() else []:
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)  # a failed removal is tried again next time


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder; yields False at once if another process holds it.

    The lock file is next to the folder, because an erasure empties the folder. Raises StateError if
    it cannot be opened.
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
            "that this process may write"
        ) from None
