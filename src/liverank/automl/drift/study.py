"""Looks for drift at several origins in the past, and chooses how the past is used.

A plain forest is trained on the rows before each origin. Where its loss or the sureness of its
answers on the block that follows differ from those on shuffled rows of the past, drift is seen.
Then other ways to train are tried: on the newest rows only, with weights by age, with the time of
the rows as a number (so that trees learn the level of the newest stretch), without columns that
have left the range of their past. One is chosen only where it is better by more than one standard
error, each origin counting twice the one before: drift that sets in is seen at the newest. Among
parts of the past as good as the best within one standard error it is the one that uses most of it
(Breiman et al., 1984).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, t

from liverank.automl.budget import Deadline
from liverank.automl.drift.origin_rows import LEAST_ORIGINS, OriginRows, origins_of
from liverank.automl.drift.ranges import NAMED_FROM, shares_outside
from liverank.automl.drift.settings import (
    PLAIN,
    RATE,
    Setting,
    Settings,
    fit_plain,
    mean_of_newest,
    standard_error,
)
from liverank.automl.ensemble.calibration import fit_affine
from liverank.automl.evaluation.recency import Recency
from liverank.automl.evaluation.table_data import TableData
from liverank.automl.metrics.figures import row_losses
from liverank.automl.metrics.intervals import Z95, weighted_mean
from liverank.automl.search.origin_rounds import best_rounds
from liverank.automl.table_budget import TableBudget
from liverank.automl.trials.drift_policy import DriftPolicy, LeftRange, Origin

Floats = NDArray[np.float64]

_SURELY = 0.999
"""Confidence with which drift must differ from noise."""
_LEAST_GAP = 0.02
"""Smallest relative difference of losses that counts."""
_TOO_SURE, _TOO_SHY = 0.8, 1.25
_ERRORS_TO_LEAVE_OUT = 2.0
"""Standard errors of the gain that leave out a column: a loss by that can be large."""
_HISTORIES = (0.25, 0.5, 0.125)
_HALF_LIVES = (0.25, 0.5, 0.1)
"""In the order in which they are tried, as long as there is time."""


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
    settings = Settings(origins, data.seed, TableBudget.recencies(search))
    base = _without_left(settings, [n for n in outside if _may_go(outside[n], n, data)])
    chosen, rounds, drifts = base, None, is_drift(seen)
    if drifts:
        chosen, rounds = _choose(settings, base)
    return DriftPolicy(
        seen=drifts,
        history=chosen.recency.history,
        half_life=chosen.recency.half_life,
        time_as_number=chosen.with_time,
        effort=None if rounds is None else rounds * RATE,
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
    return bool(is_off and abs(logs.mean()) > t.ppf(_SURELY, n - 1) * standard_error(logs))


def _look(origin: OriginRows, seed: int, deadline: Deadline) -> Origin | None:
    """One origin: the loss on shuffled rows of the past, and on the rows that followed."""
    train, held = origin.shuffled(seed)
    if len(held) == 0 or len(train) == 0 or deadline.expired():
        return None
    fit = fit_plain(train, held, seed, deadline)
    if fit.out_of_time:
        return None
    rows = origin.later_rows
    margins = fit.margins(origin.later_without_time().features)
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


def _without_left(settings: Settings, left: Sequence[str]) -> Setting:
    """All rows of the past, without the columns that left their range where that is better."""
    if not left:
        return PLAIN
    without = Setting(f"without {', '.join(left)}", without=tuple(left))
    tried = all(settings.try_out(each) and each in settings.paths for each in (PLAIN, without))
    is_better = tried and settings.is_better(without, errors=_ERRORS_TO_LEAVE_OUT)
    return without if is_better else PLAIN


def _choose(settings: Settings, base: Setting) -> tuple[Setting, int | None]:
    """The setting, and the rounds of the plain forest with it; None where nothing was measured."""
    if not settings.try_out(base) or base not in settings.paths:
        return base, None
    if settings.have_time:
        settings.try_out(_with_time(base))
    for recency in _recencies():
        if not settings.try_out(Setting(_title(recency, base.without), recency, base.without)):
            break
    better = [each for each in _better(settings, base) if not each.with_time]
    part = _mildest(settings, better) if better else base
    if settings.have_time and part is not base:
        settings.try_out(_with_time(part))
    with_time = [each for each in _better(settings, base) if each.with_time]
    chosen = min([part, *with_time], key=lambda each: mean_of_newest(settings.losses(each))[0])
    return chosen, best_rounds(settings.paths[chosen])


def _better(settings: Settings, base: Setting) -> list[Setting]:
    """The settings tried that leave out what ``base`` does, and do better than it."""
    return [
        each
        for each in settings.paths
        if each.without == base.without
        and each is not base
        and settings.is_better_recently(each, base)
    ]


def _with_time(setting: Setting) -> Setting:
    return replace(setting, name=f"{setting.name}, with the time as a number", with_time=True)


def _mildest(settings: Settings, better: Sequence[Setting]) -> Setting:
    """The setting that uses most of the past, of those no worse than the best beyond noise."""
    best = min(better, key=lambda each: mean_of_newest(settings.losses(each))[0])
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
    return ", ".join([what, *_without(without)])


def _without(names: Sequence[str]) -> list[str]:
    return [f"without {name}" for name in names]


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
