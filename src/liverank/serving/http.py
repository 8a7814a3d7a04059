"""HTTP in raw ASGI: read a body, send JSON, and turn what goes wrong into an answer.

Invariant: every answer is JSON, and every error has the shape of ``wire.ErrorResponse``.
"""

import msgspec
from starlette.types import Message, Receive, Scope, Send

from liverank.serving.http.messages import BadRequestError, ErrorResponse, Problem

_encoder = msgspec.json.Encoder()


class Disconnected(Exception):  # noqa: N818  # not an error: the client went away
    """The client went away before its request was complete."""


async def read_body(receive: Receive, *, max_bytes: int) -> bytes:
    """The whole body of a request. Raises BadRequestError (413) when it is longer than allowed."""
    message = await receive()
    body = _part(message)
    if message.get("more_body"):
        parts, size = [body], len(body)
        while message.get("more_body") and size <= max_bytes:
            message = await receive()
            parts.append(_part(message))
            size += len(parts[-1])
        body = b"".join(parts)
    if len(body) > max_bytes:
        raise BadRequestError(
            413,
            "body",
            f"more than {max_bytes:,} bytes; send less at a time, or raise "
            "`serving.max_body_mb` in liverank.toml",
        )
    return body


async def send_json(
    send: Send, status: int, content: msgspec.Struct, *headers: tuple[bytes, bytes]
) -> None:
    """Send one JSON answer."""
    body = _encoder.encode(content)
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_problem(send: Send, status: int, problem: Problem) -> None:
    """Send an error; one that passes says when to try again."""
    headers = [(b"retry-after", b"1")] if status == 503 else []
    if status == 413:
        headers.append((b"connection", b"close"))  # the rest of the body is not read
    await send_json(send, status, ErrorResponse(problem), *headers)


def require_method(scope: Scope, method: str) -> None:
    """Raise BadRequestError (405) when the method is another one."""
    if scope["method"] != method:
        raise BadRequestError(405, "method", f"{scope['method']} is not allowed; send a {method}")


def _part(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise Disconnected
    part: bytes = message.get("body", b"")
    return part
