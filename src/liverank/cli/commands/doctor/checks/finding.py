"""What a check found."""

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong, or worth a look, and what to do about it.

    ``error``: requests, events or rankings suffer now; ``warning``: they may soon, or do a little.
    """

    severity: Literal["error", "warning"]
    what: str
    do: str


def urgent_first(findings: list[Finding]) -> list[Finding]:
    """Errors before warnings, and otherwise as they were found.

    >>> low, high = Finding("warning", "slow", "wait"), Finding("error", "full", "free space")
    >>> [finding.what for finding in urgent_first([low, high])]
    ['full', 'slow']
    """
    return sorted(findings, key=lambda finding: finding.severity != "error")


def parted(severity: Literal["error", "warning"], message: str, otherwise: str) -> Finding:
    """The finding of a message that says what is wrong and, after its first semicolon, what to do.

    ``otherwise`` is what to do where the message does not say.

    >>> parted("error", "log.sqlite: the disk is full; free some space", "-").do
    'free some space'
    """
    what, _, do = message.partition("; ")
    return Finding(severity, what, do or otherwise)
