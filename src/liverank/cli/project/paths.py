"""The paths of a project's files, which all derive from the path of its liverank.toml.

Invariant: the paths depend on the config file and not on the working directory.
"""

import argparse
from pathlib import Path

from liverank.config import Config


def add_config_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``, the path of the liverank.toml."""
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("liverank.toml"),
        metavar="FILE",
        help="default: liverank.toml",
    )


def data_path(config_file: Path, config: Config) -> Path:
    r"""The directory of the log and the bundles: ``config.path``, relative to the file.

    >>> from liverank.config import parse_config
    >>> config = parse_config('path = "data"\n[label]\ninteraction = "join"')
    >>> data_path(Path("/srv/rooms/liverank.toml"), config).as_posix()
    '/srv/rooms/data'
    """
    return config_file.parent / config.path


def log_path(config_file: Path, config: Config) -> Path:
    r"""The directory of the event log.

    >>> from liverank.config import parse_config
    >>> config = parse_config('[label]\ninteraction = "join"')
    >>> log_path(Path("/srv/rooms/liverank.toml"), config).as_posix()
    '/srv/rooms/.liverank/log'
    """
    return data_path(config_file, config) / "log"


def snapshots_path(config_file: Path, config: Config) -> Path:
    r"""The directory of the snapshots of feature state.

    >>> from liverank.config import parse_config
    >>> config = parse_config('[label]\ninteraction = "join"')
    >>> snapshots_path(Path("/srv/rooms/liverank.toml"), config).as_posix()
    '/srv/rooms/.liverank/snapshots'
    """
    return data_path(config_file, config) / "snapshots"
