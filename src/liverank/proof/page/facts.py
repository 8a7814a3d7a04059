"""What the page shows besides the results of a proof: lists of people, what was learned, and costs.

Invariant: what only the simulator knows says so by its name (``true_``).
"""

import msgspec

from liverank.proof.page.themes import Theme
from liverank.proof.results import ProofResult


class _Fact(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the page."""


class Why(_Fact, frozen=True):
    """One reason for a room's score."""

    words: str
    effect: float
    """What it adds to the score, in log-odds."""


class ListedRoom(_Fact, frozen=True):
    """A room at its position in somebody's list."""

    item: str
    title: str
    host: str
    topics: tuple[str, ...]
    language: str
    listeners: int
    """People in it at that moment."""
    score: float
    true_join_probability: float
    """Of this person, if they look at it."""
    reasons: tuple[Why, ...] = ()
    """Strongest first; none for a list by popularity."""


class PersonLists(_Fact, frozen=True):
    """What one person is shown at one moment under both variants."""

    user: str
    languages: tuple[str, ...]
    topics: tuple[str, ...]
    """Those that the person likes most; nobody but the simulator knows."""
    joins: int
    """In the weeks before."""
    popular: tuple[ListedRoom, ...]
    model: tuple[ListedRoom, ...]


class LoadFigures(_Fact, frozen=True):
    """What a short load test measured, on the machine that the demo ran on."""

    seconds: float
    answered: int
    per_second: float
    p50_ms: float | None
    p99_ms: float | None
    errors: int
    candidates: int
    """Rooms that each request ranks."""


class PageFacts(_Fact, frozen=True):
    """All that the page shows."""

    result: ProofResult
    lists: tuple[PersonLists, ...]
    live_rooms: int
    """At the moment of the lists."""
    learned: tuple[Theme, ...]
    load: LoadFigures | None
    peak_memory_mb: float | None
    """The largest resident memory of any process of the run."""
    seconds: float
    """Of the whole run, wall-clock."""
    processors: int
    commands: tuple[str, ...]
    """To go on with, for a reader with a terminal; none where nothing was kept."""
