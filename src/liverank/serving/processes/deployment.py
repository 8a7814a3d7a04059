"""What the processes of a server have in common, settled before the first of them starts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from liverank.config import Config
from liverank.serving.simulated.simulation import Simulation


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a server finds what it serves.

    ``log`` is the directory of the log, ``snapshots`` of the state's snapshots, ``bundles`` the
    root of the bundles to follow, or None to serve ``bundle`` whatever is promoted.
    ``take_snapshot`` is the command line that takes one, run every ``snapshot_every_s`` seconds;
    None for never. ``clock_ms`` gives the time in Unix ms. With ``has_access_log``, each request
    is in the server's log. With a ``simulation``, events and rankings go by its time.
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

    @property
    def event_clock_ms(self) -> Callable[[], int]:
        """Gives the time by which events and rankings count."""
        return self.clock_ms if self.simulation is None else self.simulation.clock_ms
