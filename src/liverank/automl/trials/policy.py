"""How a search goes about its trials, where tables and rankings differ."""

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
        """The title of its trial."""
        return f"{self.family} {self.name}"


class SearchPolicy(NamedTuple):
    """What is tried first, when the search ends, and which models must prove themselves."""

    first_trials: tuple[str, ...] = ()
    """Titles of published settings that are tried before all others."""
    settings: tuple[Setting, ...] = ()
    """Settings to try in addition to those of the families."""
    conservative: frozenset[str] = frozenset()
    """Titles of settings that learn little from noise: another must beat them beyond noise."""
    must_improve: frozenset[str] = frozenset()
    """Titles of settings that are used only where an ensemble is better with them beyond noise."""
    use_rungs: bool = True
    """Whether large tables are searched on few rows first (successive halving)."""
    patience: float = math.inf
    """Trials in a row without a better one after which the search ends before its budget."""
    ensemble_confidence: float = 0.8
    """Confidence that an ensemble is better than the best single model; 0 is as likely as not."""
    allow_ties: bool = True
    """Whether calibration may give rows of different margins the same prediction."""
    time_trials: bool = False
    """Whether the scoring time of each trial's model is measured."""


PLAIN = SearchPolicy()
