"""Settings that the processes of a server share, fixed before the first of them starts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from liverank.config import Config
from liverank.serving.simulated.simulation import Simulation


@dataclass(frozen=True, slots=True)
class Deployment:
    """Paths and settings of a server.

    ``log`` is the directory of the log, ``snapshots`` that of state snapshots, ``bundles`` the root
    of the bundles to follow, or None to serve ``bundle`` whatever is promoted. ``take_snapshot`` is
    the command line that takes a snapshot, run every ``snapshot_every_s`` seconds; None for never.
    ``clock_ms`` gives the time in Unix ms. With ``has_access_log``, each request is written to the
    server's log. With a ``simulation``, events and rankings use its time. ``run_autopilot`` is the
    command line that keeps the deployment up to date; empty for none.
    """

    config: Config
    log: Path
    snapshots: Path
    bundles: Path | None
    bundle: Path | None
    take_snapshot: tuple[str, ...]
    snapshot_every_s: float | None
    clock_ms: Callable[[], int]
    has_access_log: bool = False
    simulation: Simulation | None = None
    run_autopilot: tuple[str, ...] = ()

    @property
    def event_clock_ms(self) -> Callable[[], int]:
        """Gives the time of events and rankings in Unix ms."""
        return self.clock_ms if self.simulation is None else self.simulation.clock_ms
