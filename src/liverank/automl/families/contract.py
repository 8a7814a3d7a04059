"""The contract of a model family: a module with the members of ``Family``."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix


@dataclass(frozen=True, kw_only=True)
class Traits:
    """Properties of a family that a search reads before it trains.

    package            the package that it trains with, as it is imported
    distribution       the package's name in a package index, where it differs
    timed_rounds       numbers of rounds of two short fits, whose difference gives the time of one
    is_boosting        whether it boosts trees: ``params`` then hold a ``learning_rate``, which may
                       be raised to save time, and a ``loss`` of ``absolute`` may be asked for
    slower_with_rows   whether a round takes longer on more rows
    rounds_grow        whether more rows allow more rounds
    setup_s            seconds that importing and compiling may take before the first round
    first              whether it is quick enough to be tried first, so that there is a model
                       however short the budget
    times_threads      whether the number of threads is chosen by timing this family
    needs_long_search  whether it pays only in long searches on many rankings
    no_constraints     why it is left out where features have monotone constraints; empty where it
                       is not
    """

    package: str
    distribution: str = ""
    timed_rounds: tuple[int, int] = (2, 8)
    is_boosting: bool = False
    slower_with_rows: bool = True
    rounds_grow: bool = True
    setup_s: float = 0.0
    first: bool = False
    times_threads: bool = False
    needs_long_search: bool = False
    no_constraints: str = ""


class Family(Protocol):
    """Members of a family's module.

    ``DEFAULTS`` are names and parameters of published settings, those most worth trying first.
    """

    TRAITS: Traits
    DEFAULTS: tuple[tuple[str, dict[str, Any]], ...]

    def fit(
        self,
        train: Matrix,
        validation: Matrix | None,
        params: dict[str, Any],
        *,
        seed: int,
        n_threads: int,
        deadline: Deadline,
        rounds: int | None,
    ) -> Fit:
        """Train; stop early by ``validation`` and keep the best round, or run ``rounds`` without.

        Same seed and rounds give the same bytes on any number of threads. Raises TrainingError.
        """

    def sample(self, generator: np.random.Generator, n_rows: int, n_columns: int) -> dict[str, Any]:
        """Parameters drawn from the family's published search space."""

    def expected_rounds(self, params: dict[str, Any], n_rows: int) -> float:
        """Approximate number of rounds of a fit that may stop early."""

    def work(self, params: dict[str, Any], n_columns: int) -> float:
        """Approximate time of a round, relative to a round of the first published setting."""

    def needs_bytes(self, n_rows: int, n_columns: int, params: dict[str, Any]) -> int:
        """Approximate peak memory of a fit, its Matrix not counted, in bytes."""
