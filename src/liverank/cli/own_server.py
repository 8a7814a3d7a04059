"""A rank server of our own for as long as a block lasts: the real command, in another process.

Invariant: when the block is left, however that happens, the server has ended.
"""

import http.client
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from liverank.errors import ServingError

READY_WITHIN_S = 60
_STOP_WITHIN_S = 15
_LISTENING = "Listening on "


@contextmanager
def own_server(config_file: Path) -> Iterator[str]:
    """Start ``liverank serve`` on a free port, and give its address once it is ready to rank.

    Raises ServingError when it ends, or takes too long, before that.
    """
    command = [sys.executable, "-m", "liverank", "serve", "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(  # noqa: S603  # our own command line
        [*command, "--config", str(config_file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        address = _address(process)
        _wait_until_ready(process, address)
        yield address
    finally:
        process.terminate()
        try:
            process.communicate(timeout=_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def post(url: str, body: bytes) -> bytes:
    """POST JSON and return the body of the answer. Raises ServingError when it is an error."""
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


def _address(process: subprocess.Popen[str]) -> str:
    """What the server says it listens on."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        if line.startswith(_LISTENING):
            return line.removeprefix(_LISTENING).strip()
        said.append(line)
    raise ServingError(f"the server ended before it listened: {''.join(said).strip()}")


def _wait_until_ready(process: subprocess.Popen[str], address: str) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        if process.poll() is not None:
            said, _ = process.communicate()
            raise ServingError(f"the server ended before it was ready: {said.strip()}")
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):  # noqa: S310  # ours
                return
        except (OSError, http.client.HTTPException):  # not listening, or 503: still reading
            time.sleep(0.1)
    raise ServingError(f"the server was not ready within {READY_WITHIN_S} s; try fewer --people")
