"""The record of how a table changes with time, and of what a search does about it."""

import math

import msgspec

_TOO_SURE = 0.9
"""Mean slope below which more rounds for more rows would add to what is too sure already."""


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A plain model trained on the rows before a moment, and the block of rows that follows."""

    rows: int
    """Number of training rows."""
    shuffled: float
    """Loss on training rows that were held out at random."""
    later: float
    """Loss on the block of rows that follows."""
    slope: float
    """Slope that the margins of the later rows would have needed; below 1: too sure."""
    errors: float
    """Standard errors by which the two losses differ."""


class TriedSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to train, and its loss on the blocks that follow the origins."""

    name: str
    loss: float
    """Mean over origins."""
    gain: float
    """Mean fall of the loss, compared with all rows of the past."""
    error: float
    """Standard error of the gain, over origins."""
    rounds: int
    """Rounds of the plain model that were best over all origins."""


class LeftRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number that takes later values which its training rows never had."""

    column: str
    share: float
    """Share of the newest block's values outside of the range of the rows before it."""
    left_out: bool
    """Whether models without the column were better at the origins."""


class DriftPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was seen at several origins in the past, and what follows for the search.

    Where drift was not ``seen``, the search does what it does on any table.

    >>> DriftPolicy(seen=False).history
    1.0
    """

    seen: bool
    history: float = 1.0
    """Share of the training rows that is used, the newest of them."""
    half_life: float | None = None
    """Age at which a row counts half, as a share of the training rows; null for no such weights."""
    time_as_number: bool = False
    """Whether models read the time of the rows, in days since 1970."""
    effort: float | None = None
    """Rounds times learning rate of the plain model that were best over all origins."""
    left_range: tuple[LeftRange, ...] = ()
    origins: tuple[Origin, ...] = ()
    settings: tuple[TriedSetting, ...] = ()

    @property
    def is_too_sure(self) -> bool:
        """Whether models of the past were too sure of the rows that followed.

        >>> DriftPolicy(seen=False).is_too_sure
        False
        """
        logs = [math.log(each.slope) for each in self.origins]
        return self.seen and bool(logs) and sum(logs) / len(logs) < math.log(_TOO_SURE)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Columns that no model reads."""
        return tuple(each.column for each in self.left_range if each.left_out)
