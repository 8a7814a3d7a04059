"""Parses a time on a command line."""

import argparse
from datetime import UTC, datetime


def moment_ms(text: str) -> float:
    """Unix ms of an RFC 3339 time (UTC if it has no zone) or of Unix milliseconds.

    Raises argparse.ArgumentTypeError, which the parser reports as bad usage.

    >>> moment_ms("2026-11-23T10:00:00Z") == moment_ms("1795428000000") == 1795428000000
    True
    """
    if text.isdigit():
        return float(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r}; expected e.g. 2026-11-23T10:00:00Z or Unix milliseconds"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
