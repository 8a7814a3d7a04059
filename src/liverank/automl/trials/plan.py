"""The plan of a search: which models are tried, on how many rows, in which order.

It is made from pilot timings, is written down as the search goes, and can be run again.
Invariant: the order in which trials come depends on the seed alone; the clock only decides how far
down the order a search gets, and all that the clock decided is in the plan.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import msgspec
import numpy as np

from liverank.automl.families import Family
from liverank.automl.trials.policy import Setting
from liverank.models.encoder.step_functions import Operation

TREES = frozenset({"lightgbm", "catboost", "xgboost"})
"""Families that can train by absolute error."""


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the plan."""


class Timing(_Record, frozen=True):
    """What a family's pilot took: seconds = a + b x rows, of setting up and of each round."""

    setup_s: tuple[float, float]
    round_s: tuple[float, float]

    def seconds(self, rows: int, rounds: float) -> float:
        """What a fit should take.

        >>> Timing(setup_s=(1.0, 0.0), round_s=(0.0, 1e-3)).seconds(1000, 10)
        11.0
        """
        return (self.setup_s[0] + self.setup_s[1] * rows) + rounds * (
            self.round_s[0] + self.round_s[1] * rows
        )


class Trial(_Record, frozen=True):
    """A model to try, and once it was, the rounds that each fold ran."""

    family: str
    name: str
    params: dict[str, Any]
    seed: int
    rows: int | None = None
    """Of the last fold's training rows; null for all."""
    expected_s: float = 0.0
    rounds: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.family} {self.name}"


class Made(_Record, frozen=True):
    """A feature made of several columns: by arithmetic on two numbers, or of levels together."""

    columns: tuple[str, ...]
    operation: Operation | None = None


class Student(_Record, frozen=True):
    """A model that was taught, and the time it was measured to take."""

    size: int
    """Trees a margin, or the width of a net's layers."""
    parts: int
    """Leaves a tree, or layers."""
    rounds: int
    """That it ran."""
    us_per_row: float
    is_net: bool = False
    loss: float | None = None


class Plan(_Record, frozen=True):
    """All that the clock, the memory and the user decided; the rest follows from the seed."""

    seed: int
    n_threads: int
    folds: int
    timings: dict[str, Timing]
    skipped: dict[str, str] = {}
    """Families that were left out, and why."""
    rows: int | None = None
    """Rows of the table that were used, evenly spread; null for all."""
    extras: tuple[Made, ...] = ()
    """Features made of several columns that helped."""
    trials: tuple[Trial, ...] = ()
    us_per_row: dict[str, float] = {}
    """Measured time of what could be served, by its name."""
    students: tuple[Student, ...] = ()
    bags: int = 1
    """How often, with other seeds, the model was trained again on all rows, to be averaged."""
    dropped: tuple[str, ...] = ()
    """Members of the blend that there was no time to train again."""
    refit: bool = True
    """Whether the model was trained again on all rows."""
    finished: bool = False
    """Whether the search came to its end, so that the plan can be run again."""
    interrupted: bool = False


def encode_plan(plan: Plan) -> bytes:
    """A plan as JSON."""
    return msgspec.json.encode(plan)


def decode_plan(text: bytes) -> Plan:
    """The opposite of ``encode_plan``. Raises msgspec.ValidationError.

    >>> plan = Plan(seed=3, n_threads=1, folds=1, timings={})
    >>> decode_plan(encode_plan(plan)) == plan
    True
    """
    return msgspec.json.decode(text, type=Plan)


def trial_order(
    families: Mapping[str, Family],
    *,
    seed: int,
    n_rows: int,
    n_columns: int,
    is_absolute: bool = False,
    early: Sequence[str] = (),
    more: Sequence[Setting] = (),
) -> Iterator[Trial]:
    """Trials without end: published settings of each family in turn, then drawn ones in turn.

    What a family draws does not depend on the other families. ``is_absolute`` asks trees to train
    by absolute error. ``more`` are published settings beside those of the families; those whose
    titles are ``early`` come before all others.

    >>> from liverank.automl.families import FAMILIES
    >>> some = trial_order({"linear": FAMILIES["linear"]}, seed=0, n_rows=100, n_columns=3)
    >>> [next(some).name for _ in range(3)]
    ['ridge', 'drawn 1', 'drawn 2']
    """
    loss = {"loss": "absolute"} if is_absolute else {}
    deepest = max((len(family.DEFAULTS) for family in families.values()), default=0)
    settings = [
        Trial(family=name, name=title, params=params, seed=seed + place)
        for place in range(deepest)
        for name, family in families.items()
        for title, published in family.DEFAULTS[place : place + 1]
        for params in [{**published, **loss} if name in TREES else published]
    ]
    settings += [
        Trial(family=each.family, name=each.name, params=each.params, seed=seed + deepest + place)
        for place, each in enumerate(more)
        if each.family in families
    ]
    order = {title: place for place, title in enumerate(early)}
    yield from sorted(settings, key=lambda trial: order.get(trial.title, len(order)))
    generators = {
        name: np.random.default_rng([seed, zlib.crc32(name.encode())]) for name in families
    }
    for draw in count(1):
        if not families:
            return
        for name, family in families.items():
            drawn = family.sample(generators[name], n_rows, n_columns)
            params = {**drawn, **loss} if name in TREES else drawn
            yield Trial(family=name, name=f"drawn {draw}", params=params, seed=seed + 100 + draw)
