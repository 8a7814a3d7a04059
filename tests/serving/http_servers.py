"""Our HTTP server in a thread, and clients that speak to it in bytes."""

import asyncio
import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager

import uvloop

from liverank.serving.http.exchange import Answer
from liverank.serving.http.limits import Limits
from liverank.serving.http.server import HttpServer


def echo(request):
    """What was asked, as JSON; ``/slow`` after a while, ``/long`` at length."""
    if request.path == "/long":
        return Answer(200, b"x" * int(request.query))
    said = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "body": request.body.decode("latin-1"),
    }
    answer = Answer(200, json.dumps(said).encode())
    if request.path == "/broken":
        raise RuntimeError("on purpose")
    if request.path != "/slow":
        return answer

    async def later():
        await asyncio.sleep(0.2)
        return answer

    return later()


class Served:
    """A running server: its port, the server itself, and the statuses that it counted."""

    def __init__(self):
        self.refused = []
        self.handled = []

    def connect(self, receive_bytes=None):
        client = socket.socket()
        if receive_bytes is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        client.settimeout(20)
        client.connect(("127.0.0.1", self.port))
        return client

    def exchange(self, data, methods=("POST",)):
        """Send bytes at once; the answers, for requests of these methods, in order."""
        with self.connect() as client:
            client.sendall(data)
            return answers(client, *methods)

    def eventually_has(self, connections, within_s=5):
        until = time.monotonic() + within_s
        while len(self.http.connections) != connections and time.monotonic() < until:
            time.sleep(0.01)
        return len(self.http.connections) == connections


@contextmanager
def serving(handler=echo, **limits):
    served = Served()

    def handle(request):
        served.handled.append(request.path)
        return handler(request)

    async def serve():
        served.http = HttpServer(handle, limits=Limits(**limits), count=served.refused.append)
        served.loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        served.stop = lambda: served.loop.call_soon_threadsafe(stopped.set)
        listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
        served.port = listening.getsockname()[1]
        await served.http.start(listening)
        is_up.set()
        await stopped.wait()
        began = time.monotonic()
        await served.http.stop(within_s=3)
        served.stopped_in_s = time.monotonic() - began

    def run():
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())

    is_up = threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    assert is_up.wait(10)
    try:
        yield served
    finally:
        if thread.is_alive():
            served.stop()
        thread.join(20)
        assert not thread.is_alive()


class _OneFile:
    """What ``http.client`` takes for a socket: all answers come from one buffer."""

    def __init__(self, file):
        self._file = file

    def makefile(self, _mode):
        return self

    def close(self):
        """Not yet."""

    def flush(self):
        """Nothing is written."""

    def __getattr__(self, name):
        return getattr(self._file, name)


class Got:
    """An answer, as Python's own client reads it."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.version = response.version
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]


def answers(client, *methods):
    """Answers to requests of these methods, in order, and then as many as there are none of."""
    with client.makefile("rb") as file:
        return [_answer(file, method) for method in methods]


def _answer(file, method):
    response = http.client.HTTPResponse(_OneFile(file), method=method)
    response.begin()
    return Got(response)


def is_closed(client, within_s=5):
    """Whether the server ends the connection, and sends nothing more before."""
    client.settimeout(within_s)
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def post(path, body=b"", *headers):
    lines = [b"POST %s HTTP/1.1" % path, b"Host: x", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def get(path, *headers, method=b"GET", version=b"1.1"):
    lines = [b"%s %s HTTP/%s" % (method, path, version), b"Host: x", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def chunked(path, *chunks, headers=(), trailers=b""):
    lines = [b"POST %s HTTP/1.1" % path, b"Host: x", b"Transfer-Encoding: chunked", *headers]
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body + b"0\r\n" + trailers + b"\r\n"
