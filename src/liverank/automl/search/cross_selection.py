"""Features that no column gives by itself, kept where validation improves beyond noise.

A quick forest is trained without them on a few folds; what it leaves unexplained ranks candidates,
and those with which a forest of the same shape does better on the same folds are kept.
Invariant: rows that judge are not looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.data.splits import Fold
from liverank.automl.evaluation.cross_validation import thinned_places
from liverank.automl.evaluation.eval_rows import EvalRows, gain_interval
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.families import lightgbm
from liverank.automl.preprocessing.encoder import Cross, Extra, take_rows
from liverank.automl.preprocessing.feature_crosses import arithmetic, candidates, choose_extras
from liverank.automl.trials.plan import Made
from liverank.models.encoder.columns import Input
from liverank.models.encoder.encoder import columns_of
from liverank.models.encoder.steps import Arithmetic, Calendar

Floats = NDArray[np.float64]

_PARAMS = {"learning_rate": 0.15, "num_leaves": 15, "min_data_in_leaf": 20}
_LEAST_ROWS = 500
_MOST_ROWS = 20_000
_FOLDS = 3
_TRIALS_AT_LEAST = 2
"""Trials that there must be time for, or it is not worth beginning."""
_LOOKING_SHARE = 0.25


def find_extras(grounds: TableData, deadline: Deadline) -> tuple[Extra, ...]:
    """The extras that help, found before the deadline; none where there are few rows."""
    if len(grounds.split.train) < _LEAST_ROWS:
        return ()
    began = deadline.clock()
    bench = _Bench(grounds, [_thinned(fold) for fold in grounds.folds(_FOLDS)], deadline)
    before = bench.margins(())
    if before is None or deadline.left_s() < _TRIALS_AT_LEAST * (deadline.clock() - began):
        return ()
    proposed = candidates(
        take_rows(grounds.columns, bench.places),
        grounds.inputs,
        _unexplained(before, grounds, bench.places),
        deadline=deadline.share(_LOOKING_SHARE),
    )
    after: dict[tuple[Extra, ...], Floats | None] = {(): before}

    def loss(extras: tuple[Extra, ...]) -> float:
        if extras not in after:
            after[extras] = bench.margins(extras)
        margins = after[extras]
        return np.inf if margins is None else bench.held.mean_loss(margins)

    kept = choose_extras(proposed, loss, deadline)
    margins = after[kept]
    if not kept or margins is None:
        return ()
    gain = gain_interval(before, margins, bench.held, seed=grounds.seed)
    return kept if gain[0] > 0 and bench.help_everywhere(before, margins) else ()


def recorded(extras: Sequence[Extra]) -> tuple[Made, ...]:
    """Extras as a plan has them.

    >>> extras = (Cross(("city", "hour")), arithmetic("debt", "income", "over"))
    >>> from_record(recorded(extras)) == extras
    True
    """
    return tuple(
        Made(columns=(extra.left, extra.right), operation=extra.operation)
        if isinstance(extra, Arithmetic)
        else Made(columns=extra.columns)
        for extra in extras
        if not isinstance(extra, Calendar)  # never proposed
    )


def from_record(made: Sequence[Made]) -> tuple[Extra, ...]:
    """The opposite of ``recorded``."""
    return tuple(
        Cross(each.columns)
        if each.operation is None
        else arithmetic(each.columns[0], each.columns[1], each.operation)
        for each in made
    )


@dataclass(eq=False)
class _Bench:
    """Folds on which a quick forest is trained with any extras; their columns are made once."""

    grounds: TableData
    folds: Sequence[Fold]
    deadline: Deadline
    _rows: list[tuple[Matrix, Matrix]] = field(default_factory=list)
    _columns: dict[Extra, list[tuple[NDArray[np.float32], NDArray[np.float32]]]] = field(
        default_factory=dict
    )

    @property
    def places(self) -> NDArray[np.int64]:
        """The choosing rows of all folds."""
        return np.concatenate([fold.validation for fold in self.folds])

    @property
    def held(self) -> EvalRows:
        """The choosing rows of all folds."""
        return self.grounds.held(self.places)

    def margins(self, extras: tuple[Extra, ...]) -> Floats | None:
        """Of the choosing rows, float64[n, k]; None where time ran out."""
        if not self._rows:
            self._rows = [self.grounds.encode_fold(fold)[1:] for fold in self.folds]
        margins = []
        for place, (train, validation) in enumerate(self._rows):
            new = [self._columns_of(extra)[place] for extra in extras]
            fit = lightgbm.fit(
                _widened(train, [column for column, _ in new]),
                wider := _widened(validation, [column for _, column in new]),
                _PARAMS,
                seed=self.grounds.seed,
                n_threads=1,
                deadline=self.deadline,
                rounds=None,
            )
            if fit.out_of_time:
                return None
            margins.append(fit.margins(wider.features))
        return np.concatenate(margins)

    def help_everywhere(self, before: Floats, after: Floats) -> bool:
        """Whether the loss falls on each fold: what helps only some of the time will not last."""
        ends = np.cumsum([len(fold.validation) for fold in self.folds])
        falls = []
        for fold, end in zip(self.folds, ends, strict=True):
            rows = slice(end - len(fold.validation), end)
            held = self.grounds.held(fold.validation)
            falls.append(held.mean_loss(before[rows]) - held.mean_loss(after[rows]))
        return min(falls) > 0

    def _columns_of(self, extra: Extra) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Columns of training and of choosing rows, a pair a fold."""
        if extra not in self._columns:
            alone = replace(self.grounds, inputs=_inputs_of(extra, self.grounds), extras=(extra,))
            self._columns[extra] = []
            for fold, (known, _) in zip(self.folds, self._rows, strict=True):
                _, train, validation = alone.encode_fold(fold)
                new = [i for i, name in enumerate(train.names) if name not in known.names]
                self._columns[extra].append((train.features[:, new], validation.features[:, new]))
        return self._columns[extra]


def _inputs_of(extra: Extra, grounds: TableData) -> tuple[Input, ...]:
    read = extra.columns if isinstance(extra, Cross) else columns_of(extra)
    return tuple(form for form in grounds.inputs if form.name in read)


def _widened(rows: Matrix, columns: list[NDArray[np.float32]]) -> Matrix:
    if not columns:
        return rows
    features = np.concatenate([rows.features, *columns], axis=1)
    more = features.shape[1] - rows.n_features
    return replace(
        rows,
        features=features,
        names=(*rows.names, *(f"extra {i}" for i in range(more))),
        directions=(*rows.directions, *(0,) * more),
    )


def _thinned(fold: Fold) -> Fold:
    """The rows, evenly thinned where they are many."""
    share = min(_MOST_ROWS / max(len(fold.train) + len(fold.validation), 1), 1.0)
    fit, validation = (
        places[thinned_places(len(places), max(round(share * len(places)), 1))]
        for places in (fold.train, fold.validation)
    )
    return Fold(fit, validation)


def _unexplained(margins: Floats, grounds: TableData, places: NDArray[np.int64]) -> Floats:
    """The target, an indicator for each class, less what margins say: float64[n, k]."""
    target = grounds.trained_target[places][:, None]
    task = grounds.objective.task
    if task == "regression":
        return target - margins
    if task == "binary":
        return np.asarray(target - expit(margins))
    hits: Floats = (target == np.arange(grounds.classes)) * 1.0
    return np.asarray(hits - softmax(margins, axis=1))
