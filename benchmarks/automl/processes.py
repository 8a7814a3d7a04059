"""Processes that are timed: no more threads than cores, an end in time, none left behind."""

import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "LOKY_MAX_CPU_COUNT",
)


class Processes:
    """Runs processes, several threads at a time; ``stop`` ends those that run, with their own."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._lock = threading.Lock()

    def run(self, command: Sequence[str], log: Path, *, cores: int, most_s: float) -> str | None:
        """None when a command ends well, else its last words; all it prints goes to ``log``."""
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=log.parent,
                env=os.environ | dict.fromkeys(THREADS, str(cores)),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            with self._lock:
                self._running.add(process.pid)
            try:
                code = process.wait(most_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return f"ended after {most_s:.0f} s"
            finally:
                with self._lock:
                    self._running.discard(process.pid)
        if code == 0:
            return None
        said = log.read_text(errors="replace").strip().splitlines()
        return said[-1][:500] if said else f"exit code {code}"

    def stop(self) -> None:
        """End all that run."""
        with self._lock:
            for pid in self._running:
                os.killpg(pid, signal.SIGKILL)
