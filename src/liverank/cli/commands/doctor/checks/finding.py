"""Findings of checks."""

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """A problem, and what to do about it.

    ``error``: requests, events or rankings are affected now; ``warning``: they may be soon, or are
    slightly.
    """

    severity: Literal["error", "warning"]
    what: str
    do: str


def urgent_first(findings: list[Finding]) -> list[Finding]:
    """Errors before warnings, otherwise in the given order.

    >>> low, high = Finding("warning", "slow", "wait"), Finding("error", "full", "free space")
    >>> [finding.what for finding in urgent_first([low, high])]
    ['full', 'slow']
    """
    return sorted(findings, key=lambda finding: finding.severity != "error")


def split_message(severity: Literal["error", "warning"], message: str, otherwise: str) -> Finding:
    """Split a message at its first semicolon into the problem and the advice.

    ``otherwise`` is the advice if the message has no semicolon.

    >>> split_message("error", "log.sqlite: the disk is full; free some space", "-").do
    'free some space'
    """
    what, _, do = message.partition("; ")
    return Finding(severity, what, do or otherwise)
