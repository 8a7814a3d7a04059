"""Reasons why the log could not be written: a code for the board, and a message for users.

Invariant: every error has a code, and every code but NONE has a message.
"""

from enum import IntEnum

from liverank.errors import LiverankError, LogBusyError, LogCorruptError, LogFullError


class LogTrouble(IntEnum):
    """The reason why the last append failed."""

    NONE = 0
    FULL = 1
    BUSY = 2
    CORRUPT = 3
    OTHER = 4


_MESSAGES = {
    LogTrouble.FULL: "the disk of the log is full; free some space",
    LogTrouble.BUSY: "another process holds the log's write lock; look for it with `fuser`",
    LogTrouble.CORRUPT: "a part of the log fails its checks; the server's own log names the file",
    LogTrouble.OTHER: "the log cannot be written, the server's own log says why; check the disk, "
    "its limits and who may write there",
}


def trouble_of(error: LiverankError) -> LogTrouble:
    """The code of an error.

    >>> trouble_of(LogFullError("the disk is full")).name
    'FULL'
    """
    if isinstance(error, LogFullError):
        return LogTrouble.FULL
    if isinstance(error, LogBusyError):
        return LogTrouble.BUSY
    return LogTrouble.CORRUPT if isinstance(error, LogCorruptError) else LogTrouble.OTHER


def messages_of(codes: list[int]) -> str | None:
    """The messages for the troubles of several workers, each once; None if there are none.

    >>> messages_of([0, 1, 1])
    'the disk of the log is full; free some space'
    """
    messages = [_MESSAGES[LogTrouble(code)] for code in sorted(set(codes)) if code]
    return "; ".join(messages) or None
