"""The published load while processes are killed and bundles swapped, then a check of the log.

Invariant: whatever is killed is a process that the server under test started.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from liverank.bundle import store
from liverank.bundle.bundle import pack_bundle
from serve.deployment import Deployment, copied, liverank
from serve.loads import EVENTS_RATE, PUBLISHED_RATE, Load, Row, put
from serve.processes import Running, ask, processes_of, pss_bytes, running_liverank

KILL_WORKER_S, KILL_FOLD_S, SWAP_S, LOOK_S = 30.0, 120.0, 20.0, 5.0
_SETTLE_S = 5.0


class _Note(msgspec.Struct, frozen=True):
    note: str


@dataclass(slots=True)
class Faults:
    """What was done to a server, and its memory at each look.

    A look is the seconds since the start, the bytes of all processes, and those of feature state
    among them (0 where the server did not tell), which grows with the events that flow in.
    """

    workers_killed: int = 0
    folds_killed: int = 0
    swaps: int = 0
    memory: list[tuple[float, int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Endured:
    """What came of it: the load's row, the faults, and what ``liverank replay --check`` found."""

    row: Row
    faults: Faults
    check: dict[str, Any]

    def memory_mb(self, which: int) -> tuple[float, float]:
        """Medians of the first and of the last quarter of the looks; ``which`` is 1 or 2."""
        held = [look[which] / 1e6 for look in self.faults.memory if look[which]]
        quarter = max(len(held) // 4, 1)
        return float(np.median(held[:quarter])), float(np.median(held[-quarter:]))


def endure(deployment: Deployment, *, minutes: float, serve: tuple[str, ...]) -> Endured:
    """Serve a copy of the deployment under the published load and faults, for so many minutes."""
    load = Load("with faults", PUBLISHED_RATE, events_rate=EVENTS_RATE, seconds=60 * minutes)
    with copied(deployment.live) as directory:
        root = directory / ".liverank"
        versions = (store.current(root), second_version(root))
        with running_liverank(directory, *serve) as server:
            put(replace(load, seconds=_SETTLE_S), server, deployment.users)
            with _faults(server, root, versions) as faults:
                row = put(load, server, deployment.users)
        check = liverank(directory, "replay", "--check")
    return Endured(row, faults, check)


def second_version(root: Path) -> str:
    """Keep another version of the bundle that is served: the same features, shifted scores."""
    bundle = store.load(root, store.current(root) or "none")
    heads = {
        name: replace(
            head, calibrator=replace(head.calibrator, offset=head.calibrator.offset + 0.01)
        )
        for name, head in bundle.heads.items()
    }
    packed = pack_bundle(
        spec=bundle.spec,
        heads=heads,
        report=_Note("the same model, its scores shifted, to swap with"),
        golden=bundle.golden,
        created_ms=bundle.manifest.created_ms + 1,
    )
    return store.add(root, packed)


def endured_rows(endured: Endured) -> list[list[object]]:
    """Rows of a table of two columns."""
    row, faults, check = endured.row, endured.faults, endured.check
    begin, end = endured.memory_mb(1)
    state_begin, state_end = endured.memory_mb(2)
    return [
        ["requests", f"{row.sent:,}"],
        ["failed, 503", f"{row.failed:,}, {row.refused:,}"],
        ["fallbacks", f"{sum(row.fallbacks.values()):,}"],
        ["p50, p99, max ms", f"{row.p50}, {row.p99}, {row.most}"],
        ["workers killed", str(faults.workers_killed)],
        ["folding processes killed", str(faults.folds_killed)],
        ["bundles swapped", str(faults.swaps)],
        ["memory in the first quarter, in the last", f"{begin:,.0f} MB, {end:,.0f} MB"],
        ["feature state of them, likewise", f"{state_begin:,.0f} MB, {state_end:,.0f} MB"],
        ["replay --check: rankings, mismatches", f"{check['rankings']:,}, {check['mismatches']:,}"],
    ]


@contextmanager
def _faults(server: Running, root: Path, versions: tuple[str | None, str]) -> Iterator[Faults]:
    """Do harm in a thread while the block runs."""
    done, over = Faults(), threading.Event()
    thread = threading.Thread(target=_harm, args=(server, root, versions, done, over))
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join()


def _harm(
    server: Running,
    root: Path,
    versions: tuple[str | None, str],
    done: Faults,
    over: threading.Event,
) -> None:
    began = time.monotonic()
    due = {"worker": KILL_WORKER_S, "fold": KILL_FOLD_S, "swap": SWAP_S, "look": 0.0}
    every = {"worker": KILL_WORKER_S, "fold": KILL_FOLD_S, "swap": SWAP_S, "look": LOOK_S}
    while not over.wait(max(began + min(due.values()) - time.monotonic(), 0.0)):
        what = min(due, key=lambda each: due[each])
        due[what] += every[what]
        if what == "look":
            memory = pss_bytes(server.pid)
            done.memory.append((time.monotonic() - began, memory, _state_bytes(server)))
        elif what == "swap":
            done.swaps += 1
            store.promote(root, versions[done.swaps % 2] or versions[1])
        elif what == "worker":
            done.workers_killed += _kill(server, "worker", done.workers_killed)
        else:
            done.folds_killed += _kill(server, "fold", 0)


def _state_bytes(server: Running) -> int:
    try:
        state = ask(server.url, "/healthz").get("state") or {}
    except OSError:
        return 0
    return int(state.get("bytes", 0))


def _kill(server: Running, role: str, turn: int) -> int:
    """Kill one process of a role, each in its turn; how many were killed."""
    pids = processes_of(server).get(role, [])
    if not pids:
        return 0
    os.kill(pids[turn % len(pids)], signal.SIGKILL)
    return 1
