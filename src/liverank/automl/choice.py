"""From trials to a choice: blend, calibrate, judge, and train the chosen again on all rows.

Invariant: the block that judges decides nothing but whether the blend and the calibration are kept.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.automl.deadline import Deadline
from liverank.automl.logistic import fit_logistic, linear_gains
from liverank.automl.losses import (
    fit_calibration,
    gain_in_errors,
    greedy_blend,
    log_odds,
    margin_log_loss,
)
from liverank.automl.report import Calibration, Candidate, Member, Scores, known
from liverank.automl.trials import Blocks, Trial
from liverank.dataset.metrics import auc, list_auc, mean_over_lists, ndcg_at
from liverank.dataset.rows import Rows, list_offsets
from liverank.models.forest import Forest, merge
from liverank.models.linear import Linear

NOISE = 2.0
"""Standard errors by which a model must beat a simpler one to be taken instead of it."""
CAUTIOUS = frozenset({"logistic", "trees_few"})
"""Trials that learn little from noise."""
_L2_UNSPLIT = 10.0
_REFIT_MARGIN = 1.0
"""A refit is begun if this many times its expected duration is left; one that takes longer and
runs out of time is given up."""


@dataclass(frozen=True)
class Choice:
    """What a search ends with; parts read the narrow columns."""

    parts: tuple[Forest | Linear, ...]
    members: tuple[Member, ...]
    calibration: Calibration
    candidates: tuple[Candidate, ...]
    gains: NDArray[np.float64]
    scores: Scores | None
    notes: tuple[str, ...] = ()


def choose_model(trials: list[Trial], blocks: Blocks, rows: Rows, deadline: Deadline) -> Choice:
    """Blend, calibrate, judge, and train the chosen again on all rows."""
    notes = []
    weights = _kept_blend(trials, blocks)
    chosen = [
        (trial, float(weight)) for trial, weight in zip(trials, weights, strict=True) if weight > 0
    ]
    choose = sum((weight * trial.choose for trial, weight in chosen), np.zeros(len(blocks.choose)))
    judge = sum((weight * trial.judge for trial, weight in chosen), np.zeros(len(blocks.judge)))
    calibration = _kept_calibration(choose, judge, blocks)
    scores = _scores(calibration.slope * judge + calibration.offset, blocks)
    if scores.log_loss is None or scores.log_loss >= (scores.base_rate_log_loss or math.inf):
        notes.append(
            "on the newest rows the model is no better than the share of successes; "
            "more successes, or fields that tell people and items apart, would help"
        )
    refits = _refit(chosen, rows, len(blocks.fit), deadline)
    if not all(member.refit for member, _ in refits):
        notes.append(
            "the budget left no time to train again on the newest rows; raise training.budget"
        )
    gains = np.zeros(len(rows.names))
    for trial, weight in chosen:
        gains += weight * trial.gains / max(trial.gains.sum(), 1e-300)
    return Choice(
        parts=tuple(part for _, part in refits),
        members=tuple(member for member, _ in refits),
        calibration=calibration,
        candidates=tuple(_candidate(trial) for trial in trials),
        gains=gains,
        scores=scores,
        notes=tuple(notes),
    )


def cautious_model(rows: Rows) -> Choice:
    """A cautious logistic on all rows, where there are too few of them to choose by."""
    model = fit_logistic(rows.features, rows.labels, l2=_L2_UNSPLIT, directions=rows.directions)
    return Choice(
        parts=(model,),
        members=(Member(name="logistic", weight=1.0, refit=True),),
        calibration=Calibration(slope=1.0, offset=0.0, kept=False),
        candidates=(Candidate(name="logistic", log_loss=None, seconds=0.0),),
        gains=linear_gains(model, rows.features),
        scores=None,
        notes=(
            f"{len(rows)} rows with {rows.positives} successes are too few to choose between "
            "models by time; one cautious logistic was trained on all of them",
        ),
    )


def _kept_blend(trials: list[Trial], blocks: Blocks) -> NDArray[np.float64]:
    """The greedy blend's weights if it beats the best single model beyond noise, else that one."""
    best = _best_single(trials, blocks)
    single = np.zeros(len(trials))
    single[best] = 1.0
    weights = greedy_blend([trial.choose for trial in trials], blocks.choose.labels)
    blended = weights @ np.stack([trial.judge for trial in trials])
    judge = blocks.judge
    gain = gain_in_errors(trials[best].judge, blended, judge.labels, judge.rankings)
    return weights if gain > NOISE else single


def _best_single(trials: list[Trial], blocks: Blocks) -> int:
    """The place of the cautious trial of least loss, or of the best if it beats that beyond noise.

    On few successes the least loss of many trials is luck, and the cautious ones do less harm.
    """
    places = range(len(trials))
    cautious = [place for place in places if trials[place].name in CAUTIOUS]
    calm, best = (
        min(these, key=lambda place: trials[place].log_loss) for these in (cautious, places)
    )
    choose = blocks.choose
    gain = gain_in_errors(trials[calm].choose, trials[best].choose, choose.labels, choose.rankings)
    return best if gain > NOISE else calm


def _kept_calibration(
    choose: NDArray[np.float64], judge: NDArray[np.float64], blocks: Blocks
) -> Calibration:
    slope, offset = fit_calibration(choose, blocks.choose.labels)
    labels = blocks.judge.labels
    if margin_log_loss(slope * judge + offset, labels) < margin_log_loss(judge, labels):
        return Calibration(slope=slope, offset=offset, kept=True)
    return Calibration(slope=1.0, offset=0.0, kept=False)


def _refit(
    chosen: list[tuple[Trial, float]], rows: Rows, n_fit: int, deadline: Deadline
) -> list[tuple[Member, Forest | Linear]]:
    """Train each again on all rows, heaviest first, where time allows; weights are put inside."""
    ratio = len(rows) / n_fit
    parts = []
    for trial, weight in sorted(chosen, key=lambda pair: -pair[1]):
        again = None
        if deadline.left_s() > trial.refit_s * ratio**2 * _REFIT_MARGIN:
            again = trial.refit(rows, deadline)
        part = again or trial.part
        weighted = part.times(weight) if isinstance(part, Linear) else merge([part], [weight])
        parts.append((Member(name=trial.name, weight=weight, refit=again is not None), weighted))
    return parts


def _scores(margins: NDArray[np.float64], blocks: Blocks) -> Scores:
    labels, offsets = blocks.judge.labels, list_offsets(blocks.judge.rankings)
    past = log_odds(np.concatenate([blocks.fit.labels, blocks.choose.labels]))
    return Scores(
        rows=len(labels),
        positives=blocks.judge.positives,
        log_loss=known(margin_log_loss(margins, labels)),
        base_rate_log_loss=known(margin_log_loss(np.full(len(labels), past), labels)),
        auc=known(auc(margins, labels)),
        list_auc=known(mean_over_lists(list_auc(margins, labels, offsets))),
        ndcg_at_10=known(mean_over_lists(ndcg_at(10, margins, labels, offsets))),
    )


def _candidate(trial: Trial) -> Candidate:
    return Candidate(
        name=trial.name,
        log_loss=known(trial.log_loss),
        seconds=trial.seconds,
        rounds=trial.rounds,
        stopped="budget" if trial.out_of_time else None,
    )
