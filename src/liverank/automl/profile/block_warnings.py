"""Warnings about the blocks of a split, before a search: what its figures do not show.

Invariant: a warning names the counts that it rests on and what to do; what leaves nothing to learn
is an error.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.rows_left import CHOICE
from liverank.automl.data.splits import RowNumbers, Split
from liverank.automl.profile.profile import TableProfile
from liverank.automl.profile.roles import RoleArrays
from liverank.automl.profile.task import Target
from liverank.errors import TrainingError

_FEW_ROWS, _FEW_POSITIVES, _FEW_HELD_OUT = 10, 20, 5
"""Fewest rows of a class, of either class of two, and of these in the holdout block, without a
warning."""
_STRAY_ROWS = 2
"""Most rows of a class that may be a mistake, such as a header among the rows."""
_MOST_NAMED = 5
_MUCH_LOST = 0.2
"""Share of the rows lost at the cuts from which there is a warning."""
_BLOCK_ROWS = 10
"""Fewest rows of a validation or holdout block without a warning."""


def block_warnings(roles: RoleArrays, profile: TableProfile, split: Split) -> tuple[str, ...]:
    """Warnings about how rows, classes, groups and weights are spread over the blocks.

    Raises TrainingError where the target is the same in all training rows.
    """
    blocks = {"training": split.train, "validation": split.validation, "holdout": split.holdout}
    target = profile.target
    _check_training(roles, split, target)
    return (
        *_without_target(profile),
        *_lost(roles, split),
        *_constant(roles, blocks, target),
        *(_classes(roles.target, blocks, target) if target.classes else ()),
        *_small(blocks),
        *_groups(roles, profile.group, split),
        *_times(roles, split),
        *_weights(roles, profile.weight, blocks),
    )


def _check_training(roles: RoleArrays, split: Split, target: Target) -> None:
    values = roles.target[split.train]
    if (values == values[0]).all():
        in_time = split.kind == "chronological"
        raise TrainingError(
            f"target `{target.name}` is {_value(values[0], target)} in all {len(values):,} "
            "training rows, so there is nothing to learn: its other values are in the "
            f"{'newer' if in_time else 'other'} blocks; give more rows, or another "
            f"{'--time' if in_time else '--split-column'}"
        )


def _without_target(profile: TableProfile) -> Iterator[str]:
    name, missing = profile.target.name, profile.rows - profile.target.rows
    if missing > profile.rows / 2:
        yield (
            f"{missing:,} of {profile.rows:,} rows have no target `{name}` and are left out: what "
            "is learned is of rows with one; check that this is the column, and why it is empty"
        )


def _lost(roles: RoleArrays, split: Split) -> Iterator[str]:
    if split.rows_left.share_lost > _MUCH_LOST:
        lost = split.of_groups + split.in_gap
        cure = CHOICE if split.of_groups else "give a shorter --gap to keep more"
        why = "groups that continue after a cut" if split.of_groups else "the gap"
        why += " and the gap" if split.of_groups and split.in_gap else ""
        yield (
            f"{lost:,} of {len(roles.target):,} rows are left out because of {why}: "
            f"{len(split.train):,} rows are left to train, {len(split.validation):,} to validate "
            f"and {len(split.holdout):,} to hold out; {cure}"
        )


def _constant(roles: RoleArrays, blocks: dict[str, RowNumbers], target: Target) -> Iterator[str]:
    """Blocks in which the target is always the same."""
    for name, cure in (
        ("validation", "they hardly distinguish models"),
        ("holdout", "their figures mean little"),
    ):
        rows = blocks[name]
        values = counted_target(roles, rows)
        if (values == values[0]).all():
            is_value = "are" if target.classes else f"have `{target.name}` ="
            yield (
                f"all {len(rows):,} {name} rows {is_value} {_value(values[0], target)}, so {cure}; "
                "more rows, or a --split-column, would help"
            )


def _classes(
    numbers: NDArray[np.float64], blocks: dict[str, RowNumbers], target: Target
) -> Iterator[str]:
    """Classes that training never sees, that may be a mistake, and with few rows."""
    k = len(target.classes)
    counts = np.stack(
        [np.bincount(numbers[rows].astype(np.int64), minlength=k) for rows in blocks.values()]
    )
    total = np.bincount(numbers.astype(np.int64), minlength=k)
    described = [
        f'"{name}" has {total[number]:,} {"row" if total[number] == 1 else "rows"} '
        f"({counts[0, number]:,} to train, {counts[1, number]:,} to validate, "
        f"{counts[2, number]:,} held out)"
        for number, name in enumerate(target.classes)
    ]
    stray = total <= _STRAY_ROWS
    untrained = (counts[0] == 0) & ~stray
    few = total < _FEW_ROWS
    if target.task == "binary":
        few = (total < _FEW_POSITIVES) | (counts[2] < _FEW_HELD_OUT)
    few &= ~stray & ~untrained
    for which, meaning in (
        (
            untrained,
            "no model can predict what no training row has: give more rows, or another split",
        ),
        (
            stray,
            "is it a stray line, such as a header or a total among the rows? If so, remove it; "
            "else figures that hang on it mean little",
        ),
        (few, "figures that hang on so few rows are rough, and intervals wide or left out"),
    ):
        if which.any():
            some = [described[number] for number in np.flatnonzero(which)[:_MOST_NAMED]]
            more = int(which.sum()) - len(some)
            rest = f", and {more:,} more classes are like that" if more else ""
            yield f"class {', class '.join(some)}{rest}: {meaning}"


def _small(blocks: dict[str, RowNumbers]) -> Iterator[str]:
    validation, holdout = len(blocks["validation"]), len(blocks["holdout"])
    if min(validation, holdout) < _BLOCK_ROWS:
        yield (
            f"only {validation:,} rows validate and {holdout:,} are held out: figures are rough, "
            "and another --seed may give others; more rows would help"
        )


def _groups(roles: RoleArrays, name: str | None, split: Split) -> Iterator[str]:
    if roles.groups is None:
        return
    n = len(roles.groups)
    if len(np.unique(roles.groups)) == n:
        yield (
            f"each row has its own value of group `{name}`, so it keeps no rows together; name the "
            "column that rows have in common, or leave --group out"
        )
    elif split.kind == "manual":
        own = [np.unique(roles.groups[rows]) for rows in (split.train, split.validation)]
        own.append(np.unique(roles.groups[split.holdout]))
        values, blocks = np.unique(np.concatenate(own), return_counts=True)
        divided = int((blocks > 1).sum())
        if divided:
            yield (
                f"{divided:,} of {len(values):,} groups of `{name}` are in more than one block of "
                "the split column, so figures may be too good: give each group one block"
            )
    elif split.kind == "random" and len(split.train) < n / 2:
        yield (
            f"groups of `{name}` are too large to be divided evenly: {len(split.train):,} rows "
            f"train, {len(split.validation):,} validate, {len(split.holdout):,} are held out; a "
            "finer --group would help"
        )


def _times(roles: RoleArrays, split: Split) -> Iterator[str]:
    """Training rows of a split column that are not older than its holdout rows."""
    if split.kind != "manual" or roles.at_ms is None:
        return
    holdout = roles.at_ms[split.holdout]
    if np.isnan(holdout).all():
        return
    late = int((roles.at_ms[split.train] >= np.nanmin(holdout)).sum())
    if late:
        yield (
            f"{late:,} of {len(split.train):,} training rows are as new as holdout rows, or newer: "
            "the split column does not follow the time, so figures may be too good"
        )


def _weights(roles: RoleArrays, name: str | None, blocks: dict[str, RowNumbers]) -> Iterator[str]:
    if roles.weight is None:
        return
    for block, rows in blocks.items():
        if not roles.weight[rows].any():
            yield (
                f"weight `{name}` is 0 in all {len(rows):,} {block} rows, so these count alike; "
                "give weights above 0, or another split"
            )


def counted_target(roles: RoleArrays, rows: RowNumbers) -> NDArray[np.float64]:
    """The targets of the rows with a weight, or of all where none has one."""
    if roles.weight is None or not roles.weight[rows].any():
        return roles.target[rows]
    return roles.target[rows[roles.weight[rows] > 0]]


def _value(number: float, target: Target) -> str:
    return f'"{target.classes[int(number)]}"' if target.classes else f"{number:g}"
