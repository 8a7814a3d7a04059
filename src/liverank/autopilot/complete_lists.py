"""Handles lists that do not name all scored items, where features depend on the whole list.

Of rankings that were cut from many candidates, only a sampled share logs all of these. For the
others, comparisons of the items with the rest of the list cannot be computed again: over the served
items alone, every difference to the mean and every rank differs from the served value.
Invariant: where the spec compares candidates, every list used for training or testing names all
scored items, as far as is known.
"""

from dataclasses import replace

import numpy as np

from liverank.config import Config
from liverank.dataset.lists.lists import Lists
from liverank.errors import DatasetError
from liverank.features.spec import FeatureSpec, depends_on_list

LEAST_SHARE = 0.75
"""Minimum share of the training rows that must remain to keep features that compare within lists:
in simulated worlds these were worth a quarter of the rows (docs/decisions.md)."""


def to_learn_from(lists: Lists, spec: FeatureSpec, config: Config) -> tuple[Lists, FeatureSpec]:
    """The lists to train on, and the features; ``Lists.notes`` reports which are left out.

    Lists that do not name all their candidates are left out where features depend on them. If that
    would leave less than LEAST_SHARE of the rows (counted up to ``training.max_rows``, the most
    that are used), or no success, all lists stay and those features are left out instead.
    """
    if lists.whole is None or lists.whole.all() or not _compares(spec):
        return lists, spec
    whole = lists.take(lists.whole)
    cut = len(lists) - len(whole)
    reason = (
        f"{cut:,} of {len(lists):,} rankings do not name all the candidates that they were cut from"
    )
    cure = f"raise `serving.log_candidates` (now {config.serving.log_candidates:g})"
    most = config.training.max_rows
    rows, all_rows = (min(int(np.count_nonzero(of.seen)), most) for of in (whole, lists))
    if rows >= LEAST_SHARE * all_rows and whole.labels.any():
        note = f"{reason}, and are not learned from; {cure} to learn from more"
        return replace(whole, total=lists.total - cut, notes=(*lists.notes, note)), spec
    kept = {feature.name for feature in spec.features if not depends_on_list(feature)}
    note = (
        f"no feature compares candidates within their list, as {reason}; {cure}, and train again "
        "when most rankings name them"
    )
    return replace(lists, notes=(*lists.notes, note)), spec.keep(kept)


def to_test_on(lists: Lists, spec: FeatureSpec, config: Config) -> Lists:
    """The lists to test these features on; ``Lists.notes`` reports which are left out.

    Raises DatasetError where features depend on all candidates and no list names them.
    """
    if lists.whole is None or lists.whole.all() or not _compares(spec):
        return lists
    cut = int(np.count_nonzero(~lists.whole))
    cure = f"raise `serving.log_candidates` (now {config.serving.log_candidates:g})"
    if cut == len(lists):
        raise DatasetError(
            f"none of the {cut:,} rankings to test on names all the candidates that it was cut "
            f"from, and the model compares them; {cure}, or choose another `--test-from`"
        )
    note = (
        f"{cut:,} of {len(lists):,} rankings of the test period do not name all the candidates "
        f"that they were cut from, and are not tested on; {cure} to test on more"
    )
    whole = lists.take(lists.whole)
    return replace(whole, total=lists.total - cut, notes=(*lists.notes, note))


def _compares(spec: FeatureSpec) -> bool:
    return any(depends_on_list(feature) for feature in spec.features)
