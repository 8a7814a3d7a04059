"""The state that a server ranks from, the sources of its updates, and callbacks about them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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
