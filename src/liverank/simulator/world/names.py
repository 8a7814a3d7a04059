"""The words of the generated world: topics, languages, homes, titles.

Invariant: the order of each tuple is fixed, because a seed draws from them by index.
"""

from typing import NamedTuple

TOPICS = (
    "music",
    "football",
    "news",
    "gaming",
    "politics",
    "crypto",
    "comedy",
    "relationships",
    "technology",
    "ai",
    "startups",
    "faith",
    "film",
    "books",
    "fitness",
    "cooking",
    "travel",
    "science",
    "history",
    "fashion",
    "basketball",
    "anime",
    "photography",
    "gardening",
)
"""Topics, the most frequent first."""

OPENINGS = ("Late night", "Open mic:", "All about", "Ask me:", "Sunday", "The week in", "Honest")
CLOSINGS = ("for beginners", "with friends", "live", "stories", "hour", "debate", "and chill")


class Home(NamedTuple):
    """A country where people live: its time zone, main language, and share of all people."""

    country: str
    time_zone: str
    language: str
    share: float


HOMES = (
    Home("US", "America/New_York", "en", 0.14),
    Home("US", "America/Chicago", "en", 0.09),
    Home("US", "America/Los_Angeles", "en", 0.07),
    Home("GB", "Europe/London", "en", 0.10),
    Home("IN", "Asia/Kolkata", "en", 0.10),
    Home("MX", "America/Mexico_City", "es", 0.12),
    Home("ES", "Europe/Madrid", "es", 0.08),
    Home("BR", "America/Sao_Paulo", "pt", 0.12),
    Home("DE", "Europe/Berlin", "de", 0.09),
    Home("JP", "Asia/Tokyo", "ja", 0.09),
)

LANGUAGES = ("en", "es", "pt", "de", "ja")
