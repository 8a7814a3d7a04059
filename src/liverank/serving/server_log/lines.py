"""Formats events of the server's log as lines: text for people, or JSON for programs.

Invariant: an event is one line in one write, so that lines of processes that share a file or a pipe
are never mixed; if the log cannot be written, serving continues.
"""

import logging
import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from liverank.serving.server_log.events import LOGGER

LogFormat = Literal["text", "json"]
SUPERVISOR = "supervisor"

_STDERR = 2
_MAX_CHARACTERS = 600
"""Maximum characters of a message or a field, so that a line fits an atomic write to a pipe."""
_MAX_TRACEBACK = 2500
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One event; ``time`` is RFC 3339 in UTC, with milliseconds."""

    time: str
    level: str
    event: str
    process: str
    """Process name as in ``pids`` of ``/healthz``, or ``supervisor``."""
    message: str
    fields: dict[str, Any] = {}


def start_server_log(log_format: LogFormat) -> None:
    """Write events, and warnings of libraries, to stderr from now on."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _Handler):
            root.removeHandler(handler)
    root.addHandler(_Handler(log_format))
    logging.getLogger(LOGGER).setLevel(logging.INFO)


def name_process(name: str) -> None:
    """Set the process name of later events, after a fork."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Handler):
            handler.process = name


def line_of(record: logging.LogRecord, process: str) -> Line:
    """The line for a record of ``logging``."""
    fields = {name: _short(value) for name, value in getattr(record, "fields", {}).items()}
    if record.exc_info:
        traceback = logging.Formatter().formatException(record.exc_info)
        fields["traceback"] = _printable(traceback[-_MAX_TRACEBACK:])
    return Line(
        time=f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}"
        f".{int(record.created * 1000) % 1000:03d}Z",
        level=record.levelname.lower(),
        event=getattr(record, "event", "other"),
        process=process,
        message=str(_short(record.getMessage())),
        fields=fields,
    )


def text_of(line: Line) -> str:
    r"""A line as text, followed by a traceback if there is one.

    >>> text_of(Line(time="T", level="info", event="end", process="fold", message="it ended"))
    'T info fold end: it ended'
    """
    text = f"{line.time} {line.level} {line.process} {line.event}: {line.message}"
    traceback = line.fields.get("traceback")
    return text if traceback is None else f"{text} | {traceback}"


class _Handler(logging.Handler):
    """Writes lines to stderr."""

    def __init__(self, log_format: LogFormat) -> None:
        super().__init__()
        self.process = SUPERVISOR
        self._is_json = log_format == "json"

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        line = line_of(record, self.process)
        data = msgspec.json.encode(line) if self._is_json else text_of(line).encode()
        with suppress(OSError):  # the reader is gone, or the disk is full: serving continues
            os.write(_STDERR, data + b"\n")


def _short(value: object) -> object:
    """A value, shortened to fit into a line."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return _printable(text if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}...")


def _printable(text: str) -> str:
    """Text with line ends, control characters and lone surrogates escaped."""
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)
