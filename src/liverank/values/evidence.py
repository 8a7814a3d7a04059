"""What the texts of a column or field show: counts and shares from which its kind is decided.

Invariant: evidence depends on the values, the name and the ids given, never on their order, except
that the order of rows may decide between day and month.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from liverank.values.names import CODE_COLUMN, snake_case
from liverank.values.number_forms import FormFound, find_number_form
from liverank.values.numbers import number_of
from liverank.values.time_forms import TimeFormFound, find_time_form
from liverank.values.words import FALSE, TRUE

SEPARATORS = ("|", ";", ",")
"""Separators of list elements, tried in this order."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")
_ZERO_FIRST = re.compile(r"0\d+")
_NUMBERED_NAME = re.compile(
    rf"{CODE_COLUMN.pattern}|(^|_)(phone|telephone|tel|fax|mobile|iban|bic|account|card|version|ip)(_|$)"
)


@dataclass(frozen=True, eq=False)
class Texts:
    """The distinct texts of a column or field, with how often each occurs; none of them unknown."""

    name: str
    counts: Mapping[str, int]
    """In the order in which the texts occur first."""
    ids: Collection[str] = ()
    """Known ids of users and hosts."""

    @cached_property
    def total(self) -> int:
        """Number of values."""
        return sum(self.counts.values())

    @cached_property
    def numbers(self) -> int:
        """Number of values that are numbers."""
        return sum(n for text, n in self.counts.items() if not np.isnan(number_of(text)))

    @cached_property
    def number_form(self) -> FormFound | None:
        """The form of numbers as people write them, if it reads more than plain numbers do.

        None for names of codes, such as telephone numbers, whose blanks group digits by chance.
        """
        if _NUMBERED_NAME.search(snake_case(self.name)) or not self.counts:
            return None
        return find_number_form(self.counts)

    @cached_property
    def moments(self) -> int:
        """Number of values that begin as a moment of ISO 8601 does: with a day and a time."""
        return sum(n for text, n in self.counts.items() if _MOMENT.match(text))

    @cached_property
    def words(self) -> float:
        """Mean number of words of a value."""
        return sum(n * len(text.split()) for text, n in self.counts.items()) / self.total

    @cached_property
    def spaced(self) -> float:
        """Share of the values that have a blank inside."""
        return sum(n for text, n in self.counts.items() if " " in text.strip()) / self.total

    @cached_property
    def id_share(self) -> float:
        """Share of the distinct texts that are known ids; plain digits could be ids by chance."""
        return sum(text in self.ids for text in self.counts if not text.isdigit()) / len(
            self.counts
        )

    @property
    def are_booleans(self) -> bool:
        """Whether they are two words that mean true and false."""
        words = (text.lower() for text in self.counts)
        return len(self.counts) == 2 and all(word in TRUE or word in FALSE for word in words)

    @property
    def are_codes(self) -> bool:
        """Whether there are digits with leading zeros, which a number would lose."""
        return any(_ZERO_FIRST.fullmatch(text) for text in self.counts)

    def time_form(self, least: float) -> TimeFormFound | None:
        """How at least this share is written as times; None if they are no times."""
        return find_time_form(self.counts, least)

    def separator(self) -> str | None:
        """The separator of list elements, "[" for JSON lists; None when these are no lists."""
        if all(text.startswith("[") and text.endswith("]") for text in self.counts):
            return "["
        for separator in SEPARATORS:
            elements: Counter[str] = Counter()
            lists = 0
            for text, n in self.counts.items():
                parts = text.split(separator)
                lists += n * (len(parts) > 1)
                elements.update({part.strip(): n for part in parts})
            is_reused = len(elements) <= max(0.5 * len(self.counts), 2) or (
                len(elements) <= 0.1 * elements.total()
            )
            words = np.mean([len(element.split()) for element in elements])
            if lists > 0.2 * self.total and len(elements) > 2 and is_reused and words < 2.5:
                return separator
        return None
