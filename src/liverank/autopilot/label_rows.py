"""The rows of each label, with the effect of positions on a success as the base.

Invariant: the newest rows (validation and holdout) do not take part in the estimates.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from liverank.automl.evaluation.position_bias import PositionEffect, position_effect
from liverank.config import Config
from liverank.dataset.lists.lists import Lists
from liverank.dataset.rows import Rows
from liverank.dataset.split import newest_from
from liverank.features.kinds.context import POSITION_NAME
from liverank.features.spec import FeatureSpec


def position_effects(
    rows: Rows, lists: Lists, spec: FeatureSpec, config: Config
) -> dict[str, PositionEffect | None]:
    """The estimated effect of positions on a success of each label; None where it is unknown.

    The newest rows (validation and holdout) do not take part in the estimates.
    """
    kinds = {feature.name: feature.kind for feature in spec.features}
    alone = np.array([kinds[name] != "in_list" for name in rows.names])
    propensities = None if lists.chances is None else lists.chances[lists.seen]

    def estimated(some: Rows, propensities: NDArray[np.float64] | None) -> PositionEffect | None:
        older = slice(0, newest_from(some, config.training.validation))
        return position_effect(
            some.take(older),
            alone=alone,
            propensities=None if propensities is None else propensities[older],
            seed=config.training.seed,
        )

    effects = {next(iter(config.heads)): estimated(rows, propensities)}
    for other in lists.others:
        known = is_known(other, rows, lists)
        some = rows_with_label(other, rows, lists)
        effects[other] = estimated(some, None if propensities is None else propensities[known])
    return effects


def positions_of(rows: Rows) -> NDArray[np.float32]:
    """Each row's position in its list, from 0: float32[n]; NaN where it is unknown."""
    if POSITION_NAME not in rows.names:
        return np.full(len(rows), np.nan, np.float32)
    return rows.features[:, rows.names.index(POSITION_NAME)].copy()


def with_position_effect(
    rows: Rows, positions: NDArray[np.float32], effect: PositionEffect | None
) -> Rows:
    """The rows with the effect of their positions as the base; without one if it is unknown."""
    return replace(rows, base=None if effect is None else effect.of(positions))


def rows_with_label(name: str, rows: Rows, lists: Lists) -> Rows:
    """The rows with another label, without those whose label window is not over."""
    other = lists.others[name]
    labelled = replace(rows, labels=other.labels[lists.seen])
    known = is_known(name, rows, lists)
    return labelled if known.all() else labelled.take(known)


def is_known(name: str, rows: Rows, lists: Lists) -> NDArray[np.bool_]:
    """Whether another label of each row is known, bool[n]."""
    known: NDArray[np.bool_] = (lists.others[name].until_ms < lists.as_of_ms)[rows.rankings]
    return known
