"""Forks servers from a process that has imported and compiled everything that a server needs.

A fresh interpreter takes a second of a processor to come that far, which is most of what many tests
take. Run as a program, it forks ``liverank serve`` for each call that comes over the socket it was
given, with the descriptors of the server's stdout and stderr, and answers with its pid; a call that
is a pid is answered with its exit code, or null while it runs.
"""

import atexit
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, NoReturn

_LONGEST = 1 << 17
"""Bytes of a call."""


class Forked:
    """A server that was forked, with what tests use of ``subprocess.Popen``."""

    def __init__(self, pid: int, stdout: IO[str]) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)  # until it is waited for, nobody else has its pid

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float = 60.0) -> int:
        until = time.monotonic() + timeout
        while self.returncode is None:
            self.returncode = _nursery().ask(self.pid)
            if self.returncode is None:
                if time.monotonic() > until:
                    raise subprocess.TimeoutExpired("liverank serve", timeout)
                time.sleep(0.005)
        return self.returncode

    def communicate(self, timeout: float = 60.0) -> tuple[str, None]:
        """What it printed after what was read, once it and all of its processes have ended.

        That is a line or two, for which a pipe has room. Raises TimeoutExpired.
        """
        self.wait(timeout)
        output = "" if self.stdout.closed else self.stdout.read()
        self.stdout.close()
        return output, None


def fork_server(directory: Path, words: list[str], stderr: IO[str], env: dict[str, str]) -> Forked:
    """Start ``liverank`` with these words in a folder, in a session of its own."""
    ours, theirs = os.pipe()
    call = {"directory": str(directory), "words": words, "env": env}
    pid = _nursery().ask(call, theirs, stderr.fileno())
    os.close(theirs)
    return Forked(pid, os.fdopen(ours, encoding="utf-8"))


class _Nursery:
    """The process that forks servers."""

    def __init__(self) -> None:
        self._calls, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONWARNINGS": "error"},
            )
        assert self._calls.recv(100) == b"ready", "what servers are forked from did not start"

    def ask(self, call: Any, *fds: int) -> Any:
        socket.send_fds(self._calls, [json.dumps(call).encode()], fds)
        return json.loads(self._calls.recv(100))

    def close(self) -> None:
        self._calls.close()
        self._process.wait()


@functools.cache
def _nursery() -> _Nursery:
    nursery = _Nursery()
    atexit.register(nursery.close)
    return nursery


def _warm_up() -> None:
    """Import and compile what a server needs."""
    from liverank.cli.commands import serve
    from liverank.config import parse_config

    with tempfile.TemporaryDirectory() as folder:
        config = parse_config('[label]\ninteraction = "join"')
        serve.warm_up(serve.choose_level(Path(folder)), config)


def _serve(call: dict[str, Any], stdout: int, stderr: int) -> NoReturn:
    from liverank.cli import main

    os.setsid()
    os.chdir(call["directory"])
    os.environ.clear()
    os.environ.update(call["env"])
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.close(stdout)
    os.close(stderr)
    sys.exit(main(call["words"]))


def _answer_calls(calls: socket.socket) -> None:
    calls.send(b"ready")
    while True:
        message, fds, _, _ = socket.recv_fds(calls, _LONGEST, 2)
        if not message:
            return
        call = json.loads(message)
        if isinstance(call, int):
            pid, status = os.waitpid(call, os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        elif (answer := os.fork()) == 0:
            calls.close()
            _serve(call, *fds)
        for fd in fds:
            os.close(fd)
        calls.send(json.dumps(answer).encode())


if __name__ == "__main__":
    _warm_up()
    with socket.socket(fileno=int(sys.argv[1])) as calls:
        _answer_calls(calls)
