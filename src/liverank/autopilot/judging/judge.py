"""Judges a challenger on lists that neither it nor the champion was trained on.

    log -> lists of the time -> margins from one replay -> figures, segments, speed -> checks

Invariant: the verdict depends on the events before ``until_ms``, the bundles and the config alone;
but for the speed, which is measured.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.frames import Frames
from liverank.autopilot.judging.checks import Evidence, checks_of, reason_of_checks
from liverank.autopilot.judging.components import ServedRows, reach_of, weights_of
from liverank.autopilot.judging.judged_lists import JudgedLists, Period, outcome_of
from liverank.autopilot.judging.label_figures import Answers, label_verdict
from liverank.autopilot.judging.position import position_effect_of, report_of
from liverank.autopilot.judging.scoring import AllScores, score_lists
from liverank.autopilot.judging.segments import segments_of
from liverank.autopilot.judging.speed import speeds_of
from liverank.autopilot.judging.verdict import (
    CHALLENGER,
    CHAMPION,
    LIST_AUC,
    LOG_LOSS,
    NDCG,
    POPULARITY,
    Claim,
    LabelVerdict,
    SegmentVerdict,
    Verdict,
)
from liverank.bundle.bundle import Bundle
from liverank.config import Config
from liverank.errors import DatasetError

OnProgress = Callable[[str, float], None]
"""Called with the name of the current step and the share of it that is done."""


def judge(
    frames: Frames,
    config: Config,
    challenger: Bundle,
    champion: Bundle | None,
    *,
    from_ms: float,
    until_ms: float,
    on_progress: OnProgress | None = None,
) -> Verdict:
    """Judge a challenger on the lists served in ``from_ms <= time < until_ms``, Unix ms.

    The challenger was trained on events before ``from_ms``. Lists that the champion was trained on
    are left out too. Without a champion, popularity is what it must beat. Raises DatasetError where
    there is no list to judge on, or where the challenger was trained on some.
    """
    champion, notes = _comparable(challenger, champion, config)
    from_ms, moved = _unseen_from(challenger, champion, from_ms, until_ms)

    def report(step: str, share: float) -> None:
        if on_progress is not None:
            on_progress(step, share)

    bundles = {CHALLENGER: challenger} | ({} if champion is None else {CHAMPION: champion})
    report("reading the log", 0.0)
    specs = [bundle.spec for bundle in bundles.values()]
    period = Period(
        config, specs, from_ms=from_ms, until_ms=until_ms, lineage=challenger.lineage
    ).read(frames)
    scores = score_lists(
        frames, period, bundles, config, lambda share: report("scoring lists", share)
    )
    judged = period.judged(challenger.spec.layout)
    report("comparing", 0.0)
    labels, segments = _verdicts(judged, scores, bundles, config)
    speeds = speeds_of(bundles, {name: one.sample for name, one in scores.bundles.items()})
    is_fresher = champion is None or _is_fresher(challenger, champion)
    checks = checks_of(Evidence(labels, segments, speeds, is_fresher))
    report("comparing", 1.0)
    return Verdict(
        challenger=challenger.version,
        champion=None if champion is None else champion.version,
        from_ms=from_ms,
        until_ms=until_ms,
        lists=len(judged.lists),
        people=len(np.unique(judged.lists.reads.user)),
        is_accepted=all(check.passed for check in checks),
        reason=reason_of_checks(checks),
        checks=checks,
        labels=labels,
        segments=segments,
        speeds=speeds,
        claims=_claims(challenger, labels[0]),
        notes=(*notes, *moved, *judged.lists.notes),
    )


def _comparable(
    challenger: Bundle, champion: Bundle | None, config: Config
) -> tuple[Bundle | None, tuple[str, ...]]:
    """The champion if it ranks lists by the same label, else None and a note.

    Raises DatasetError where the challenger ranks by another label than the config says.
    """
    first = next(iter(config.heads))
    ranks_by = next(iter(challenger.heads))
    if ranks_by != first:
        raise DatasetError(
            f"bundle {challenger.version} ranks lists by `{ranks_by}`, and the config by "
            f"`{first}`; train again"
        )
    if champion is None or next(iter(champion.heads)) == first:
        return champion, ()
    note = (
        f"the model in service ranks lists by `{next(iter(champion.heads))}`, not by `{first}`: "
        "the challenger is compared with popularity alone"
    )
    return None, (note,)


def _unseen_from(
    challenger: Bundle, champion: Bundle | None, from_ms: float, until_ms: float
) -> tuple[float, tuple[str, ...]]:
    """The time from which lists are new to both, and a note where it is later than asked for."""
    notes: tuple[str, ...] = ()
    if challenger.lineage is not None and challenger.lineage.trained_until_ms > from_ms:
        raise DatasetError(
            f"lists from {from_ms:.0f} on (Unix ms): the challenger {challenger.version} was "
            f"trained until {challenger.lineage.trained_until_ms}; judge it on later lists"
        )
    if champion is not None and champion.lineage is not None:
        trained_ms = champion.lineage.trained_until_ms
        if trained_ms > from_ms:
            from_ms = float(trained_ms)
            notes = ("left out: earlier lists, which the model in service was trained on",)
    if from_ms >= until_ms:
        raise DatasetError(
            f"lists from {from_ms:.0f} until {until_ms:.0f} (Unix ms): the end must be later"
        )
    return from_ms, notes


def _is_fresher(challenger: Bundle, champion: Bundle) -> bool:
    """Whether the challenger has learned from newer events, or else was made later."""
    if challenger.lineage is not None and champion.lineage is not None:
        return challenger.lineage.trained_until_ms > champion.lineage.trained_until_ms
    return challenger.manifest.created_ms > champion.manifest.created_ms


def _verdicts(
    judged: JudgedLists, scores: AllScores, bundles: dict[str, Bundle], config: Config
) -> tuple[tuple[LabelVerdict, ...], tuple[SegmentVerdict, ...]]:
    """The verdict on each label, that by which lists are ranked first, and on its segments."""
    first = next(iter(bundles[CHALLENGER].heads))
    names = dict.fromkeys(label for bundle in bundles.values() for label in bundle.heads)
    found: list[LabelVerdict] = []
    segments: tuple[SegmentVerdict, ...] = ()
    for label in names:
        rows, served = _served_rows(judged, label, first)
        positions = judged.lists.reads.positions[served]
        answers = _answers(label, positions, served, scores, bundles)
        reach = reach_of(positions, rows.seen)
        rows = rows._replace(weights=_weights(label, positions, reach, answers, bundles))
        note = "; ".join(
            f"the {name} has no model of it"
            for name, bundle in bundles.items()
            if label not in bundle.heads
        )
        verdict, of_segments = label_verdict(
            label,
            rows,
            answers,
            segments_of(judged, rows, served) if label == first else (),
            seed=config.training.seed,
            note=note or judged.lists.unavailable.get(label, ""),
        )
        found.append(verdict)
        segments += of_segments
    return tuple(found), segments


def _served_rows(
    judged: JudgedLists, label: str, first: str
) -> tuple[ServedRows, NDArray[np.bool_]]:
    """The rows of a label, and which of all items they are, bool[k]; none if it is unavailable."""
    lists = judged.lists
    outcome = outcome_of(lists, label, first)
    of_list = np.repeat(np.arange(len(lists)), lists.sizes)
    if outcome is None:
        served = np.zeros(len(lists.labels), np.bool_)
        labels = lists.labels
    else:
        served = lists.served & (outcome.until_ms < lists.as_of_ms)[of_list]
        labels = outcome.labels * lists.seen
    rows = ServedRows(
        labels[served],
        np.ones(np.count_nonzero(served)),
        of_list[served],
        lists.reads.user,
        lists.seen[served],
    )
    return rows, served


def _answers(
    label: str,
    positions: NDArray[np.float64],
    served: NDArray[np.bool_],
    scores: AllScores,
    bundles: dict[str, Bundle],
) -> dict[str, Answers]:
    answers = {
        name: Answers(
            scores.bundles[name].margins[label][served],
            position_effect_of(bundle, label).of(positions),
        )
        for name, bundle in bundles.items()
        if label in bundle.heads
    }
    return answers | {POPULARITY: Answers(scores.popularity[served])}


def _weights(
    label: str,
    positions: NDArray[np.float64],
    reach: NDArray[np.float64],
    answers: dict[str, Answers],
    bundles: dict[str, Bundle],
) -> NDArray[np.float64]:
    """How much a success of each row counts for all methods alike, float64[n].

    By the ``reach`` of its position, float64[n]; by the mean of the models' log-odds, so that
    neither is favoured; and by the effect of positions in the challenger's report, which is the
    newest, or else in the champion's.
    """
    own = {name: bundle for name, bundle in bundles.items() if label in bundle.heads}
    effects = [position_effect_of(bundle, label) for bundle in own.values()]
    effect = next((effect for effect in effects if effect.rows), effects[0])
    margins = np.mean([answers[name].scores for name in own], axis=0)
    return weights_of(margins, effect.of(positions), reach)


def _claims(challenger: Bundle, label: LabelVerdict) -> tuple[Claim, ...]:
    """What the report of the ranking model expected, and what came."""
    report = report_of(challenger, label.label)
    methods = (report.get("against") or {}).get("methods") or {}
    claimed = {
        NDCG: (methods.get("model") or {}).get(NDCG),
        LIST_AUC: (methods.get("model") or {}).get(LIST_AUC),
        LOG_LOSS: (report.get("held_out") or {}).get(LOG_LOSS),
    }
    return tuple(
        Claim(metric=metric, claimed=value, came=label.methods[CHALLENGER][metric])
        for metric, value in claimed.items()
        if value is not None
    )
