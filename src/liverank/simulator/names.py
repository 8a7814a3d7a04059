"""The words of the generated world: topics, languages, countries, titles.

Invariant: the order of each tuple is fixed, because a seed draws from them by place.
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
"""From the most talked about to the least."""

OPENINGS = ("Late night", "Open mic:", "All about", "Ask me:", "Sunday", "The week in", "Honest")
CLOSINGS = ("for beginners", "with friends", "live", "stories", "hour", "debate", "and chill")


class Country(NamedTuple):
    """A place people live in: its code, its main language, its hours from UTC, its share."""

    code: str
    language: str
    offset_h: float
    share: float


COUNTRIES = (
    Country("US", "en", -6.0, 0.30),
    Country("GB", "en", 0.0, 0.10),
    Country("IN", "en", 5.5, 0.10),
    Country("MX", "es", -6.0, 0.12),
    Country("ES", "es", 1.0, 0.08),
    Country("BR", "pt", -3.0, 0.12),
    Country("DE", "de", 1.0, 0.09),
    Country("JP", "ja", 9.0, 0.09),
)

LANGUAGES = ("en", "es", "pt", "de", "ja")
