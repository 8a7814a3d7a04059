"""The page's data besides the results of a proof: people's lists, feature importance, and costs.

Invariant: the name of every value that only the simulator knows begins with ``true_``.
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
    """Contribution to the score, in log-odds."""


class ListedRoom(_Fact, frozen=True):
    """A room at its position in a person's list."""

    item: str
    title: str
    host: str
    topics: tuple[str, ...]
    language: str
    listeners: int
    """Number of people in the room at that time."""
    score: float
    true_join_probability: float
    """Probability that this person joins the room if they examine it."""
    reasons: tuple[Why, ...] = ()
    """Reasons, the strongest first; empty for a list by popularity."""


class PersonLists(_Fact, frozen=True):
    """The lists of one person at one time under both variants."""

    user: str
    languages: tuple[str, ...]
    topics: tuple[str, ...]
    """The topics that the person likes most; only the simulator knows them."""
    joins: int
    """Number of joins in the weeks before."""
    popular: tuple[ListedRoom, ...]
    model: tuple[ListedRoom, ...]


class LoadFigures(_Fact, frozen=True):
    """Results of a short load test on the machine that the demo ran on."""

    seconds: float
    answered: int
    per_second: float
    p50_ms: float | None
    p99_ms: float | None
    errors: int
    candidates: int
    """Number of rooms that each request ranks."""


class PageFacts(_Fact, frozen=True):
    """All data of the page."""

    result: ProofResult
    lists: tuple[PersonLists, ...]
    live_rooms: int
    """Number of live rooms at the time of the lists."""
    learned: tuple[Theme, ...]
    load: LoadFigures | None
    peak_memory_mb: float | None
    """The largest resident memory of any process of the run."""
    seconds: float
    """Wall-clock time of the whole run."""
    processors: int
    commands: tuple[str, ...]
    """Next commands for a reader with a terminal; empty if the project was not kept."""
