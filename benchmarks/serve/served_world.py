"""What a server of a deployment would rank from, loaded into this process: for tables of its parts.

This is the one file beside ``stages`` that knows the modules of the server.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liverank.bundle.bundle import Bundle
from liverank.config import Config, load_config
from liverank.events.log import Log
from liverank.features.compiler import Program
from liverank.features.spec import FeatureSpec, compile_spec
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import request_words
from liverank.serving.ranking.fallback import FallbackLevel, choose_level
from liverank.serving.ranking.ranker import View, make_ranker
from liverank.serving.state.live_table import LivePublisher
from liverank.serving.state.log_fold import FoldedLog, compile_fold, fold_log
from liverank.serving.state.snapshots import load_newest


@dataclass(frozen=True, slots=True)
class Served:
    """A folded log and the bundle that ranks from it."""

    config: Config
    level: FallbackLevel
    bundle: Bundle
    folded: FoldedLog

    @property
    def state(self) -> State:
        """Its feature state."""
        return self.folded.state

    def live(self, at_ms: int) -> list[str]:
        """Ids of what is live."""
        return list(self.folded.live.candidates(at_ms=at_ms).ids)

    def view(self) -> View:
        """What a worker ranks from."""
        live = LivePublisher(self.folded.live).table
        return View(self.state, live, make_ranker(self.level, self.folded.layout), generation=1)

    def program(self, spec: FeatureSpec) -> Program:
        """What reads the features of a spec of this layout."""
        return compile_spec(spec)

    def request_words(self) -> NDArray[np.uint64]:
        """Of a request without fields, uint64[request words]."""
        return request_words({}, "default", self.folded.layout)


def load_served(directory: Path) -> Served:
    """Load the newest snapshot of a deployment, and fold what came after it.

    Raises RuntimeError where no bundle is served.
    """
    config = load_config(directory / "liverank.toml")
    root = directory / config.path
    level = choose_level(root)
    if level.bundle is None:
        raise RuntimeError(f"{root}: no bundle is served: {level.reason}")
    layout = level.bundle.spec.layout
    compile_fold(layout, config)
    with Log.open(root / "log") as log:
        start = load_newest(log, layout, config, root / "snapshots")
        folded = fold_log(log, layout, config, start=None if start is None else start.folded)
    return Served(config, level, level.bundle, folded)
