"""Alpha spending: several looks at a running experiment without more false alarms.

At each look a part of the total error is spent, and the boundary for the z statistic is the one
that is first crossed at this look with that probability if there is no effect.
It is exact for looks at any time, planned or not, by integrating over the paths that have not
crossed before. Sources: Lan and DeMets, "Discrete Sequential Boundaries for Clinical Trials"
(Biometrika 1983); Jennison and Turnbull, "Group Sequential Methods" (2000), chapters 7, 9 and 19.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from liverank.errors import ExperimentError

Spending = Literal["obrien_fleming", "pocock"]
"""The spending function: almost no alpha early (O'Brien-Fleming type), or much (Pocock type)."""

_FARTHEST = 38.0
"""Largest z whose normal tail probability is above the smallest float."""
_LEAST = 1e-300
_WIDEST = 7.0
"""Half width, in standard deviations, of the range over which paths are integrated."""
_USUALLY_WITHIN = math.log(10.0)
"""Logarithm of the usual maximum ratio of a repeated p-value to that of a single look."""
_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(6)
"""Gauss-Legendre nodes and weights for each panel of the integration range."""

Paths = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Points of the Brownian path at a look, and the probability weight of each."""


def spent(alpha: float, fraction: float, kind: Spending = "obrien_fleming") -> float:
    """The two-sided error that may be spent up to this fraction of the planned information.

    >>> spent(0.05, 1.0)
    0.05
    >>> round(spent(0.05, 0.5), 5)
    0.00305
    """
    if fraction >= 1:
        return alpha
    if kind == "pocock":
        return alpha * math.log1p((math.e - 1) * fraction)
    one_side = special.ndtr(special.ndtri(alpha / 4) / math.sqrt(fraction))
    return float(4 * one_side)


def spending(
    alpha: float,
    fractions: Sequence[float],
    kind: Spending = "obrien_fleming",
    *,
    clock: Sequence[float] | None = None,
) -> NDArray[np.float64]:
    """The boundary for |z| at each look, ``float64[n_looks]``; infinite if nothing is spent.

    ``fractions`` are the looks' shares of the planned information (for equal variances, of the
    planned units), increasing; all of alpha is spent at the first that reaches 1, and none after.
    If the planned information is unknown, ``clock`` gives the looks' shares of the planned
    duration, by which alpha is spent instead; ``fractions`` may then have any scale (Lan and
    DeMets 1989). Raises ExperimentError unless they increase.

    >>> spending(0.05, [0.2, 0.4, 0.6, 0.8, 1.0]).round(3).tolist()
    [4.877, 3.357, 2.68, 2.29, 2.031]
    """
    _check_looks(alpha, fractions)
    totals = [spent(alpha, share, kind) for share in (fractions if clock is None else clock)]
    bounds = np.full(len(fractions), np.inf)
    paths: Paths | None = None
    time, before = 0.0, 0.0
    for look, (fraction, total) in enumerate(zip(fractions, totals, strict=True)):
        step = math.sqrt(fraction - time)
        crossed = _crossing(paths, step, math.sqrt(fraction))
        bounds[look] = _solve(crossed, total - before)
        paths = _go_on(paths, step, bounds[look] * math.sqrt(fraction), fraction)
        time, before = fraction, total
    return bounds


def crossing_probabilities(
    bounds: NDArray[np.float64], fractions: Sequence[float], drift: float = 0.0
) -> NDArray[np.float64]:
    """The probability to cross first at each look, ``float64[n_looks]``.

    ``drift`` is the expected z at full information; the sum of the probabilities is the power.

    >>> looks = [0.5, 1.0]
    >>> round(float(crossing_probabilities(spending(0.05, looks), looks).sum()), 6)
    0.05
    """
    found = np.zeros(len(fractions))
    paths: Paths | None = None
    time = 0.0
    for look, fraction in enumerate(fractions):
        step, root = math.sqrt(fraction - time), math.sqrt(fraction)
        shift = drift * (fraction - time)
        found[look] = _crossing(paths, step, root, shift)(bounds[look])
        paths = _go_on(paths, step, bounds[look] * root, fraction, shift, drift)
        time = fraction
    return found


def repeated_p(
    z: float,
    fractions: Sequence[float],
    kind: Spending = "obrien_fleming",
    *,
    clock: Sequence[float] | None = None,
) -> float:
    """The p-value of the last of these looks, valid at whichever look it is read.

    It is the smallest alpha whose boundary is reached at this look, so p < alpha exactly if the
    boundary for alpha is crossed. Over all looks together the probability that it is below alpha
    is at most alpha, as Holm's correction requires.

    >>> round(repeated_p(2.031, [0.2, 0.4, 0.6, 0.8, 1.0]), 3)
    0.05
    """
    if math.isnan(z):
        return math.nan

    def excess(log_alpha: float) -> float:
        bound = spending(math.exp(log_alpha), fractions, kind, clock=clock)[-1]
        return float(min(bound, _FARTHEST + 1) - abs(z))

    # a repeated p-value is at least the p-value of a single look
    low = math.log(max(2 * float(special.ndtr(-abs(z))), 1e-12))
    highest = math.log(0.999)
    if excess(low) <= 0:
        return math.exp(low)
    high = min(low + _USUALLY_WITHIN, highest)
    while excess(high) >= 0:
        if high == highest:
            return 1.0
        low, high = high, min(high + _USUALLY_WITHIN, highest)
    return math.exp(optimize.brentq(excess, low, high, xtol=1e-4))


def nominal_level(bound: float) -> float:
    """The level of an ordinary interval that is as wide as one with this boundary.

    >>> round(nominal_level(1.959964), 6)
    0.95
    """
    return 1 - 2 * float(special.ndtr(-bound))


def _check_looks(alpha: float, fractions: Sequence[float]) -> None:
    if not 0 < alpha < 1:
        raise ExperimentError(f"alpha is {alpha}; it is a share between 0 and 1, such as 0.05")
    if not fractions or any(b <= a for a, b in itertools.pairwise([0.0, *fractions])):
        raise ExperimentError(
            f"the looks are at {list(fractions)} of the planned information; "
            "give rising shares above 0, such as [0.25, 0.5, 0.75, 1]"
        )


def _crossing(
    paths: Paths | None, step: float, root: float, shift: float = 0.0
) -> Callable[[float], float]:
    """The probability of crossing ``bound`` at the next look for the first time."""
    points, weights = paths if paths is not None else (np.zeros(1), np.ones(1))

    def crossed(bound: float) -> float:
        edge = bound * root
        above = special.ndtr((points + shift - edge) / step)
        below = special.ndtr((-edge - points - shift) / step)
        return float(weights @ (above + below))

    return crossed


def _solve(crossed: Callable[[float], float], increment: float) -> float:
    if increment < _LEAST or crossed(_FARTHEST) >= increment:
        return math.inf
    if crossed(0.0) <= increment:
        return 0.0
    found = optimize.brentq(
        lambda bound: math.log(max(crossed(bound), 1e-320)) - math.log(increment),
        0.0,
        _FARTHEST,
        xtol=1e-10,
    )
    return float(found)


def _go_on(
    paths: Paths | None,
    step: float,
    edge: float,
    time: float,
    shift: float = 0.0,
    drift: float = 0.0,
) -> Paths:
    """The paths within ``edge`` at the next look, on a grid that resolves both looks' densities."""
    reach = _WIDEST * math.sqrt(time)
    low, high = max(-edge, drift * time - reach), min(edge, drift * time + reach)
    if low >= high:
        return np.zeros(1), np.zeros(1)
    panels = int(np.clip((high - low) / step, 6, 250))
    half = (high - low) / panels / 2
    middles = low + half * (2 * np.arange(panels) + 1)
    points = (middles[:, None] + half * _NODES).ravel()
    widths = np.tile(half * _NODE_WEIGHTS, panels)
    before, weights = paths if paths is not None else (np.zeros(1), np.ones(1))
    apart = (points[:, None] - before[None, :] - shift) / step
    density = np.exp(-0.5 * apart**2) @ weights / (step * math.sqrt(2 * math.pi))
    return points, density * widths
