"""The sample-ratio check of an experiment, overall and, if it fails, by part.

Invariant: a split with p below ``ALARM`` is broken, and then no result of the experiment can be
trusted; only then are the parts that differ most listed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from liverank.experiments.analysis.words import p_words
from liverank.experiments.statistics.multiple import holm
from liverank.experiments.statistics.sample_ratio import ALARM, sample_ratio

_USUAL = (
    "look for units that one arm loses: redirects, crashes, bots, filters on what follows the "
    "assignment, or a ramp that moved them"
)
_NAMED = 3
"""Number of parts that a report lists, the most different first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Units in each arm, and the planned shares."""

    arms: tuple[str, ...]
    counts: tuple[int, ...]
    shares: tuple[float, ...]
    """Planned shares; they add up to 1."""
    p: float
    where: tuple[str, ...] = ()
    """Parts of the units whose split is off, the worst first; may be filled if the total is ok."""

    @property
    def ok(self) -> bool:
        """Whether the counts fit the plan; true if they are too few to show a difference."""
        return not self.p < ALARM

    @property
    def sentence(self) -> str:
        """The counts and the verdict, in words."""
        total = sum(self.counts)
        seen = ", ".join(
            f"{arm} {count:,} ({100 * count / total:.2f} %, planned {100 * share:.2f} %)"
            for arm, count, share in zip(self.arms, self.counts, self.shares, strict=True)
        )
        verdict = "as planned" if self.ok else "broken"
        return f"the split is {verdict}: {seen}; p {p_words(self.p)}"


@dataclass(frozen=True, slots=True)
class Parts:
    """The units of a split, divided in one way."""

    labels: Sequence[str]
    counts: NDArray[np.int64]
    """``int64[n_parts, n_arms]``."""
    is_guess: bool = False
    """Whether nobody requested this division; then it is reported only if its parts differ."""


def check_split(
    counts: Mapping[str, int],
    shares: Mapping[str, float],
    parts: Mapping[str, Parts] | None = None,
    p: float | None = None,
    is_assumed: bool = False,
) -> Split:
    """Check the units of each arm against the planned shares.

    ``parts`` are the ways to divide the units, such as "country" or "day". ``p`` is the p-value of
    the sequential check for repeated looks; if not given it is computed from the counts.
    ``is_assumed``: the shares were not given.

    >>> check_split({"a": 5000, "b": 5500}, {"a": 1, "b": 1}).ok
    False
    """
    arms = tuple(counts)
    planned = np.array([shares[arm] for arm in arms], dtype=np.float64)
    found = sample_ratio(list(counts.values()), planned.tolist()) if p is None else p
    split = Split(
        arms=arms,
        counts=tuple(counts.values()),
        shares=tuple((planned / planned.sum()).tolist()),
        p=found,
    )
    if split.ok:
        return split
    where = ["if other shares were planned, give them by --share"] if is_assumed else []
    for name, own in (parts or {}).items():
        where += _worst(name, own, split)
    return replace(split, where=tuple(where or [_USUAL]))


def broken_parts(name: str, parts: Parts, shares: Sequence[float]) -> list[str]:
    """The parts whose split is off after Holm's correction, in words, the worst first.

    >>> parts = Parts(["gb", "ie"], np.array([[500, 510], [400, 200]]))
    >>> broken_parts("country", parts, [0.5, 0.5])
    ['by country: ie has 400 / 200']
    """
    p = holm([sample_ratio(row.tolist(), shares) for row in parts.counts])
    broken = sorted((i for i in range(len(p)) if p[i] < ALARM), key=lambda i: p[i])
    if len(broken) == len(p) > _NAMED:
        return [f"by {name}: all parts are off"]
    lines = []
    for part in broken[:_NAMED]:
        seen = " / ".join(f"{count:,}" for count in parts.counts[part].tolist())
        lines.append(f"by {name}: {parts.labels[part]} has {seen}")
    return lines


def _worst(name: str, parts: Parts, split: Split) -> list[str]:
    if parts.is_guess and _have_similar_shares(parts.counts):
        return []
    return broken_parts(name, parts, split.shares) or [f"by {name}: no part stands out"]


def _have_similar_shares(counts: NDArray[np.int64]) -> bool:
    """Whether all parts have similar shares, as planned or not."""
    table = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    return len(table) < 2 or not stats.chi2_contingency(table).pvalue < ALARM
