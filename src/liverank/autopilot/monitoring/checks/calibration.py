"""A model whose predictions no longer agree with what happens, against its own first days.

People look at a part of a list, so scores are not expected to agree with successes as such. But
their ratio should stay as it was when the model was new.
"""

from collections.abc import Iterator

import numpy as np

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.baseline import Compared, Fall, fall_of, is_low
from liverank.autopilot.monitoring.view import View

FIRST_HOURS = 72
"""Hours since a model's first list whose ratio the later hours are compared with."""
BOUND = 0.6
"""Observed successes per predicted one, or the inverse, against the first days."""
_LEAST_FIRST = 100
"""Successes that the first days must have."""
_LEAST_HOURS = 24
"""Hours over which it must have moved clearly; the same number before, it must have begun to."""


def calibration(view: View) -> Iterator[Alarm]:
    """The model whose ratio moved most."""
    found = [
        one
        for name in sorted(view.table.names("predicted"))
        if (one := _moved(view, name[1])) is not None
    ]
    if not found:
        return
    ratio, fall, model = max(found, key=lambda one: abs(np.log(one[0])))
    yield Alarm(
        key="calibration",
        kind="calibration",
        title=(
            f"Model {model} has {ratio:.2f} times the successes per predicted one that it had in "
            f"its first days, over {fall.hours} h"
        ),
        cause="People or items have changed since it was trained, or its inputs have.",
        consequence="Its order may be worse than it was; the next training takes this in.",
        next_step="If a new model does not mend it, look at drift and at what changed.",
        since_ms=view.since_ms("calibration", fall.hours),
    )


def _moved(view: View, model: str) -> tuple[float, Fall, str] | None:
    """The ratio against the first days and the fall, if it moved a lot; the model's version."""
    lag = view.lag_h
    predicted, observed = (view.of(one, model)[:-lag] for one in ("predicted", "observed"))
    there = np.flatnonzero(predicted > 0)
    if len(there) == 0:
        return None
    first = slice(int(there[0]), int(there[0]) + FIRST_HOURS)
    if observed[first].sum() < _LEAST_FIRST or len(predicted) < first.stop + 2 * _LEAST_HOURS:
        return None
    if not predicted[-_LEAST_HOURS:].any():
        return None  # it ranks no more
    expected = predicted * (observed[first].sum() / predicted[first].sum())
    is_odd = view.is_odd[:-lag]
    for count, other, sign in ((observed, expected, 1), (expected, observed, -1)):
        compared = Compared(count, other, is_odd)
        middle = (1 + BOUND) / 2
        before = slice(-2 * _LEAST_HOURS, -_LEAST_HOURS)
        was_low = count[before].sum() <= middle * other[before].sum()
        fall = fall_of([compared], bound=BOUND, least_hours=_LEAST_HOURS) if was_low else None
        if "calibration" in view.active and is_low(compared, bound=middle, least_expected=50.0):
            sums = (float(one[-_LEAST_HOURS:].sum()) for one in (count, other))
            fall = fall or Fall(_LEAST_HOURS, next(sums), next(sums), 0.0)
        if fall is not None and fall.count > 0:
            return fall.ratio**sign, fall, model
    return None
