"""The policy of a search: the choices that differ between tables and rankings."""

import math
from typing import Any, NamedTuple

from liverank.automl.trials.drift_policy import DriftPolicy


class Setting(NamedTuple):
    """A published setting that only some searches try, in the form of a family's ``DEFAULTS``.

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
    """What is tried first, when the search ends, and which models need evidence to be used."""

    first_trials: tuple[str, ...] = ()
    """Titles of published settings that are tried before all others."""
    settings: tuple[Setting, ...] = ()
    """Settings to try in addition to those of the families."""
    conservative: frozenset[str] = frozenset()
    """Titles of settings that learn little from noise: others must beat them by more than noise."""
    must_improve: frozenset[str] = frozenset()
    """Titles of settings used only where they make an ensemble better by more than noise."""
    use_rungs: bool = True
    """Whether large tables are searched on few rows first (successive halving)."""
    patience: float = math.inf
    """Number of trials in a row without improvement after which the search ends early."""
    ensemble_confidence: float = 0.8
    """Required confidence that an ensemble beats the best single model; 0 is as likely as not."""
    allow_ties: bool = True
    """Whether calibration may give rows of different margins the same prediction."""
    time_trials: bool = False
    """Whether the scoring time of each trial's model is measured."""
    drift: DriftPolicy | None = None
    """How the rows change with time; None where that was not measured."""

    @property
    def sees_drift(self) -> bool:
        """Whether the rows change with time, so that the past must prove itself on later rows."""
        return self.drift is not None and self.drift.seen


PLAIN = SearchPolicy()
