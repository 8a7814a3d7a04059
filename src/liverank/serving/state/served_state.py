"""The state that a server ranks from, the sources of its updates, and callbacks about them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from liverank.experiments.release import Release
from liverank.serving.experiments.arm_counts import ArmCounts
from liverank.serving.ranking.fallback import FallbackLevel
from liverank.serving.simulated.simulation import Simulation
from liverank.serving.state.live_table import LivePublisher
from liverank.serving.state.log_fold import FoldedLog
from liverank.serving.state.trials import Trials


@dataclass(frozen=True, slots=True)
class ServedState:
    """The folded log, the fallback level that ranks from it, and the published live items."""

    folded: FoldedLog
    publisher: LivePublisher
    level: FallbackLevel
    generation: int
    """Generation of the log when the fold began; a later one lacks events that were folded."""
    arms: ArmCounts | None = None
    """Popularity for each variant; None if the config has no experiments."""
    trials: Trials | None = None
    """The challenger on trial; None if promoted bundles are not followed."""

    @property
    def unfitted(self) -> str | None:
        """The version of a challenger whose layout is not looked at yet, while no bundle serves.

        Popularity ranks from any layout, a bundle only from its own: so a first challenger decides.
        """
        trials = self.trials
        if trials is None or trials.release is None or self.level.bundle is not None:
            return None
        version = trials.release.version
        return None if version == trials.fitted else version

    @property
    def release(self) -> Release | None:
        """The challenger that workers try; None until its layout was looked at."""
        return None if self.trials is None or self.unfitted else self.trials.release


@dataclass(frozen=True, slots=True)
class UpdateSources:
    """The sources of updates.

    ``bundles`` is the root of the bundles to follow, or None to keep the first fallback level;
    ``snapshots`` the folder of snapshots to start from, if any. ``clock_ms`` gives the time in Unix
    ms. With a ``simulation``, updates happen only in its turns.
    """

    bundles: Path | None
    clock_ms: Callable[[], int]
    snapshots: Path | None = None
    simulation: Simulation | None = None


@dataclass(frozen=True, slots=True)
class UpdateCallbacks:
    """The callbacks of updates.

    ``on_change`` gets each state that is served from then on, ``on_look`` the seq reached at each
    look at the log; ``before_batch`` is called before each batch that is folded while others read.
    """

    on_change: Callable[[ServedState], None]
    on_look: Callable[[int], None] = lambda _seq: None
    before_batch: Callable[[], None] | None = None
