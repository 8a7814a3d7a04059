"""Families of models: one file and one line here for each.

A family's module names its published settings, draws others, says what memory it needs, and trains.
Libraries are imported when a fit begins, so that a family whose package is absent harms no other.
"""

from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.families import catboost, lightgbm, xgboost
from liverank.automl.families.linear import linear
from liverank.automl.families.mlp import mlp


class Family(Protocol):
    """What a family's module holds.

    PACKAGE   the package that it trains with
    DEFAULTS  names and parameters of published settings, those most worth trying first
    PILOT     rounds of two short fits, whose difference tells how long a round takes
    GROWS     whether a round takes longer on more rows
    """

    PACKAGE: str
    DEFAULTS: tuple[tuple[str, dict[str, Any]], ...]
    PILOT: tuple[int, int]
    GROWS: bool

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
        """Train; stop early by ``choose`` and keep its best round, or run ``rounds`` without one.

        Same seed and rounds give the same bytes on any number of threads. Raises TrainingError.
        """

    def sample(self, generator: np.random.Generator, n_rows: int, n_columns: int) -> dict[str, Any]:
        """Parameters drawn from the family's published space of search."""

    def expected_rounds(self, params: dict[str, Any], n_rows: int) -> float:
        """Rounds that a fit which may stop early should run, about."""

    def work(self, params: dict[str, Any], n_columns: int) -> float:
        """How long a round takes, as a multiple of one of the first published setting, about."""

    def needs_bytes(self, n_rows: int, n_columns: int, params: dict[str, Any]) -> int:
        """Most memory that a fit holds beside its Matrix, about, in bytes."""


FAMILIES: dict[str, Family] = {
    "lightgbm": lightgbm,
    "catboost": catboost,
    "mlp": mlp,
    "xgboost": xgboost,
    "linear": linear,
}
"""By name, those most worth trying first."""


def is_installed(name: str) -> bool:
    """Whether the package that a family trains with is here.

    >>> is_installed("lightgbm")
    True
    """
    return find_spec(FAMILIES[name].PACKAGE) is not None
