"""Errors of the log, as answers to a request."""

from collections.abc import Iterator
from contextlib import contextmanager

from liverank.errors import EventError, LogBusyError, LogFullError
from liverank.serving.http.messages import BadRequestError


@contextmanager
def log_refusals(where: str) -> Iterator[None]:
    """Turn errors of the log within the block into BadRequestError.

    422 for an EventError, at ``where`` in the request; 507 if the disk is full; 503 while another
    process locks the log. Other errors of the log pass unchanged.

    >>> with log_refusals("body"):
    ...     raise LogBusyError("another process holds the log")
    Traceback (most recent call last):
    liverank.serving.http.messages.BadRequestError: log: another process holds the log
    """
    try:
        yield
    except EventError as error:
        raise BadRequestError(422, where, str(error)) from None
    except LogFullError as error:
        raise BadRequestError(507, "log", str(error)) from None
    except LogBusyError as error:
        raise BadRequestError(503, "log", str(error)) from None
