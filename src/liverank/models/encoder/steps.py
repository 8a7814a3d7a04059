"""The steps of an encoder: each turns some columns into some features.

A step is data (JSON); apart from names, it learns only a table of numbers, one row for each level
or token. All arithmetic is in float64 and is rounded once, so a row's features never depend on the
rows encoded with it. A new kind of step is a class here, its fitting in
``automl/preprocessing/encoder.py``, and its operations in ``bundle/onnx_encoder.py``.
Invariant: a step gives every row as many numbers as it has names; NaN is unknown.
"""

from typing import NamedTuple, Self, TypeAlias

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from liverank.errors import BundleError
from liverank.models.encoder.columns import Columns
from liverank.models.encoder.step_functions import (
    DAY_MS,
    Floats,
    Operation,
    Part,
    RowOfLevel,
    bag_means,
    bag_pairs,
    bag_shown,
    bag_sizes,
    calendar_parts,
    combine,
    level_codes,
    scaled,
    token_bags,
    trailing_numbers,
)
from liverank.values.numbers import MOST_NUMBER

MOST = MOST_NUMBER
"""Largest absolute value of a feature: larger ones are clipped, so none is infinite as float32."""

Mask = NDArray[np.bool_]


class Learned(NamedTuple):
    """The fitted state of a step: a table, and the row in it of each level or token."""

    table: Floats | None
    rows: RowOfLevel


class _Step(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag=str.lower,
):
    names: tuple[str, ...]
    """Names of the features that the step gives."""

    @property
    def levels_or_tokens(self) -> tuple[str, ...]:
        """The names of the table's rows; none where the step has no table."""
        return ()

    def table_shape(self) -> tuple[int, int] | None:
        """The shape of the table, float64; None without a table. Raises BundleError."""
        return None

    def narrow_names(self, mask: Mask) -> tuple[str, ...]:
        """The names of the features of a mask, bool[n_names]."""
        return tuple(name for name, keep in zip(self.names, mask, strict=True) if keep)


class _OneFeature(_Step, frozen=True, kw_only=True):
    """A step without a table that gives one feature."""

    def table_shape(self) -> None:
        """No table; raises BundleError unless there is one name."""
        if len(self.names) != 1:
            raise BundleError("encoder: a step that gives one feature has not one name")

    def narrow(self, table: Floats | None, _: Mask) -> tuple[Self, Floats | None]:
        """The step itself: it has one feature, which is kept."""
        return self, table


class Value(_OneFeature, frozen=True, kw_only=True):
    """A number or a boolean, as it is."""

    column: str

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that the step reads."""
        return (self.column,)

    def apply(self, columns: Columns, _: Learned) -> Floats:
        """The values: float64[n, 1]."""
        return np.asarray(columns[self.column], np.float64)[:, None]


class Scaled(_OneFeature, frozen=True, kw_only=True):
    """A number shifted and scaled in float64, for columns whose differences float32 would lose.

    The feature is ``z = (x - shift) / scale``, or ``sign(z) log(1 + |z|)`` with ``is_log``; both
    keep the order of the values.
    """

    column: str
    shift: float
    scale: float
    is_log: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that the step reads."""
        return (self.column,)

    def table_shape(self) -> None:
        """No table; raises BundleError unless there is one name and the scale is above 0."""
        super().table_shape()
        if not (self.scale > 0 and np.isfinite([self.shift, self.scale]).all()):
            raise BundleError(f"encoder: the scale {self.scale} is not a number above 0")

    def apply(self, columns: Columns, _: Learned) -> Floats:
        """The scaled values: float64[n, 1]."""
        return scaled(columns[self.column], self.shift, self.scale, is_log=self.is_log)[:, None]


class TrailingNumber(_OneFeature, frozen=True, kw_only=True):
    """The number at the end of a category's text, such as 1234 of ``user_1234``."""

    column: str

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that the step reads."""
        return (self.column,)

    def apply(self, columns: Columns, _: Learned) -> Floats:
        """The numbers: float64[n, 1]."""
        return trailing_numbers(columns[self.column])[:, None]


class Arithmetic(_OneFeature, frozen=True, kw_only=True):
    """An operation on two numbers; a division by zero is unknown."""

    left: str
    right: str
    operation: Operation

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that the step reads."""
        return (self.left, self.right)

    def apply(self, columns: Columns, _: Learned) -> Floats:
        """The results: float64[n, 1]."""
        return combine(columns[self.left], columns[self.right], self.operation)[:, None]


class Calendar(_Step, frozen=True, kw_only=True):
    """Parts of a time, in UTC: Monday is weekday 0, and ``elapsed`` is in days since 1970."""

    column: str
    parts: tuple[Part, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that the step reads."""
        return (self.column,)

    def narrow(self, _: Floats | None, mask: Mask) -> tuple["Calendar", None]:
        """The step with only the features of a mask, and its table."""
        parts = tuple(part for part, keep in zip(self.parts, mask, strict=True) if keep)
        return replace(self, names=self.narrow_names(mask), parts=parts), None

    def apply(self, columns: Columns, _: Learned) -> Floats:
        """The parts: float64[n, n_parts]."""
        return calendar_parts(columns[self.column], self.parts)


class Since(_OneFeature, frozen=True, kw_only=True):
    """Days from one time until another, negative if the first is the later one."""

    column: str
    until: str

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that the step reads."""
        return (self.column, self.until)

    def apply(self, columns: Columns, _: Learned) -> Floats:
        """The days: float64[n, 1]."""
        return ((columns[self.until] - columns[self.column]) / DAY_MS)[:, None]


class Levels(_Step, frozen=True, kw_only=True):
    """The level of a column, or the levels of several, looked up in a table.

    The table is float64[n_levels + 2, n_names]: a row a level, then one for levels that are not in
    it, then one for unknown values. Numbers are levels by ``level_of``.
    """

    columns: tuple[str, ...]
    levels: tuple[str, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that the step reads."""
        return self.columns

    @property
    def levels_or_tokens(self) -> tuple[str, ...]:
        """The levels, in the order of the table's rows."""
        return self.levels

    def table_shape(self) -> tuple[int, int]:
        """One row for each level, and two more."""
        return len(self.levels) + 2, len(self.names)

    def narrow(self, table: Floats | None, mask: Mask) -> tuple["Levels", Floats]:
        """The step with only the features of a mask, and its table."""
        assert table is not None
        return replace(self, names=self.narrow_names(mask)), np.ascontiguousarray(table[:, mask])

    def apply(self, columns: Columns, learned: Learned) -> Floats:
        """The table's rows: float64[n, n_names]."""
        assert learned.table is not None
        return learned.table[level_codes([columns[c] for c in self.columns], learned.rows)]


class Bag(_Step, frozen=True, kw_only=True):
    """The words of a text, or the elements of a list: their number, indicators, and means.

    Features are, in this order, the number of tokens (``sized``), 1 or 0 for each token of
    ``shown`` (indices in ``tokens``), and the means of the table's rows, float64[n_tokens,
    n_means], over the row's tokens that are in it.
    """

    column: str
    is_text: bool
    tokens: tuple[str, ...]
    sized: bool
    shown: tuple[int, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that the step reads."""
        return (self.column,)

    @property
    def levels_or_tokens(self) -> tuple[str, ...]:
        """The tokens, in the order of the table's rows."""
        return self.tokens

    def table_shape(self) -> tuple[int, int] | None:
        """One row a token, one column a mean; raises BundleError if ``shown`` is out of range."""
        if any(not 0 <= number < len(self.tokens) for number in self.shown):
            raise BundleError("encoder: a step shows a token that it does not have")
        means = len(self.names) - len(self.shown) - self.sized
        return (len(self.tokens), means) if means else None

    def narrow(self, table: Floats | None, mask: Mask) -> tuple["Bag", Floats | None]:
        """The step with only the features of a mask, and its table."""
        shown_from = int(self.sized)
        means_from = shown_from + len(self.shown)
        of_shown = mask[shown_from:means_from]
        shown = tuple(n for n, keep in zip(self.shown, of_shown, strict=True) if keep)
        sized = self.sized and bool(mask[0])
        if table is not None and mask[means_from:].any():
            narrow = replace(self, names=self.narrow_names(mask), sized=sized, shown=shown)
            return narrow, np.ascontiguousarray(table[:, mask[means_from:]])
        # without means, only the shown tokens are needed
        tokens = tuple(self.tokens[number] for number in shown)
        narrow = replace(
            self,
            names=self.narrow_names(mask),
            tokens=tokens,
            sized=sized,
            shown=tuple(range(len(tokens))),
        )
        return narrow, None

    def apply(self, columns: Columns, learned: Learned) -> Floats:
        """The features: float64[n, n_names]."""
        bags = token_bags(columns[self.column], is_text=self.is_text)
        rows, codes = bag_pairs(bags, learned.rows)
        parts = [bag_sizes(bags)[:, None]] if self.sized else []
        parts.append(bag_shown(rows, codes, len(bags), np.array(self.shown, np.int64)))
        if learned.table is not None:
            parts.append(bag_means(rows, len(bags), learned.table[codes]))
        return np.hstack(parts)


Step: TypeAlias = Value | Scaled | TrailingNumber | Arithmetic | Calendar | Since | Levels | Bag
