"""The server's own routes over a project, in this process: what every HTTP server is put before."""

import json
import random
import time
from pathlib import Path

from liverank.config import load_config
from liverank.events.event import Item, User
from liverank.events.frame import events_of
from liverank.events.log import Log
from liverank.serving.health import HealthReporter
from liverank.serving.http.routes import Routes
from liverank.serving.processes.board import Board, begin_process
from liverank.serving.ranking.fallback import choose_level
from liverank.serving.ranking.ranker import View, make_ranker
from liverank.serving.service import Service
from liverank.serving.state.live_table import LivePublisher
from liverank.serving.state.log_fold import fold_log

CANDIDATES, LIMIT = 55, 50


def ready_routes(project: Path) -> Routes:
    """Routes that rank by the promoted bundle of a project. Rankings are not logged.

    Raises RuntimeError where no bundle is promoted.
    """
    config = load_config(project / "liverank.toml")
    root = project / config.path
    level = choose_level(root)
    if level.bundle is None:
        raise RuntimeError(f"{root}: no bundle is served: {level.reason}")
    log = Log.open(root / "log").__enter__()  # for as long as the process lives
    folded = fold_log(log, level.bundle.spec.layout, config)
    publisher = LivePublisher(folded.live)
    publisher.publish()
    board = Board(1)
    begin_process(board.workers[0])
    service = Service(log, config, board, 0, snapshots=root / "snapshots", clock_ms=now_ms)
    ranker = make_ranker(level, level.bundle.spec.layout)
    service.adopt(View(folded.state, publisher.table, ranker, log.generation()), 1)
    return Routes(service, HealthReporter(service))


def rank_bodies(project: Path, *, count: int, seed: int = 0) -> list[str]:
    """Bodies of ``POST /v1/rank``, each of a person and 55 items of the log, 50 of them wanted."""
    config = load_config(project / "liverank.toml")
    users, items = set(), set()
    with Log.open(project / config.path / "log") as log:
        for frame in log.read():
            for event in events_of(frame):
                if isinstance(event, User):
                    users.add(event.user)
                elif isinstance(event, Item):
                    items.add(event.item)
    generator, people, rooms = random.Random(seed), sorted(users), sorted(items)
    return [
        json.dumps(
            {
                "user": generator.choice(people),
                "items": generator.sample(rooms, CANDIDATES),
                "limit": LIMIT,
                "deadline_ms": 10_000,
            }
        )
        for _ in range(count)
    ]


def now_ms() -> int:
    """The time in Unix ms."""
    return time.time_ns() // 1_000_000
