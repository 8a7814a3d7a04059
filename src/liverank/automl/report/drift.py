"""Drift: the loss of one plain model on shuffled rows and on later rows.

The loss that a shuffled validation would report is compared with the loss on later rows. Where they
disagree, users should expect the later one.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.evaluation.cross_validation import Fold
from liverank.automl.families import lightgbm
from liverank.automl.metrics.figures import row_losses
from liverank.automl.report.schema import Claim, Drift
from liverank.automl.trials.drift_policy import DriftPolicy, LeftRange
from liverank.dataset.sampling import evenly_spread_rows

_MOST_ROWS = 30_000
_PARAMS = {"learning_rate": 0.1, "num_leaves": 31, "min_data_in_leaf": 20}
_DISAGREES = 0.1


def measure_drift(
    fold: Fold,
    *,
    seed: int,
    n_threads: int,
    deadline: Deadline,
    rounds: int | None = None,
    is_logarithm: bool = False,
) -> Drift | None:
    """Drift on a fold whose validation rows are later than its train rows; None when out of time.

    ``is_logarithm``: whether a regression's target is the logarithm of the target asked for.
    Without ``rounds`` training stops early on the shuffled rows, as with a shuffled validation.
    """
    train = fold.train.take(evenly_spread_rows(len(fold.train), _MOST_ROWS))
    is_shuffled = np.random.default_rng(seed).random(len(train)) < 0.2
    if is_shuffled.all() or not is_shuffled.any():
        return None
    shuffled_rows = train.take(is_shuffled)
    fit = lightgbm.fit(
        train.take(~is_shuffled),
        shuffled_rows,
        _PARAMS,
        seed=seed,
        n_threads=n_threads,
        deadline=deadline,
        rounds=rounds,
    )
    if fit.out_of_time:
        return None
    losses = [_row_losses(fit, rows) for rows in (shuffled_rows, fold.validation)]
    shuffled, later = (float(each.mean()) for each in losses)
    error = float(np.sqrt(sum(each.var() / len(each) for each in losses)))
    gap = later - shuffled
    differs = abs(gap) > 3 * error and abs(gap) > _DISAGREES * shuffled
    if train.task != "regression":
        return Drift(shuffled=shuffled, chronological=later, differs=differs)
    return Drift(
        figure="rmsle" if is_logarithm else "rmse",
        shuffled=shuffled**0.5,
        chronological=later**0.5,
        differs=differs,
    )


def _row_losses(fit: Fit, rows: Matrix) -> NDArray[np.float64]:
    margins = fit.margins(rows.features)
    if rows.base is not None:
        margins = margins + rows.base[:, None]
    return row_losses(margins, rows.target, rows.task)


def drift_warning(drift: Drift) -> str:
    """The warning for two losses that disagree.

    >>> drift_warning(Drift(shuffled=0.35, chronological=0.7, differs=True))[:55]
    'shuffled and chronological validation disagree: a plain'
    """
    loss = {"log_loss": "a log-loss", "rmse": "an RMSE", "rmsle": "an RMSLE"}[drift.figure]
    way = "worse" if drift.chronological > drift.shuffled else "better"
    return (
        f"shuffled and chronological validation disagree: a plain model has {loss} of "
        f"{drift.shuffled:.4g} on shuffled rows and of {drift.chronological:.4g} on later ones, "
        f"which is {way}; that is drift or leakage, and the later figure is the one to expect"
    )


def study_warnings(study: DriftPolicy, claim: Claim | None) -> list[str]:
    """What was seen at origins in the past, what was done about it, and what to expect.

    >>> study_warnings(DriftPolicy(seen=False), None)
    []
    """
    warnings = []
    if study.seen:
        expected = ""
        if claim is not None:
            expected = (
                f"; expect {claim.figure} {claim.value:.4g} on later rows, {claim.low:.4g} to "
                f"{claim.high:.4g} in 19 of 20 cases"
            )
        warnings.append(
            f"rows change with time (drift): at {len(study.origins)} moments in the past, the loss "
            "or the confidence of a plain model was another on the rows that followed than on "
            f"shuffled rows of its past; {_done(study)}{expected}"
        )
    return [*warnings, *map(_left_range, study.left_range)]


def _done(study: DriftPolicy) -> str:
    """What models are trained on, in words.

    >>> _done(DriftPolicy(seen=True, history=0.25))
    'models are trained on the newest 25 % of the rows, which did better'
    """
    ways = []
    if study.history < 1:
        ways.append(f"models are trained on the newest {_percent(study.history)} of the rows")
    if study.half_life is not None:
        ways.append(f"rows count by age, half at {_percent(study.half_life)} of the table's length")
    if study.time_as_number:
        ways.append("models read the time of the rows as a number")
    if ways:
        return " and ".join(ways) + ", which did better"
    if len(study.settings) < 2:
        return (
            "there was no time to try if a part of the past does better, and all of it is used; "
            "a larger budget allows it"
        )
    return "models are trained on all of the past, since less of it did no better"


def _left_range(left: LeftRange) -> str:
    done = (
        "it is left out, since models without it did better on later rows"
        if left.left_out
        else "it is kept, since models without it did no better on later rows"
    )
    return (
        f"column `{left.column}`: {_percent(left.share)} of the newest values are outside of all "
        f"that rows before them had; {done}"
    )


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"
