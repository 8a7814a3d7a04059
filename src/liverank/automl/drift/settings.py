"""Ways to train on the past, tried at origins: which did better on the rows that followed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.drift.origin_rows import OriginRows
from liverank.automl.evaluation.recency import ALL_ALIKE, Recency
from liverank.automl.families import lightgbm
from liverank.automl.search.origin_rounds import best_rounds, loss_at, rounds_by_others
from liverank.automl.trials.drift_policy import TriedSetting

Floats = NDArray[np.float64]

RATE = 0.15
"""Learning rate of the plain forest."""
_PARAMS = {"learning_rate": RATE, "num_leaves": 15, "min_data_in_leaf": 20}
_LEAST_GAIN = 0.003
"""Smallest relative gain for which a setting is better."""


@dataclass(frozen=True)
class Setting:
    """A way to train: a part of the past, columns left out, and whether the time is a feature."""

    name: str
    recency: Recency = ALL_ALIKE
    without: tuple[str, ...] = ()
    with_time: bool = False


PLAIN = Setting("all rows of the past, alike")


@dataclass(eq=False)
class Settings:
    """Losses of ways to train, by round, at each origin."""

    origins: Sequence[OriginRows]
    seed: int
    deadline: Deadline
    paths: dict[Setting, list[Floats]] = field(default_factory=dict)

    @property
    def have_time(self) -> bool:
        """Whether the time of the rows is a feature that settings may read."""
        return all(origin.time_feature in origin.train.names for origin in self.origins)

    def try_out(self, setting: Setting) -> bool:
        """Train at each origin and keep the losses; False where time ran out."""
        if setting in self.paths:
            return True
        paths = []
        for origin in self.origins:
            train, later = origin.recent(
                setting.recency, without=setting.without, with_time=setting.with_time
            )
            if self.deadline.expired():
                return False
            fit = fit_plain(train, later, self.seed, self.deadline)
            if fit.out_of_time:
                return False
            if len(fit.losses) == 0:  # a constant target
                return True
            paths.append(fit.losses)
        self.paths[setting] = paths
        return True

    def losses(self, setting: Setting) -> Floats:
        """Loss at each origin, with the rounds that are best at the others: float64[origins]."""
        paths = self.paths[setting]
        return np.array(
            [loss_at(p, r) for p, r in zip(paths, rounds_by_others(paths), strict=True)]
        )

    def gains(self, setting: Setting, over: Setting = PLAIN) -> Floats:
        """Fall of the loss at each origin, float64[origins]."""
        return self.losses(over) - self.losses(setting)

    def is_better(self, setting: Setting, over: Setting = PLAIN, *, errors: float = 1.0) -> bool:
        """Whether the gain is above some standard errors, and at most one origin loses."""
        gains = self.gains(setting, over)
        least = max(errors * standard_error(gains), _LEAST_GAIN * float(self.losses(over).mean()))
        return bool(gains.mean() > least and (gains > 0).sum() >= len(gains) - 1)

    def is_better_recently(self, setting: Setting, over: Setting) -> bool:
        """Whether the gain, at the newest origins above all, is above its standard error."""
        gain, error = mean_of_newest(self.gains(setting, over))
        return gain > max(error, _LEAST_GAIN * mean_of_newest(self.losses(over))[0])

    def is_worse(self, setting: Setting, than: Setting) -> bool:
        """Whether the loss is higher by more than its error, both as in ``is_better_recently``."""
        loss, error = mean_of_newest(self.losses(setting) - self.losses(than))
        return loss > error

    def record(self) -> tuple[TriedSetting, ...]:
        """What was tried, as a plan records it."""
        return tuple(
            TriedSetting(
                name=setting.name,
                loss=round(float(self.losses(setting).mean()), 6),
                gain=round(float(self.gains(setting).mean()), 6),
                error=round(standard_error(self.gains(setting)), 6),
                rounds=best_rounds(paths),
            )
            for setting, paths in self.paths.items()
        )


def mean_of_newest(values: Floats) -> tuple[float, float]:
    """The mean over origins and its standard error, each origin counting twice the one before.

    Drift that sets in is seen at the newest origins only.

    >>> mean_of_newest(np.array([0.0, 0.0, 7.0]))[0]
    4.0
    """
    weights = 0.5 ** np.arange(len(values) - 1, -1, -1.0)
    weights /= weights.sum()
    return float(weights @ values), float(values.std(ddof=1) * np.sqrt((weights**2).sum()))


def standard_error(values: Floats) -> float:
    """The standard error of a mean over origins."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def fit_plain(train: Matrix, validation: Matrix, seed: int, deadline: Deadline) -> Fit:
    """Train the plain forest, with a loss of the validation rows after each round."""
    return lightgbm.fit(
        train, validation, _PARAMS, seed=seed, n_threads=1, deadline=deadline, rounds=None
    )
