"""What the log refuses, as the answer to a request."""

from collections.abc import Iterator
from contextlib import contextmanager

from liverank.errors import EventError, LogBusyError, LogFullError
from liverank.serving.http.messages import BadRequestError


@contextmanager
def log_refusals(where: str) -> Iterator[None]:
    """Raise BadRequestError where the log refuses within the block.

    422 for an EventError, told of ``where`` in the request, 507 when the disk is full, 503 while
    others hold the log; other errors of the log pass.

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
