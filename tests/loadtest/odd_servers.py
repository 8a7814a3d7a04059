"""HTTP servers in a thread that answer at once, until a test tells them to behave otherwise."""

import asyncio
import json
import threading
import time
from contextlib import contextmanager

RIGHT = json.dumps(
    {"items": [], "fallback": None, "dropped": {"ended": 5}}, separators=(",", ":")
).encode()


def answer(body=RIGHT, status="200 OK", headers=""):
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


class OddServer:
    """``behave(number, transport)`` handles the request of that number, from 0, over all
    connections; returning True leaves the answer to the server."""

    def __init__(self, behave):
        self.behave = behave
        self.requests = 0
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self.port = 0

    def stall(self, seconds):
        """Stop the whole server for a time; when that was."""
        began_ns = time.monotonic_ns()
        time.sleep(seconds)
        return began_ns, time.monotonic_ns()


@contextmanager
def odd_server(behave=lambda number, transport: True):
    server = OddServer(behave)
    loop = asyncio.new_event_loop()

    class Handler(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport, self.received = transport, b""
            server.connections += 1
            server.open += 1
            server.most_open = max(server.most_open, server.open)

        def connection_lost(self, error):
            server.open -= 1

        def data_received(self, data):
            self.received += data
            head, end, body = self.received.partition(b"\r\n\r\n")
            if not end:
                return
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(body) < length:
                return
            self.received = body[length:]
            number, server.requests = server.requests, server.requests + 1
            if server.behave(number, self.transport):
                self.transport.write(answer())

    async def listen():
        listening = await loop.create_server(Handler, "127.0.0.1", 0)
        server.port = listening.sockets[0].getsockname()[1]
        return listening

    listening = loop.run_until_complete(listen())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server
    finally:

        async def stop():
            listening.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        asyncio.run_coroutine_threadsafe(stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
