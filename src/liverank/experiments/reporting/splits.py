"""The sample-ratio check of a running experiment: overall at each look, by day and by segment."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.analysis.split import Parts, check_split
from liverank.experiments.gathering.gathered import Gathered, Segment
from liverank.experiments.reporting.facts import SplitFact, SplitPart
from liverank.experiments.statistics.multiple import holm
from liverank.experiments.statistics.sample_ratio import (
    ALARM,
    sample_ratio,
    sequential_sample_ratio,
)

MOST_LEVELS = 12
"""Number of levels of a segment that are shown, the most frequent first."""
UNKNOWN_LEVEL = "(unknown)"


def split_of(
    gathered: Gathered, counts: NDArray[np.int64], days: Sequence[str], shares: dict[str, float]
) -> SplitFact:
    """Check the units of each arm against the shares of the config.

    ``counts`` are int64[n_looks, n_arms] in the order of ``shares``; ``days`` are the names of the
    looks. The overall p is sequential: even with daily looks, a correct split raises an alarm in
    at most one of a thousand experiments.
    """
    arms, planned = tuple(shares), list(shares.values())
    overall = float(sequential_sample_ratio(counts, planned)[-1])
    added = np.diff(counts, axis=0, prepend=0)
    by_segment = {
        segment.name: levels_of(gathered, segment, arms)
        for segment in gathered.segments
        if len(segment.texts) > 1 or (segment.codes < 0).any()
    }
    parts = {"day": Parts(days, added)}
    parts |= {name: Parts(labels, table) for name, (labels, table) in by_segment.items()}
    found = check_split(dict(zip(arms, counts[-1].tolist(), strict=True)), shares, parts, p=overall)
    return SplitFact(
        ok=found.ok,
        p=overall,
        p_now=sample_ratio(counts[-1].tolist(), planned),
        arms=arms,
        counts=found.counts,
        shares=found.shares,
        sentence=found.sentence,
        where=found.where,
        days=_parts(days, added, planned),
        segments={
            name: _parts(labels, table, planned) for name, (labels, table) in by_segment.items()
        },
    )


def levels_of(
    gathered: Gathered, segment: Segment, arms: Sequence[str]
) -> tuple[list[str], NDArray[np.int64]]:
    """The most frequent levels of a segment, and their units by arm: int64[n_levels, n_arms]."""
    size = len(segment.texts) + 1
    table = np.column_stack(
        [np.bincount(segment.codes[gathered.arms.of(arm)] + 1, minlength=size) for arm in arms]
    )
    totals = table.sum(axis=1)
    order = np.argsort(-totals, kind="stable")[:MOST_LEVELS]
    order = order[totals[order] > 0]
    names = [UNKNOWN_LEVEL, *segment.texts]
    return [names[index] for index in order], table[order].astype(np.int64)


def _parts(
    names: Sequence[str], table: NDArray[np.int64], shares: Sequence[float]
) -> tuple[SplitPart, ...]:
    adjusted = holm([sample_ratio(row.tolist(), shares) for row in table])
    return tuple(
        SplitPart(name=name, counts=tuple(row.tolist()), p=p, ok=not p < ALARM)
        for name, row, p in zip(names, table, adjusted, strict=True)
    )
