"""A deployment of the world, as a team would have it: a log, a model, a snapshot.

Built once into a folder by the command line alone (``ingest``, ``train``, ``snapshot``), and built
again when it is older than half a day, since what is live would no longer be.

    FOLDER/live/        the log with the rooms that are live, the bundle, a snapshot
    FOLDER/more/        the same with the further live rooms
    FOLDER/users.txt    the people, one id a line
    FOLDER/built.json   when it was built, of what size, in how many seconds
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from serve.visits import history
from serve.world import CONFIG, World, WorldSize, make_world, more_rooms

OLDEST_S = 12 * 3600
"""A deployment older than this is built again."""
SMALL = replace(WorldSize(), people=10_000, live=500, more_live=1_500, visits=15_000)
"""A tenth of it, to try things out."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where it is, and what it took to build: ``seconds`` by step."""

    folder: Path
    size: WorldSize
    seconds: dict[str, float]

    @property
    def live(self) -> Path:
        """The folder of the deployment with ``size.live`` live rooms."""
        return self.folder / "live"

    @property
    def more(self) -> Path:
        """The folder of the one with ``size.more_live`` further ones."""
        return self.folder / "more"

    @property
    def users(self) -> Path:
        """A file of the people's ids, one a line."""
        return self.folder / "users.txt"

    @property
    def everything_live(self) -> int:
        """Live rooms of ``more``."""
        return self.size.live + self.size.more_live


def ready_deployment(folder: Path, size: WorldSize, *, budget: str = "90s") -> Deployment:
    """The deployment in a folder; built where there is none of this size, or an old one.

    ``budget`` is the model search's. Raises CalledProcessError when a command fails.
    """
    config = CONFIG.format(budget=budget)
    wanted = {"size": asdict(size), "config": config}
    told = folder / "built.json"
    if told.exists():
        built = json.loads(told.read_text())
        is_fresh = time.time() - built["built_at_s"] < OLDEST_S
        if is_fresh and built["wanted"] == wanted:
            deployment = Deployment(folder, size, built["seconds"])
            for directory in (deployment.live, deployment.more):
                liverank(directory, "snapshot")  # one of another version of the code is not used
            return deployment
        told.unlink()
    seconds = _build(Deployment(folder, size, {}), config)
    told.write_text(
        json.dumps({"wanted": wanted, "built_at_s": time.time(), "seconds": seconds}) + "\n"
    )
    return Deployment(folder, size, seconds)


@contextmanager
def copied(directory: Path) -> Iterator[Path]:
    """A copy of a deployment to serve from, gone afterwards: each run begins with the same log."""
    copy = directory.with_name(f"{directory.name}-served")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(directory, copy)
    try:
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def liverank(directory: Path, *arguments: str) -> dict[str, Any]:
    """Run a command of ours in a folder, and what it answers as ``--json``."""
    command = [sys.executable, "-m", "liverank", *arguments, "--json"]
    done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _build(deployment: Deployment, config: str) -> dict[str, float]:
    """Make the events, and the deployments of them; seconds by step."""
    clock = _StepClock()
    for directory in (deployment.live, deployment.more):
        shutil.rmtree(directory, ignore_errors=True)
    deployment.live.mkdir(parents=True)
    (deployment.live / "liverank.toml").write_text(config)
    world = make_world(deployment.size, end_ms=time.time_ns() // 1_000_000)
    deployment.users.write_text("".join(f"u{user}\n" for user in range(world.size.people)))
    events = deployment.folder / "events"
    _write(world, events)
    clock.tick("events")
    liverank(deployment.live, "ingest", str(events / "history"))
    clock.tick("ingest")
    liverank(deployment.live, "train", "--force")
    clock.tick("train")
    shutil.copytree(deployment.live, deployment.more)
    liverank(deployment.live, "snapshot")
    clock.tick("snapshot")
    liverank(deployment.more, "ingest", str(events / "more"))
    liverank(deployment.more, "snapshot")
    clock.tick("more rooms")
    shutil.rmtree(events)
    return clock.seconds


def _write(world: World, events: Path) -> None:
    shutil.rmtree(events, ignore_errors=True)
    for name in ("history", "more"):
        (events / name).mkdir(parents=True)
    for name, frame in history(world):
        frame.write_parquet(events / "history" / f"{name}.parquet")
    more_rooms(world).write_parquet(events / "more" / "rooms.parquet")


class _StepClock:
    """Seconds of each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.perf_counter()

    def tick(self, step: str) -> None:
        """Note that a step is over."""
        now = time.perf_counter()
        self.seconds[step] = round(now - self._began, 1)
        self._began = now
