"""Runs ``liverank serve`` in another process for the duration of a ``with`` block.

Invariant: after the block, even on an error, the server has ended.
"""

import http.client
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from liverank.errors import ServingError

READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 15
_LISTENING = "Listening on "
_POLL_S = 0.02


@contextmanager
def own_server(
    config_file: Path,
    *options: str,
    written_to: Path | None = None,
    ready_within_s: float = READY_WITHIN_S,
) -> Iterator[str]:
    """Start ``liverank serve`` on a free port, and yield its address once it is ready to rank.

    ``options`` are further options of its command line, ``written_to`` is a file for its output.
    Raises ServingError if it ends, or takes too long, before it is ready.
    """
    command = [sys.executable, "-m", "liverank", "serve", "--host", "127.0.0.1", "--port", "0"]
    with _output(written_to) as output:
        process = subprocess.Popen(  # noqa: S603  # our own command line
            [*command, "--config", str(config_file), *options],
            stdout=output,  # it would block on a pipe that is not read
            stderr=subprocess.STDOUT,
        )
        try:
            until_s = time.monotonic() + ready_within_s
            address = _address(process, output, until_s)
            _wait_until_ready(process, output, address, until_s)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(timeout=_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def simulated_server(project: Path) -> Iterator[str]:
    """Serve the project of a folder in simulated time, and yield the server's address.

    Its output is in ``server.log`` there. Raises ServingError if it does not become ready.
    """
    with own_server(
        project / "liverank.toml",
        "--simulated",
        written_to=project / "server.log",
        ready_within_s=1800.0,
    ) as address:
        yield address


def post(url: str, body: bytes) -> bytes:
    """POST JSON and return the body of the answer. Raises ServingError for an error answer."""
    request = urllib.request.Request(  # noqa: S310  # the address of own_server
        url, data=body, headers={"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # as above
            answer: bytes = response.read()
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        raise ServingError(f"{url}: {error.code}: {text}") from None
    except (OSError, http.client.HTTPException) as error:
        raise ServingError(f"{url}: no answer: {error}") from None
    return answer


def _output(written_to: Path | None) -> IO[str]:
    if written_to is None:
        return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
    return written_to.open("w+", encoding="utf-8", errors="replace")


def _address(process: subprocess.Popen[bytes], output: IO[str], until_s: float) -> str:
    """The address that the server reports to be listening on."""
    while time.monotonic() < until_s:
        has_ended = process.poll() is not None
        printed = _printed(output)
        for line in printed.splitlines(keepends=True):
            if line.startswith(_LISTENING) and line.endswith("\n"):
                return line.removeprefix(_LISTENING).strip()
        if has_ended:
            raise ServingError(f"the server ended before it listened: {printed.strip()}")
        time.sleep(_POLL_S)
    raise ServingError(f"the server did not listen in time: {_printed(output).strip()}")


def _wait_until_ready(
    process: subprocess.Popen[bytes], output: IO[str], address: str, until_s: float
) -> None:
    while time.monotonic() < until_s:
        if process.poll() is not None:
            raise ServingError(f"the server ended before it was ready: {_printed(output).strip()}")
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):  # noqa: S310  # ours
                return
        except (OSError, http.client.HTTPException):  # not listening, or 503: still reading
            time.sleep(_POLL_S)
    raise ServingError("the server was not ready in time; try a smaller world")


def _printed(output: IO[str]) -> str:
    """The server's output so far."""
    output.seek(0)
    return output.read()
