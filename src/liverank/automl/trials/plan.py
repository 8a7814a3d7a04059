"""The plan of a search: the models to try, in which order, on how many rows.

It begins with the timings of short fits, records the trials that were run, and can be run again.
Invariant: the order of trials depends on the seed alone; the clock only decides how many of them
are run, and the plan records all that the clock decided.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from liverank.automl.families import Family
from liverank.automl.profile.numeric_ids import ColumnEncoding
from liverank.automl.trials.drift_policy import DriftPolicy
from liverank.automl.trials.policy import Setting
from liverank.models.encoder.step_functions import Operation


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the plan."""


class Timing(_Record, frozen=True):
    """Timings of short fits of a family: seconds = a + b x rows, to set up and for each round."""

    setup_s: tuple[float, float]
    round_s: tuple[float, float]

    def seconds(self, rows: int, rounds: float) -> float:
        """Expected seconds of a fit.

        >>> Timing(setup_s=(1.0, 0.0), round_s=(0.0, 1e-3)).seconds(1000, 10)
        11.0
        """
        return (self.setup_s[0] + self.setup_s[1] * rows) + rounds * (
            self.round_s[0] + self.round_s[1] * rows
        )


class Trial(_Record, frozen=True):
    """A model to try and, once it was trained, the number of rounds of each fold."""

    family: str
    name: str
    params: dict[str, Any]
    seed: int
    rows: int | None = None
    """Training rows of the last fold; null for all."""
    expected_s: float = 0.0
    rounds: tuple[int, ...] = ()

    @property
    def title(self) -> str:
        """The displayed name; trials on different numbers of rows may share it."""
        return f"{self.family} {self.name}"


class Made(_Record, frozen=True):
    """A feature cross: arithmetic on two numbers, or the combined levels of several columns."""

    columns: tuple[str, ...]
    operation: Operation | None = None


class Student(_Record, frozen=True):
    """A model distilled from the ensemble, and its measured scoring time."""

    size: int
    """Trees a margin, or the width of a net's layers."""
    parts: int
    """Leaves a tree, or layers."""
    rounds: int
    """Number of rounds that it ran."""
    us_per_row: float
    is_net: bool = False
    loss: float | None = None


class PlannedTable(_Record, frozen=True):
    """The table that a search was on; a plan is no plan of another."""

    target: str
    task: str
    rows: int
    columns: tuple[str, ...]
    """Names of all columns but the target."""


class Plan(_Record, frozen=True):
    """All decisions by the clock, the memory and the user; the rest follows from the seed.

    Field names are those of plan.json.
    """

    seed: int
    n_threads: int
    folds: int
    timings: dict[str, Timing]
    skipped: dict[str, str] = {}
    """Families that were left out, each with the reason."""
    rows: int | None = None
    """Rows of the table that were used, evenly spread; null for all."""
    extras: tuple[Made, ...] = ()
    """Feature crosses that were kept."""
    drift: DriftPolicy | None = None
    """How the table changes with time; null where that was not measured."""
    encodings: dict[str, ColumnEncoding] = {}
    """How ids are encoded; other columns go by their type."""
    trials: tuple[Trial, ...] = ()
    us_per_row: dict[str, float] = {}
    """Microseconds a row, by the id of a trial, or the name of an ensemble or a student."""
    students: tuple[Student, ...] = ()
    bags: int = 1
    """Number of models, different only by their seed, that were trained on all rows and
    averaged."""
    dropped: tuple[str, ...] = ()
    """Ids of the ensemble's trials that there was no time to train again on all rows."""
    refit: bool = True
    """Whether the model was trained again on all rows."""
    why_no_refit: str = ""
    """The reason where it was not; empty where it was, and in plans from before it was recorded."""
    finished: bool = False
    """Whether the search was completed, so that the plan can be run again."""
    interrupted: bool = False
    table: PlannedTable | None = None
    """The table of the search; null for rankings, and in plans from before it was recorded."""

    @property
    def is_recorded(self) -> bool:
        """Whether this is the record of a whole search."""
        return bool(self.trials) and self.finished


def trial_id(number: int, trial: Trial) -> str:
    """The key of a trial in a plan; ``number`` trials came before it.

    >>> trial_id(3, Trial(family="linear", name="ridge", params={}, seed=0))
    '3 linear ridge'
    """
    return f"{number} {trial.title}"


def encode_plan(plan: Plan) -> bytes:
    """A plan as JSON."""
    return msgspec.json.encode(plan)


def decode_plan(text: bytes) -> Plan:
    """The opposite of ``encode_plan``; reads older plans, too. Raises msgspec.DecodeError.

    >>> plan = Plan(seed=3, n_threads=1, folds=1, timings={})
    >>> decode_plan(encode_plan(plan)) == plan
    True
    """
    plan = msgspec.json.decode(text, type=Plan)
    ids = {trial_id(number, trial): trial.title for number, trial in enumerate(plan.trials)}
    dropped = tuple(
        id_
        for name in plan.dropped
        # plans named trials by their titles before trials had ids
        for id_ in ([name] if name in ids else [id_ for id_ in ids if ids[id_] == name])
    )
    return replace(plan, dropped=dropped)


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
    """An endless sequence of trials: the families' published settings in turn, then random ones.

    The random settings of a family do not depend on the other families. ``is_absolute`` makes
    boosted trees minimise absolute error. ``more`` are published settings in addition to those of
    the families; the settings whose titles are in ``early`` come before all others.

    >>> from liverank.automl.families import FAMILIES
    >>> some = trial_order({"linear": FAMILIES["linear"]}, seed=0, n_rows=100, n_columns=3)
    >>> [next(some).name for _ in range(3)]
    ['ridge', 'drawn 1', 'drawn 2']
    """
    loss = {"loss": "absolute"} if is_absolute else {}
    deepest = max((len(family.DEFAULTS) for family in families.values()), default=0)
    settings = [
        Trial(family=name, name=title, params=params, seed=seed + index)
        for index in range(deepest)
        for name, family in families.items()
        for title, published in family.DEFAULTS[index : index + 1]
        for params in [{**published, **loss} if family.TRAITS.is_boosting else published]
    ]
    settings += [
        Trial(family=each.family, name=each.name, params=each.params, seed=seed + deepest + index)
        for index, each in enumerate(more)
        if each.family in families
    ]
    order = {title: index for index, title in enumerate(early)}
    yield from sorted(settings, key=lambda trial: order.get(trial.title, len(order)))
    generators = {
        name: np.random.default_rng([seed, zlib.crc32(name.encode())]) for name in families
    }
    for draw in count(1):
        if not families:
            return
        for name, family in families.items():
            drawn = family.sample(generators[name], n_rows, n_columns)
            params = {**drawn, **loss} if family.TRAITS.is_boosting else drawn
            yield Trial(family=name, name=f"drawn {draw}", params=params, seed=seed + 100 + draw)
