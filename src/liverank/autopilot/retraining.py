"""One training run from the log to a bundle: gather, train, pass the gate, promote."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from liverank.autopilot.frames import Frames
from liverank.autopilot.gather import Gathered, gather
from liverank.autopilot.promotion import Promotion, PromotionPolicy, store_if_better
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
) -> Retraining:
    """Train on a log, store the model below ``root`` if it beats popularity, and promote it.

    ``clock`` gives the bundle's time of creation, Unix ms. Raises DatasetError, TrainingError,
    ConfigError and BundleError.
    """
    if on_progress is not None:
        on_progress("reading the log", 0.0)
    gathered = gather(frames, config)
    run = train_on(gathered.lists, frames, gathered.spec, config, on_progress=on_progress)
    promotion = store_if_better(run, root, policy, created_ms=clock())
    return Retraining(gathered, run, promotion)
