"""What it takes to run tests in two processes, as ``make test`` does.

A test that measures time is marked ``alone``: it waits until the other process is between two
tests, and that one then waits for it. Reports go from process to process as UTF-8, so characters
that cannot are written as escapes. Invariant: with one process, nothing here does anything.
"""

import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_FOLDER = "LIVERANK_TESTS_TURNS"
"""The environment variable by which the processes of a run find their locks."""

_COMPILES = "features/test_compaction.py"
"""What one process begins with: it compiles most kernels, which the other then finds compiled."""
_LONGEST = (
    "events/test_log_kills.py",
    "events/test_log_model.py",
    "events/test_log_erase_kills.py",
    "events/test_log_erase.py",
    "serving/test_http_limits.py",
    "serving/test_processes_killed.py",
    "serving/test_processes_memory.py",
    "serving/test_serve_loadtest.py",
    "cli/test_backtest_command.py",
    "serving/test_serve_failures.py",
    "serving/test_processes_swapped.py",
    "cli/test_automl_command.py",
    "tests/test_docs_run.py",
    "features/test_shared_state.py",
    "serving/test_health.py",
    "serving/test_one_asks_for_a_lot.py",
    "features/test_oracle.py",
    "serving/test_http_served.py",
    "serving/test_health_of_held_log.py",
)
"""Files by the time that they take; the first need no kernels."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of the locks, in the process that starts the others."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(prefix="liverank-tests-")
        os.environ[_FOLDER] = folder.name
        config.add_cleanup(folder.cleanup)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the longest files first, each file's in their own order."""
    items.sort(key=_order)


def _order(item: pytest.Item) -> int:
    file = item.path.as_posix()
    found = (n for n, name in enumerate((_COMPILES, *_LONGEST)) if file.endswith(name))
    return next(found, len(_LONGEST) + 1)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run a test in turn. What it waits is outside of its limit of time."""
    if not hasattr(item.config, "workerinput"):
        return (yield)
    with _turn(Path(os.environ[_FOLDER]), is_alone=item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Give a report, what was printed included, to the process that shows it."""
    return _sendable((yield))


def _sendable(value: Any) -> Any:
    """The same with every half character as an escape."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_sendable(key): _sendable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_sendable(one) for one in value)
    return value


@contextmanager
def _turn(folder: Path, *, is_alone: bool) -> Generator[None, None, None]:
    """Hold the machine, shared or not. Whoever waits for it holds up those that come later."""
    with (folder / "next.lock").open("a") as next_one, (folder / "machine.lock").open("a") as held:
        fcntl.flock(next_one, fcntl.LOCK_EX)
        fcntl.flock(held, fcntl.LOCK_EX if is_alone else fcntl.LOCK_SH)
        fcntl.flock(next_one, fcntl.LOCK_UN)
        yield
