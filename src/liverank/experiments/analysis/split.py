"""The sample-ratio check of an experiment, overall and, if it fails, where to look.

Invariant: a split with p below ``ALARM`` is broken, and then no result of the experiment is to be
trusted; the parts that differ most are named only after that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liverank.experiments.analysis.words import p_words
from liverank.experiments.statistics.multiple import holm
from liverank.experiments.statistics.sample_ratio import ALARM, sample_ratio

_USUAL = (
    "look for units that one arm loses: redirects, crashes, bots, filters on what follows the "
    "assignment, or a ramp that moved them"
)
_NAMED = 3
"""How many of the parts that differ most are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Units in each arm beside what was planned."""

    arms: tuple[str, ...]
    counts: tuple[int, ...]
    shares: tuple[float, ...]
    """Planned; they add up to 1."""
    p: float
    where: tuple[str, ...] = ()
    """Parts of the units whose own split is off, the worst first."""

    @property
    def ok(self) -> bool:
        """Whether the counts fit the plan; true where they cannot tell otherwise."""
        return not self.p < ALARM

    @property
    def sentence(self) -> str:
        """The counts and what they say, in words."""
        total = sum(self.counts)
        seen = ", ".join(
            f"{arm} {count:,} ({100 * count / total:.2f} %, planned {100 * share:.2f} %)"
            for arm, count, share in zip(self.arms, self.counts, self.shares, strict=True)
        )
        verdict = "as planned" if self.ok else "broken"
        return f"the split is {verdict}: {seen}; p {p_words(self.p)}"


def check_split(
    counts: Mapping[str, int],
    shares: Mapping[str, float],
    parts: Mapping[str, tuple[Sequence[str], NDArray[np.int64]]] | None = None,
    p: float | None = None,
    is_assumed: bool = False,
) -> Split:
    """Check the units of each arm against the planned shares.

    ``parts`` gives, for each way to divide the units (such as "country" or "day"), the names of the
    parts and ``int64[n_parts, n_arms]``. ``p`` is that of the sequential check, where looks are
    repeated; else it is computed from the counts. ``is_assumed`` says that nobody gave the shares.

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
    for name, (labels, table) in (parts or {}).items():
        where += _worst(name, labels, table, split)
    return replace(split, where=tuple(where or [_USUAL]))


def _worst(name: str, labels: Sequence[str], table: NDArray[np.int64], split: Split) -> list[str]:
    p = holm([sample_ratio(row.tolist(), split.shares) for row in table])
    broken = sorted((i for i in range(len(p)) if p[i] < ALARM), key=lambda i: p[i])
    if not broken:
        return [f"by {name}: no part stands out; the cause is in all of them alike"]
    if len(broken) == len(p) > _NAMED:
        return [f"by {name}: all of the {len(p)} parts are off"]
    lines = []
    for place in broken[:_NAMED]:
        seen = " / ".join(f"{count:,}" for count in table[place].tolist())
        lines.append(f"by {name}: {labels[place]} has {seen}")
    return lines
