"""Opens the events that a command reads: from files, or from the log."""

import argparse
import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from rich.console import Console

from liverank.autopilot.frames import Frames, LogFrames
from liverank.cli.project.importing import import_files
from liverank.cli.project.paths import add_config_argument, data_path, log_path
from liverank.config import Config
from liverank.errors import DatasetError, LogError
from liverank.events.log import Log

_PREFIX = "history-"
_LOCK = "in_use.lock"


def add_history_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--config`` and ``--events``."""
    add_config_argument(parser)
    parser.add_argument(
        "--events",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="files or folders of events; default: the log",
    )


@contextmanager
def open_history(
    arguments: argparse.Namespace, config: Config, console: Console
) -> Iterator[Frames]:
    """Frames of the events in ``seq`` order. Raises DatasetError if there are none.

    Files are imported into a temporary log, as ``liverank ingest`` would do. It is in the data
    directory, and is removed at the end.
    """
    if not arguments.events:
        with Log.open(log_path(arguments.config, config)) as log:
            if log.last_seq() == 0:
                raise DatasetError(
                    f"{log_path(arguments.config, config)}: the log is empty; "
                    "`liverank ingest PATH` fills it, or name files with --events"
                )
            yield LogFrames(log)
        return
    with _temporary_directory(data_path(arguments.config, config)) as directory:
        _, read, _ = import_files(
            directory,
            arguments.events,
            config,
            console,
        )
        if read.rejected:
            first = read.reasons[0]
            console.print(
                f"[yellow]{read.rejected:,} rows were rejected[/yellow], the first at "
                f"{first['where']}: {first['reason']}"
            )
        if not read.events:
            raise DatasetError(f"no events in {', '.join(map(str, arguments.events))}")
        with Log.open(directory) as log:
            yield LogFrames(log, is_kept=False)


@contextmanager
def _temporary_directory(data: Path) -> Iterator[Path]:
    """Yield a temporary directory; first removes those of killed processes.

    Each process locks its directory. Raises LogError if none can be created.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        with (data / "history.lock").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            _remove_stale(data)
            directory = Path(mkdtemp(prefix=_PREFIX, dir=data))
            lock = (directory / _LOCK).open("a")
            fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise LogError(
            f"{data}: files of events are sorted in this directory, but {error}; check that it "
            "can be written"
        ) from None
    with lock:
        try:
            yield directory / "log"
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _remove_stale(data: Path) -> None:
    for directory in data.glob(f"{_PREFIX}*"):
        try:
            with (directory / _LOCK).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(directory, ignore_errors=True)
        except (BlockingIOError, FileNotFoundError):
            continue  # its process is still running, or has just ended
