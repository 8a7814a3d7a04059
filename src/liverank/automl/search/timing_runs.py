"""Timing runs: short fits from which the times of full ones are estimated.

Invariant: their models are thrown away; only the time that they took is used.
"""

from collections.abc import Mapping

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.families import Family
from liverank.automl.trials.plan import Timing
from liverank.dataset.sampling import evenly_spread_rows

_FEW_ROWS, _MANY_ROWS = 1500, 15_000
"""Numbers of rows of the two timing runs of a family."""
_LONG_TABLE = 6000
"""Number of rows from which a second, longer run is worth it."""
_FIXED = 0.3
"""Share of a round's time assumed not to grow with the rows, where only one size was timed."""
_ALL_SHARE = 0.25
"""Share of the remaining time that all timing runs together may take."""
_MOST_SETUP_SHARE = 0.2
"""Share of the remaining time that a family may need to set up; one that needs more is left out."""


def time_all(
    families: Mapping[str, Family],
    train: Matrix,
    *,
    n_threads: int,
    deadline: Deadline,
    share: float = 0.1,
) -> dict[str, Timing]:
    """Time each family within its share of the remaining time; leave out those without time."""
    timings: dict[str, Timing] = {}
    end = deadline.share(_ALL_SHARE)
    for name, family in families.items():
        if timings and end.expired():
            break
        setup_s = family.TRAITS.setup_s
        if timings and deadline.left_s() * _MOST_SETUP_SHARE < setup_s:
            continue
        until = deadline.at(deadline.clock() + max(share * deadline.left_s(), setup_s))
        timings[name] = time_family(family, train, n_threads=n_threads, deadline=until)
    return timings


def time_family(family: Family, train: Matrix, *, n_threads: int, deadline: Deadline) -> Timing:
    """Time a family's first setting on few rows, and on more where there are more.

    Importing and compiling at the first fit is not counted, unless it takes all the time.
    """
    began = deadline.clock()
    grows = family.TRAITS.slower_with_rows
    few = train.take(evenly_spread_rows(len(train), _FEW_ROWS))
    first = family.fit(
        few, None, family.DEFAULTS[0][1], seed=0, n_threads=n_threads, deadline=deadline, rounds=1
    )
    if deadline.expired():
        # Assumed to be mostly importing and compiling; a trial that takes longer is stopped.
        round_s = (deadline.clock() - began) / (20 * max(first.rounds_run, 1))
        return Timing(setup_s=(round_s, 0.0), round_s=(0.0, round_s / len(few)))
    setup, round_s = _time_fit(family, few, n_threads, deadline)
    if len(train) < _LONG_TABLE or not grows or deadline.expired():
        # With one size only, most of a round's time is assumed to grow with the rows.
        fixed = _FIXED if grows else 1.0
        return Timing(
            setup_s=(setup, 0.0), round_s=(fixed * round_s, (1 - fixed) * round_s / len(few))
        )
    many = train.take(evenly_spread_rows(len(train), _MANY_ROWS))
    setup_2, round_2 = _time_fit(family, many, n_threads, deadline)
    return Timing(
        setup_s=_line(len(few), setup, len(many), setup_2),
        round_s=_line(len(few), round_s, len(many), round_2),
    )


def _time_fit(
    family: Family, rows: Matrix, n_threads: int, deadline: Deadline
) -> tuple[float, float]:
    """Seconds to set up, and seconds of a round."""
    params = family.DEFAULTS[0][1]
    took = []
    for rounds in family.TRAITS.timed_rounds:
        began = deadline.clock()
        fit = family.fit(
            rows,
            None,
            params,
            seed=0,
            n_threads=n_threads,
            deadline=deadline,
            rounds=rounds,
        )
        took.append((max(fit.rounds_run, 1), deadline.clock() - began))
    (few, short_s), (many, long_s) = took
    if long_s <= short_s:  # the first fit also imported or compiled
        return short_s, long_s / many
    round_s = max((long_s - short_s) / max(many - few, 1), long_s / many / 20, 1e-6)
    return max(long_s - many * round_s, 0.0), round_s


def _line(small: int, low: float, large: int, high: float) -> tuple[float, float]:
    """Offset and slope of the line through two sizes, neither below zero."""
    slope = max(high - low, 0.0) / (large - small)
    return max(low - slope * small, 0.0), slope
