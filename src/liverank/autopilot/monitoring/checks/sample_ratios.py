"""Experiments whose variants do not get the shares of units that the config says.

The test is valid at any number of looks (``experiments.statistics.sample_ratio``): an experiment
that is split as planned makes an alarm with probability ``ALPHA``, however long it runs.
"""

from collections.abc import Iterator

import numpy as np

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.view import View
from liverank.experiments.statistics.sample_ratio import sequential_sample_ratio

ALPHA = 1e-4
_ENDS_ABOVE = 0.01


def sample_ratios(view: View) -> Iterator[Alarm]:
    """An alarm for each run of an experiment whose split is not as planned."""
    for name, run in sorted({name[1:3] for name in view.table.names("unit")}):
        experiment = view.config.experiments[name]
        counts = [view.of("unit", name, run, one) for one in experiment.shares]
        totals = np.array([int(one.sum()) for one in counts])
        if len(totals) < 2 or not counts[0].size or totals.sum() == 0:
            continue
        shares = list(experiment.shares.values())
        p = float(sequential_sample_ratio(totals[None, :], shares)[-1])
        key = f"sample_ratio:{name}"
        if p > (_ENDS_ABOVE if key in view.active else ALPHA):
            continue
        split = ", ".join(
            f"{one} {count:,}" for one, count in zip(experiment.shares, totals, strict=True)
        )
        yield Alarm(
            key=key,
            kind="sample_ratio",
            title=f"Experiment `{name}` has units {split}, which its shares do not explain",
            cause=(
                "A variant fails or is lost on its way for some people, or the shares were changed "
                "while it ran."
            ),
            consequence="Its variants differ by more than their ranking: no result can be trusted.",
            next_step="Find what loses people of one variant, and begin again with another salt.",
            since_ms=view.since_ms(key, 1),
        )
