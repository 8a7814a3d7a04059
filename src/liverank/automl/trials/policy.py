"""What a search goes by beside the objective, which differs between tables and rankings."""

import math
from typing import Any, NamedTuple


class Setting(NamedTuple):
    """A published setting that not every search may try, as a family's ``DEFAULTS`` have them.

    >>> Setting("lightgbm", "few", {"num_leaves": 8}).title
    'lightgbm few'
    """

    family: str
    name: str
    params: dict[str, Any]

    @property
    def title(self) -> str:
        """As the trial of it will be called."""
        return f"{self.family} {self.name}"


class SearchPolicy(NamedTuple):
    """What a search goes by beside the objective."""

    early: tuple[str, ...] = ()
    """Titles of published settings that are tried before all others."""
    settings: tuple[Setting, ...] = ()
    """Settings to try beside those of the families."""
    cautious: frozenset[str] = frozenset()
    """Titles of those that learn little from noise: another must beat them beyond it."""
    doubted: frozenset[str] = frozenset()
    """Titles of those that are used only where a blend is better with them beyond noise."""
    climbs: bool = True
    """Whether large tables are searched on few rows first."""
    patience: float = math.inf
    """Trials in a row without a better one after which the search ends before its budget."""
    blend_confidence: float = 0.8
    """How sure a blend must be better than the best single model; 0 is as likely as not."""
    may_tie: bool = True
    """Whether calibration may give rows of different margins the same answer."""


PLAIN = SearchPolicy()
