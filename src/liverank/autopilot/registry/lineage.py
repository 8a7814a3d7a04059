"""Writes down what a bundle comes from.

Invariant: the lineage depends on the log, the config, the code and the installed packages alone.
"""

import math
import platform
from pathlib import Path

import msgspec
import numpy as np

from liverank.automl.report.reports import installed_versions
from liverank.autopilot.frames import Frames, LogFrames
from liverank.autopilot.gather import Gathered
from liverank.autopilot.scope import Scope
from liverank.bundle.lineage import Lineage
from liverank.bundle.manifest import sha256
from liverank.config import Config
from liverank.config_autopilot import Alarms
from liverank.fingerprint import source_fingerprint
from liverank.models.json_array import encode_json

_PACKAGE = Path(__file__).resolve().parents[2]
_TRAINS = _PACKAGE / "autopilot" / "retraining.py"


def lineage_of(
    gathered: Gathered, frames: Frames, config: Config, scope: Scope, *, parent: str | None
) -> Lineage:
    """The lineage of models that are trained on these lists; ``parent`` is what is in service.

    Raises LogError and its kinds.
    """
    lists, read = gathered.lists, gathered.read
    log = frames.log if isinstance(frames, LogFrames) and frames.is_kept else None
    text = encode_json(without_addresses(config)).decode()
    return Lineage(
        log=None if log is None else log.identity(),
        generation=None if log is None else log.generation(),
        first_seq=read.first_seq,
        last_seq=read.last_seq,
        trained_until_ms=math.ceil(read.until_ms),
        lists_from_ms=int(lists.reads.at.min()),
        lists_to_ms=int(lists.reads.at.max()),
        lists=len(lists),
        rows=int(np.count_nonzero(lists.seen)),
        config=text,
        config_sha256=sha256(text.encode()),
        code=source_fingerprint(_PACKAGE, [_TRAINS]),
        versions={"python": platform.python_version(), **installed_versions()},
        seeds={"training": config.training.seed},
        parent=parent,
        variants=config.training.variants,
        excluded_users=scope.excluded.user_hashes,
        excluded_stretches_ms=scope.excluded.stretches_ms,
    )


def without_addresses(config: Config) -> Config:
    r"""The config without where alarms and letters go: such an address may be a secret.

    >>> from liverank.config import parse_config
    >>> config = parse_config('[label]\ninteraction = "join"')
    >>> without_addresses(config) == config
    True
    """
    if config.autopilot is None:
        return config
    silent = msgspec.structs.replace(config.autopilot, alarms=Alarms())
    return msgspec.structs.replace(config, autopilot=silent)
