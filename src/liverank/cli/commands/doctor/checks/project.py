"""Checks of what a project keeps on disk: the log, the bundles, the cache of kernels.

Invariant: nothing is changed but for a scratch file that is gone at once, so that a server may run
meanwhile.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from liverank.bundle import store
from liverank.cli.commands.doctor.checks.finding import Finding, parted
from liverank.compiled import CACHE_VARIABLE, cache_folder
from liverank.config import Config
from liverank.errors import BundleError, LogError
from liverank.events.log import Log

LEAST_FREE_BYTES = 256_000_000
"""Less room on the log's disk than this is an error."""
LITTLE_FREE_BYTES = 2_000_000_000
OLD_BUNDLE_MS = 14 * 86_400_000
"""A model that is older than this knows little of what is live now."""
QUIET_MS = 86_400_000
"""A log without new events for this long is reported."""


def check_disk(folder: Path, *, free_bytes: int | None = None) -> Iterator[Finding]:
    """Room on the disk of the log, and whether its folder can be written."""
    if not folder.is_dir():
        return  # ``check_log`` says so
    free = shutil.disk_usage(folder).free if free_bytes is None else free_bytes
    if free < LITTLE_FREE_BYTES:
        yield Finding(
            "error" if free < LEAST_FREE_BYTES else "warning",
            f"{folder}: {free / 1e6:,.0f} MB are free on the disk of the log",
            "free some space, or move the log to a larger disk: without room, events are refused "
            "and rankings are not logged",
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
    """Whether the log can be read, holds anything, and grows."""
    if not (folder / "log.sqlite").exists():
        yield Finding(
            "error",
            f"{folder}: there is no log",
            "check `path` in liverank.toml, bring in history with `liverank ingest`, or start "
            "`liverank serve`, which makes one",
        )
        return
    try:
        with Log.open(folder, busy_s=2.0) as log:
            stats = log.stats()
    except LogError as error:
        yield parted("error", str(error), "restore it from a backup")
        return
    if stats.newest_ms is None:
        yield Finding(
            "warning",
            f"{folder}: the log holds no events",
            "bring in history with `liverank ingest`, or send events to the server",
        )
    elif at_ms - stats.newest_ms > QUIET_MS:
        hours = (at_ms - stats.newest_ms) / 3_600_000
        yield Finding(
            "warning",
            f"{folder}: the newest event is of {hours:,.0f} hours ago",
            "see whether the product still sends its events, and to this server",
        )


def check_bundles(root: Path, config: Config, *, at_ms: int) -> Iterator[Finding]:
    """Whether the bundle in service loads, how old it is, and whether it fits the config."""
    again = "train again with `liverank train`"
    try:
        version = store.current(root)
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
        yield parted("error", str(error), again)
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
            f"{root}: bundle {version} learned {', '.join(bundle.heads)}, and the config names "
            f"{', '.join(config.heads)}",
            again,
        )


def check_previous(root: Path) -> Iterator[Finding]:
    """Whether there is a whole bundle to go back to, if there should be one."""
    try:
        previous = store.previous(root)
    except BundleError:
        return  # ``check_bundles`` says so
    try:
        if previous is not None:
            store.load(root, previous)
    except BundleError as error:
        yield parted(
            "warning",
            f"the bundle to go back to does not load: {error}",
            "train again with `liverank train`",
        )


def check_cache() -> Iterator[Finding]:
    """Whether machine code is kept between starts."""
    if cache_folder() is None:
        yield Finding(
            "warning",
            "no folder can be written to keep machine code in, so that each start compiles it",
            f"name a folder with {CACHE_VARIABLE}, and fill it with `liverank warmup`",
        )
