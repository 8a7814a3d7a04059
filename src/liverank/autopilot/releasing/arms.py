"""Which arm of a release a ranking counts in, and whether it was by the arm's own model.

Arms are those that were drawn for the person, not those that served (intention to treat): a
challenger that cannot rank is then seen by its fallbacks. Invariant: lists of variants of
experiments are in no arm, as another policy ranks them.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config
from liverank.experiments.assignment.held_out import HELD_OUT
from liverank.experiments.release import Release

CONTROL, TREATED, NEITHER = 0, 1, -1
FALLBACKS = ("popular", "newest")
"""What a ranking names as its model where no bundle ranked."""


class Arms(Protocol):
    """Divides rankings into arms."""

    def of(self, rankings: pl.DataFrame) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
        """The arm of each ranking, int8[n], and whether it is a fallback of its arm, bool[n].

        ``rankings`` has the columns user, variant, model, time.
        """


@dataclass(frozen=True, slots=True)
class CanaryArms:
    """The champion (control) and the challenger (treated), by the draw of the canary."""

    release: Release
    own: frozenset[str] = frozenset()
    """Variants that the bundle in service ranks (``variants_of_the_model``)."""

    def of(self, rankings: pl.DataFrame) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
        """See ``Arms.of``."""
        users = rankings["user"].unique()
        drawn = [user for user in users.to_list() if self.release.serves(user)]
        is_treated = rankings["user"].is_in(drawn).to_numpy()
        arm = np.where(
            by_the_model(rankings, self.own), is_treated.astype(np.int8), np.int8(NEITHER)
        )
        by_challenger = (rankings["model"] == self.release.version).fill_null(value=False)
        fell_back = ~by_challenger.to_numpy()
        if self.release.champion is None:
            fell_back[~is_treated] = False
        else:
            by_champion = (rankings["model"] == self.release.champion).fill_null(value=False)
            fell_back[~is_treated] = ~by_champion.to_numpy()[~is_treated]
        return arm.astype(np.int8), fell_back


@dataclass(frozen=True, slots=True)
class HoldoutArms:
    """The holdout on the heuristic (control) and everybody else (treated)."""

    version: str
    """The bundle in service; lists of a challenger in canary are in no arm."""
    own: frozenset[str] = frozenset()

    def of(self, rankings: pl.DataFrame) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
        """See ``Arms.of``."""
        holdout = (rankings["variant"] == HELD_OUT.label).fill_null(value=False).to_numpy()
        own = rankings["model"].is_in([self.version, *FALLBACKS]).fill_null(value=False).to_numpy()
        arm = np.full(rankings.height, NEITHER, np.int8)
        arm[by_the_model(rankings, self.own) & own] = TREATED
        arm[holdout] = CONTROL
        fell_back = (rankings["model"] != self.version).fill_null(value=True).to_numpy()
        return arm, fell_back & ~holdout


@dataclass(frozen=True, slots=True)
class BeforeAfterArms:
    """The time before a moment (control) and from then on (treated), for everybody."""

    since_ms: float
    own: frozenset[str] = frozenset()

    def of(self, rankings: pl.DataFrame) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
        """See ``Arms.of``."""
        after = (rankings["time"] >= self.since_ms).to_numpy()
        arm = np.where(by_the_model(rankings, self.own), after.astype(np.int8), np.int8(NEITHER))
        by_none = rankings["model"].is_in(FALLBACKS).fill_null(value=True).to_numpy()
        return arm.astype(np.int8), by_none


def variants_of_the_model(config: Config) -> frozenset[str]:
    r"""The variants, as rankings name them, that the bundle in service ranks.

    >>> from liverank.config import parse_config
    >>> label, head = "[label]\ninteraction = 'join'", "[experiments.tab.variants]"
    >>> config = f"{label}\n{head}\na = {{rank = 'model'}}\nb = {{rank = 'popular'}}"
    >>> sorted(variants_of_the_model(parse_config(config)))
    ['tab:a']
    """
    return frozenset(
        f"{name}:{variant}"
        for name, experiment in config.experiments.items()
        for variant, policy in experiment.variants.items()
        if policy.rank in (None, "model")
    )


def by_the_model(rankings: pl.DataFrame, own: frozenset[str]) -> NDArray[np.bool_]:
    """Whether each list was for the bundle in service to rank, bool[n].

    Those are lists without a variant and of ``own`` variants; not the holdout's, and not those of
    forced testers (``"tab:model!"``).
    """
    variant = rankings["variant"].cast(pl.String)
    ours: NDArray[np.bool_] = (variant.is_null() | variant.is_in(list(own))).to_numpy()
    return ours
