"""One training run from the log to a bundle: gather, train, pass the gate, promote."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from liverank.autopilot.frames import Frames
from liverank.autopilot.gather import Gathered, gather
from liverank.autopilot.promotion import (
    Promotion,
    PromotionPolicy,
    store_if_better,
    version_in_service,
)
from liverank.autopilot.registry.lineage import lineage_of
from liverank.autopilot.scope import WHOLE_LOG, Scope
from liverank.autopilot.training import OnProgress, TrainingRun, train_on
from liverank.config import Config


class Retraining(NamedTuple):
    """The gathered data, the trained models, and the outcome of the promotion."""

    gathered: Gathered
    run: TrainingRun
    promotion: Promotion


def train_and_promote(
    frames: Frames,
    config: Config,
    root: Path,
    policy: PromotionPolicy,
    *,
    clock: Callable[[], int],
    on_progress: OnProgress | None = None,
    scope: Scope = WHOLE_LOG,
) -> Retraining:
    """Train on a log, store the model below ``root`` if it beats popularity, and promote it.

    ``clock`` gives the bundle's time of creation, Unix ms; ``scope`` is what may be learned from.
    Raises DatasetError, TrainingError, ConfigError, BundleError, LogError and its kinds.
    """
    parent = version_in_service(root)
    if on_progress is not None:
        on_progress("reading the log", 0.0)
    gathered = gather(frames, config, scope=scope)
    lineage = lineage_of(gathered, frames, config, scope, parent=parent)
    run = train_on(gathered.lists, frames, gathered.spec, config, on_progress=on_progress)
    promotion = store_if_better(run, root, policy, created_ms=clock(), lineage=lineage)
    return Retraining(gathered, run, promotion)
