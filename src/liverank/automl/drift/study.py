"""Looks for drift at several origins in the past, and chooses how the past is used.

A plain forest is trained on the rows before each origin. Where its loss or the sureness of its
answers on the block that follows differ from those on shuffled rows of the past, drift is seen.
Then other ways to train are tried: on the newest rows only, with weights by age, without columns
that have left the range of their past. A part of the past is chosen only where it is better by more
than one standard error, each origin counting twice the one before: drift that sets in is seen at
the newest. Among those as good as the best within one standard error it is the one that uses most
of the past (Breiman et al., 1984).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, t

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.drift.origin_rows import LEAST_ORIGINS, OriginRows, origins_of
from liverank.automl.drift.ranges import NAMED_FROM, shares_outside
from liverank.automl.ensemble.calibration import fit_affine
from liverank.automl.evaluation.recency import ALL_ALIKE, Recency
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.families import lightgbm
from liverank.automl.metrics.figures import row_losses
from liverank.automl.metrics.intervals import Z95, weighted_mean
from liverank.automl.search.origin_rounds import best_rounds, loss_at, rounds_by_others
from liverank.automl.table_budget import TableBudget
from liverank.automl.trials.drift_policy import DriftPolicy, LeftRange, Origin, TriedSetting

Floats = NDArray[np.float64]

_PARAMS = {"learning_rate": 0.15, "num_leaves": 15, "min_data_in_leaf": 20}
_RATE = 0.15
_SURELY = 0.999
"""Confidence with which drift must differ from noise."""
_LEAST_GAP = 0.02
"""Smallest relative difference of losses that counts."""
_TOO_SURE, _TOO_SHY = 0.8, 1.25
_LEAST_GAIN = 0.003
"""Smallest relative gain for which less than all of the past is used."""
_ERRORS_TO_LEAVE_OUT = 2.0
"""Standard errors of the gain that leave out a column: a loss by that can be large."""
_HISTORIES = (0.25, 0.5, 0.125)
_HALF_LIVES = (0.25, 0.5, 0.1)
"""In the order in which they are tried, as long as there is time."""


@dataclass(frozen=True)
class _Setting:
    name: str
    recency: Recency = ALL_ALIKE
    without: tuple[str, ...] = ()


_PLAIN = _Setting("all rows of the past, alike")


def study_drift(data: TableData, search: Deadline) -> DriftPolicy | None:
    """What the origins say; None where there are too few, or no time to look at them.

    ``search`` is the deadline of the whole search, of which the study takes a share.
    """
    deadline = TableBudget.origins(search)
    origins = origins_of(data, deadline)
    looks = [_look(origin, data.seed, deadline) for origin in origins]
    seen = [look for look in looks if look is not None]
    if len(seen) < max(len(origins), LEAST_ORIGINS):
        return None
    outside = shares_outside(origins, data)
    settings = _Settings(origins, data.seed, TableBudget.recencies(search))
    base = _without_left(settings, [n for n in outside if _may_go(outside[n], n, data)])
    chosen, rounds, drifts = base, None, is_drift(seen)
    if drifts:
        chosen, rounds = _choose(settings, base)
    return DriftPolicy(
        seen=drifts,
        history=chosen.recency.history,
        half_life=chosen.recency.half_life,
        effort=None if rounds is None else rounds * _RATE,
        left_range=_left_range(outside, chosen.without),
        origins=tuple(seen),
        settings=settings.record(),
    )


def is_drift(origins: Sequence[Origin]) -> bool:
    """Whether later rows differ from shuffled ones beyond noise, over all origins together.

    Either by the loss (a chi-squared test of its differences), or because the margins of a model
    are too sure, or not sure enough, later.

    >>> calm = Origin(rows=9, shuffled=0.5, later=0.51, slope=0.97, errors=0.4)
    >>> is_drift([calm] * 5)
    False
    """
    n = len(origins)
    squares = sum(each.errors**2 for each in origins)
    gap = np.mean([abs(each.later / each.shuffled - 1) for each in origins if each.shuffled > 0])
    if squares > chi2.ppf(_SURELY, n) and gap > _LEAST_GAP:
        return True
    logs = np.log([each.slope for each in origins])
    is_off = not np.log(_TOO_SURE) <= logs.mean() <= np.log(_TOO_SHY)
    return bool(is_off and abs(logs.mean()) > t.ppf(_SURELY, n - 1) * _error(logs))


def _look(origin: OriginRows, seed: int, deadline: Deadline) -> Origin | None:
    """One origin: the loss on shuffled rows of the past, and on the rows that followed."""
    train, held = origin.shuffled(seed)
    if len(held) == 0 or len(train) == 0 or deadline.expired():
        return None
    fit = _fit(train, held, seed, deadline)
    if fit.out_of_time:
        return None
    rows = origin.later_rows
    margins = fit.margins(origin.later.features)
    later, later_error = _mean_loss(rows.row_losses(margins), rows.unit_weight, rows.groups)
    weight = np.ones(len(held)) if held.weight is None else held.weight
    held_losses = row_losses(fit.margins(held.features), held.target, held.task)
    shuffled, error = _mean_loss(held_losses, weight, None)
    gap, error = abs(later - shuffled), max(float(np.hypot(later_error, error)), 1e-12)
    return Origin(
        rows=len(origin.train),
        shuffled=shuffled,
        later=later,
        slope=float(fit_affine(margins, rows).slope[0]),
        errors=gap / error,
    )


def _mean_loss(
    losses: Floats, weight: Floats, groups: NDArray[np.int64] | None
) -> tuple[float, float]:
    """The mean and its standard error."""
    mean, low, high = weighted_mean(losses, weight, groups)
    return mean, (high - low) / (2 * Z95)


@dataclass(eq=False)
class _Settings:
    """Losses of ways to train, by round, at each origin."""

    origins: Sequence[OriginRows]
    seed: int
    deadline: Deadline
    paths: dict[_Setting, list[Floats]] = field(default_factory=dict)

    def try_out(self, setting: _Setting) -> bool:
        """Train at each origin and keep the losses; False where time ran out."""
        if setting in self.paths:
            return True
        paths = []
        for origin in self.origins:
            train, later = origin.recent(setting.recency, without=setting.without)
            if self.deadline.expired():
                return False
            fit = _fit(train, later, self.seed, self.deadline)
            if fit.out_of_time:
                return False
            if len(fit.losses) == 0:  # a constant target
                return True
            paths.append(fit.losses)
        self.paths[setting] = paths
        return True

    def losses(self, setting: _Setting) -> Floats:
        """Loss at each origin, with the rounds that are best at the others: float64[origins]."""
        paths = self.paths[setting]
        return np.array(
            [loss_at(p, r) for p, r in zip(paths, rounds_by_others(paths), strict=True)]
        )

    def gains(self, setting: _Setting, over: _Setting = _PLAIN) -> Floats:
        """Fall of the loss at each origin, float64[origins]."""
        return self.losses(over) - self.losses(setting)

    def is_better(self, setting: _Setting, over: _Setting = _PLAIN, *, errors: float = 1.0) -> bool:
        """Whether the gain is above some standard errors, and at most one origin loses."""
        gains = self.gains(setting, over)
        least = max(errors * _error(gains), _LEAST_GAIN * float(self.losses(over).mean()))
        return bool(gains.mean() > least and (gains > 0).sum() >= len(gains) - 1)

    def is_better_lately(self, setting: _Setting, over: _Setting) -> bool:
        """Whether the gain, at the newest origins above all, is above its standard error."""
        gain, error = _mean_of_newest(self.gains(setting, over))
        return gain > max(error, _LEAST_GAIN * _mean_of_newest(self.losses(over))[0])

    def is_worse(self, setting: _Setting, than: _Setting) -> bool:
        """Whether the loss is higher by more than its error, both as in ``is_better_lately``."""
        loss, error = _mean_of_newest(self.losses(setting) - self.losses(than))
        return loss > error

    def record(self) -> tuple[TriedSetting, ...]:
        """What was tried, as a plan records it."""
        return tuple(
            TriedSetting(
                name=setting.name,
                loss=round(float(self.losses(setting).mean()), 6),
                gain=round(float(self.gains(setting).mean()), 6),
                error=round(_error(self.gains(setting)), 6),
                rounds=best_rounds(paths),
            )
            for setting, paths in self.paths.items()
        )


def _without_left(settings: _Settings, left: Sequence[str]) -> _Setting:
    """All rows of the past, without the columns that left their range where that is better."""
    if not left:
        return _PLAIN
    without = _Setting(f"without {', '.join(left)}", without=tuple(left))
    tried = all(settings.try_out(each) and each in settings.paths for each in (_PLAIN, without))
    is_better = tried and settings.is_better(without, errors=_ERRORS_TO_LEAVE_OUT)
    return without if is_better else _PLAIN


def _choose(settings: _Settings, base: _Setting) -> tuple[_Setting, int | None]:
    """The setting, and the rounds of the plain forest with it; None where nothing was measured."""
    if not settings.try_out(base) or base not in settings.paths:
        return base, None
    for recency in _recencies():
        setting = _Setting(_title(recency, base.without), recency, base.without)
        if not settings.try_out(setting):
            break
    better = [
        each
        for each in settings.paths
        if each.without == base.without
        and each is not base
        and settings.is_better_lately(each, base)
    ]
    chosen = _mildest(settings, better) if better else base
    return chosen, best_rounds(settings.paths[chosen])


def _mildest(settings: _Settings, better: Sequence[_Setting]) -> _Setting:
    """The setting that uses most of the past, of those no worse than the best beyond noise."""
    best = min(better, key=lambda each: _mean_of_newest(settings.losses(each))[0])
    alike = [each for each in better if not settings.is_worse(each, best)]
    return max(alike, key=lambda each: each.recency.effective_share())


def _recencies() -> Iterator[Recency]:
    for history, half_life in zip(_HISTORIES, _HALF_LIVES, strict=True):
        yield Recency(history=history)
        yield Recency(half_life=half_life)


def _title(recency: Recency, without: Sequence[str]) -> str:
    what = f"newest {recency.history:.3g} of the rows"
    if recency.half_life is not None:
        what = f"a row counts half at an age of {recency.half_life:.3g} of the rows"
    return ", ".join([what, *(f"without {name}" for name in without)])


def _may_go(shares: Sequence[float], name: str, data: TableData) -> bool:
    """Whether a column is a number that is outside of its past at most origins."""
    is_number = name not in data.encodings and any(
        form.name == name and form.type == "number" for form in data.inputs
    )
    return is_number and len(data.inputs) > 1 and bool(np.nanmedian(shares) >= NAMED_FROM)


def _left_range(
    outside: Mapping[str, Sequence[float]], without: Sequence[str]
) -> tuple[LeftRange, ...]:
    return tuple(
        LeftRange(column=name, share=round(shares[-1], 4), left_out=name in without)
        for name, shares in outside.items()
    )


def _mean_of_newest(values: Floats) -> tuple[float, float]:
    """The mean over origins and its standard error, each origin counting twice the one before.

    Drift that sets in is seen at the newest origins only.

    >>> _mean_of_newest(np.array([0.0, 0.0, 7.0]))[0]
    4.0
    """
    weights = 0.5 ** np.arange(len(values) - 1, -1, -1.0)
    weights /= weights.sum()
    return float(weights @ values), float(values.std(ddof=1) * np.sqrt((weights**2).sum()))


def _error(values: Floats) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def _fit(train: Matrix, validation: Matrix, seed: int, deadline: Deadline) -> Fit:
    return lightgbm.fit(
        train, validation, _PARAMS, seed=seed, n_threads=1, deadline=deadline, rounds=None
    )
