"""A server under test: started, found and measured by the system's own figures (Linux).

Invariant: processor time is that of the started process and of all its descendants, the dead that
were waited for included, so that a server of several processes is measured as one.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")
_START_S = 120.0
_STOP_S = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server process, where it listens, and how long it took to be ready."""

    process: subprocess.Popen[bytes]
    url: str
    ready_s: float = 0.0

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self.process.pid


@contextmanager
def running_liverank(directory: Path, *arguments: str, port: int = 8765) -> Iterator[Running]:
    """``liverank serve`` in the folder of a deployment, ready to rank. Raises RuntimeError."""
    command = [sys.executable, "-m", "liverank", "serve", "--port", str(port), *arguments]
    with running(command, directory, f"http://127.0.0.1:{port}", "/readyz") as server:
        yield server


@contextmanager
def running(command: Sequence[str], directory: Path, url: str, path: str) -> Iterator[Running]:
    """A command that serves, once a GET of the path is answered with 200. Raises RuntimeError."""
    log = directory / "server.log"
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=output)
    try:
        while not _answers(url + path):
            if process.poll() is not None or time.perf_counter() - began > _START_S:
                raise RuntimeError(f"{' '.join(command)}: not ready: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield Running(process, url, time.perf_counter() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def processes_of(server: Running) -> dict[str, list[int]]:
    """Process ids by role: ``supervisor``, ``worker``, ``fold``.

    By what ``/healthz`` tells of ``pids`` (``fold``, ``worker-0``, ...). A server of one process
    has it as ``supervisor`` and nothing else, as does one that does not answer now. This is the one
    place that knows how processes are named.
    """
    found: dict[str, list[int]] = {"supervisor": [server.pid]}
    try:
        told = ask(server.url, "/healthz").get("pids", {})
    except OSError:
        return found
    for name, pid in told.items():
        found.setdefault(name.partition("-")[0], []).append(pid)
    return found


def descendants(pid: int) -> list[int]:
    """Processes that it started, and that those started, by their ids."""
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and (fields := _stat(int(place.name))):
            parents.setdefault(int(fields[1]), []).append(int(place.name))
    found, waiting = [], [pid]
    while waiting:
        children = sorted(parents.get(waiting.pop(), []))
        found += children
        waiting += children
    return found


def cpu_s(pid: int) -> float:
    """Processor seconds, user and system, of a process and its descendants so far."""
    ticks = 0
    for each in (pid, *descendants(pid)):
        fields = _stat(each)
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS


def pss_bytes(pid: int) -> int:
    """Proportional memory of a process and its descendants: shared pages are counted once."""
    total = 0
    for each in (pid, *descendants(pid)):
        told = re.search(r"^Pss:\s+(\d+) kB", _read(each, "smaps_rollup"), re.MULTILINE)
        total += 1024 * int(told[1]) if told else 0
    return total


def ask(url: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    """A JSON answer of the server. Raises OSError where there is none, or an error."""
    request = urllib.request.Request(url + path, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        answer: dict[str, Any] = json.loads(response.read())
        return answer


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _stat(pid: int) -> list[str]:
    """Fields of ``/proc/PID/stat`` from the third on; empty where the process is gone."""
    return _read(pid, "stat").rpartition(")")[2].split()


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""
