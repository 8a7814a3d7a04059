"""The deployment that a run loop keeps."""

from pathlib import Path
from typing import NamedTuple

from liverank.config import Config


class Project(NamedTuple):
    """A deployment: its liverank.toml, what that says, and the directory of its data."""

    config_file: Path
    config: Config
    root: Path
