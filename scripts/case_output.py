"""Reads what the scripts of cases about tables print."""

import re
from collections.abc import Iterator

Claims = Iterator[tuple[str, bool]]
"""What ought to be so, each with whether it is."""


def sections(text: str) -> dict[str, str]:
    """What stands below each line that begins with ``== ``, by the first word of that line."""
    pieces = re.split(r"^== (.*)$", text, flags=re.M)[1:]
    heads, bodies = pieces[::2], pieces[1::2]
    return {
        re.split(r"[:\n]", head)[0].strip(): f"{head}\n{body}"
        for head, body in zip(heads, bodies, strict=True)
    }


def runs(text: str) -> list[str]:
    """What stands before each ``[rc N, S s]``, with it."""
    return re.findall(r".*?\[rc \d+, [\d.]+ s?\]?", text, re.S)


def remarks(text: str, *words: str) -> list[str]:
    """Notes, warnings and errors in which all of some patterns stand."""
    lines = re.findall(r"^(?:Note|Warning|liverank \w+): .*$", text, re.M)
    return [line for line in lines if all(re.search(word, line) for word in words)]


def held_out(text: str, metric: str = "auc") -> float:
    """A figure of the rows held out; 0 where there is none."""
    found = re.search(rf"held out: .*?\b{metric} (-?[\d.]+)", text)
    return float(found[1]) if found else 0.0
