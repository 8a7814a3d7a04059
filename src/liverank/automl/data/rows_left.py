"""Counts what cuts in time leave of each block, where a gap or groups take rows from them."""

from typing import NamedTuple

from liverank.errors import TrainingError
from liverank.quantities import format_duration

CHOICE = (
    "leave --group out to split by time, or --time out to keep groups whole in a split at random"
)
"""What to do where groups continue after a cut."""

_FEWEST_LEFT = 20
"""Fewest rows of a block that a gap or groups may leave, where it would have more without them."""


class RowsLeft(NamedTuple):
    """Numbers of rows in the blocks, and of those that a gap and the ends of groups take.

    >>> RowsLeft(train=4, validation=4, holdout=80, in_gap=0, of_groups=312).share_lost
    0.78
    """

    train: int
    validation: int
    holdout: int
    in_gap: int
    of_groups: int

    @property
    def share_lost(self) -> float:
        """Share of the rows that a gap and the ends of groups take."""
        return (self.in_gap + self.of_groups) / max(sum(self), 1)

    def check_enough(self, *, gap_ms: float, validation: float) -> None:
        """Raise TrainingError where too little of a block is left.

        Too little is fewer than 20 rows, and less than half of what the block's share would be;
        ``validation`` is the share of the validation and the holdout block together.
        """
        shares = (1 - validation, validation / 2, validation / 2)
        for rows, share in zip(self[:3], shares, strict=True):
            if self.share_lost > 0 and rows < min(_FEWEST_LEFT, share * sum(self) / 2):
                raise TrainingError(self.message(gap_ms))

    def message(self, gap_ms: float) -> str:
        """Says how little is left, why, and what to do."""
        why, cure = [], []
        if self.in_gap:
            why.append(f"a gap of {format_duration(gap_ms)}")
            cure.append("give a shorter gap")
        if self.of_groups:
            why.append("groups that continue after a cut")
            cure.append(CHOICE)
        leave = "leave" if self.of_groups or not self.in_gap else "leaves"
        return (
            f"{' and '.join(why) or 'cuts in time'} {leave} {self.train:,} of {sum(self):,} rows "
            f"to train, {self.validation:,} to validate and {self.holdout:,} to hold out; "
            f"{', or '.join(cure) or 'name another time column'}"
        )


def too_few_times(n: int, *, has_groups: bool) -> TrainingError:
    """The error about rows, or groups, that begin at ``n`` times, too few for a split by time."""
    begin = "groups begin, which are kept whole" if has_groups else "there are rows"
    cure = CHOICE if has_groups else "name another column, or split at random"
    return TrainingError(
        f"the time column holds {n} distinct times at which {begin}; "
        f"a split by time needs 3: {cure}"
    )
