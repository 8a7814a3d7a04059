"""Checks of a project's files: the log, the bundles, the cache of kernels.

Invariant: only a temporary file is written, so that a server may run at the same time.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from liverank.bundle import store
from liverank.cli.commands.doctor.checks.finding import Finding, split_message
from liverank.compiled import CACHE_VARIABLE, cache_folder
from liverank.config import Config
from liverank.errors import BundleError, LogError
from liverank.events.log import Log

MIN_FREE_BYTES = 256_000_000
"""Minimum free bytes on the log's disk; less is an error."""
LOW_FREE_BYTES = 2_000_000_000
OLD_BUNDLE_MS = 14 * 86_400_000
"""Age of a bundle in milliseconds from which on it is reported as old."""
QUIET_MS = 86_400_000
"""Milliseconds without new events after which the log is reported."""


def check_disk(folder: Path, *, free_bytes: int | None = None) -> Iterator[Finding]:
    """Whether the disk of the log has free space, and its folder can be written."""
    if not folder.is_dir():
        return  # ``check_log`` reports it
    free = shutil.disk_usage(folder).free if free_bytes is None else free_bytes
    if free < LOW_FREE_BYTES:
        yield Finding(
            "error" if free < MIN_FREE_BYTES else "warning",
            f"{folder}: {free / 1e6:,.0f} MB are free on the disk of the log",
            "free some space, or move the log to a larger disk: without free space, events are "
            "refused and rankings are not logged",
        )
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        yield Finding(
            "error",
            f"{folder}: the folder of the log cannot be written: {error.strerror}",
            f"give it to the user who runs the server (this is uid {os.getuid()}), and mount it "
            "so that it can be written",
        )


def check_log(folder: Path, *, at_ms: int) -> Iterator[Finding]:
    """Whether the log is readable, not empty, and growing."""
    if not (folder / "log.sqlite").exists():
        yield Finding(
            "error",
            f"{folder}: there is no log",
            "check `path` in liverank.toml, import history with `liverank ingest`, or start "
            "`liverank serve`, which creates a log",
        )
        return
    try:
        with Log.open(folder, busy_s=2.0) as log:
            stats = log.stats()
    except LogError as error:
        yield split_message("error", str(error), "restore it from a backup")
        return
    if stats.newest_ms is None:
        yield Finding(
            "warning",
            f"{folder}: the log holds no events",
            "import history with `liverank ingest`, or send events to the server",
        )
    elif at_ms - stats.newest_ms > QUIET_MS:
        hours = (at_ms - stats.newest_ms) / 3_600_000
        yield Finding(
            "warning",
            f"{folder}: the newest event is {hours:,.0f} hours old",
            "check that the product still sends its events, and to this server",
        )


def check_bundles(root: Path, config: Config, *, at_ms: int) -> Iterator[Finding]:
    """Whether the served bundle loads, is recent, and fits the config."""
    again = "train again with `liverank train`"
    try:
        version = store.current(root)
        why = store.withdrawn(root)
        if why is not None:
            yield Finding(
                "warning",
                f"{root}: bundle {store.previous(root)} was withdrawn, so rankings are by "
                f"popularity: {why}",
                "promote a better one, or put it back with `liverank rollback`",
            )
            return
        if version is None:
            has_any = bool(store.kept(root))
            yield Finding(
                "warning",
                f"{root}: no bundle is in service, so rankings are by popularity",
                "choose one of `liverank bundles` for `liverank promote`"
                if has_any
                else "train one with `liverank train`",
            )
            return
        bundle = store.load(root, version)
    except BundleError as error:
        yield split_message("error", str(error), again)
        return
    age_ms = at_ms - bundle.manifest.created_ms
    if age_ms > OLD_BUNDLE_MS:
        days = age_ms / 86_400_000
        yield Finding(
            "warning", f"{root}: bundle {version} was trained {days:,.0f} days ago", again
        )
    if list(bundle.heads) != list(config.heads):
        yield Finding(
            "warning",
            f"{root}: bundle {version} was trained for {', '.join(bundle.heads)}, but the config "
            f"names {', '.join(config.heads)}",
            again,
        )


def check_previous(root: Path) -> Iterator[Finding]:
    """Whether the previous bundle, if there is one, loads."""
    try:
        previous = store.previous(root)
    except BundleError:
        return  # ``check_bundles`` reports it
    try:
        if previous is not None:
            store.load(root, previous)
    except BundleError as error:
        yield split_message(
            "warning",
            f"the previous bundle does not load, so `liverank rollback` would fail: {error}",
            "train again with `liverank train`",
        )


def check_cache() -> Iterator[Finding]:
    """Whether compiled kernels are cached between starts."""
    if cache_folder() is None:
        yield Finding(
            "warning",
            "compiled kernels cannot be cached, because no folder can be written: each start "
            "compiles them again",
            f"name a folder with {CACHE_VARIABLE}, and fill it with `liverank warmup`",
        )
