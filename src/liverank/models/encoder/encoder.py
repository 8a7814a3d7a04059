"""From a table's columns to the numbers that models score: plain numpy, nothing learned here.

    columns -> steps, each with its table -> float32[n, n_features]

Invariant: a row's features do not depend on the rows encoded with it; values and levels that
training did not have, and unknown ones, are encoded without an error.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from liverank.errors import BundleError, ServingError
from liverank.models.encoder.columns import Columns, Input
from liverank.models.encoder.step_functions import rows_of_levels
from liverank.models.encoder.steps import MOST, Learned, Step
from liverank.models.json_array import json_array, read_json_array


class EncoderSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The columns and steps of an encoder, without its tables."""

    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, eq=False)
class Encoder:
    """Steps, and a table for each of those that need one, under ``table.<number of the step>``.

    Raises BundleError when they do not fit together.

    >>> from liverank.models.encoder.steps import Levels, Value
    >>> encoder = Encoder(
    ...     EncoderSpec(
    ...         inputs=(Input(name="city", type="category"), Input(name="age", type="number")),
    ...         steps=(
    ...             Levels(names=("mean(city)",), columns=("city",), levels=("Ulm", "Bonn")),
    ...             Value(names=("age",), column="age"),
    ...         ),
    ...     ),
    ...     {"table.0": np.array([[0.5], [0.25], [0.375], [0.125]])},
    ... )
    >>> columns = {"city": np.array(["Bonn", "Rome", None], object), "age": np.array([1.0, 2, 3])}
    >>> encoder.transform(columns).tolist()
    [[0.25, 1.0], [0.375, 2.0], [0.125, 3.0]]
    """

    spec: EncoderSpec
    tables: dict[str, NDArray[np.float64]]
    _learned: tuple[Learned, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_encoder(self)
        numbers = {form.name for form in self.inputs if form.type in ("number", "boolean", "time")}
        learned = tuple(
            Learned(
                self.tables.get(f"table.{number}"),
                rows_of_levels(step.levels_or_tokens, of_numbers=numbers.issuperset(step.reads)),
            )
            for number, step in enumerate(self.spec.steps)
        )
        object.__setattr__(self, "_learned", learned)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The columns that it reads."""
        return self.spec.inputs

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(name for step in self.spec.steps for name in step.names)

    @property
    def n_features(self) -> int:
        """Number of features of a row."""
        return len(self.names)

    def transform(self, columns: Columns) -> NDArray[np.float32]:
        """Encode rows, in the form of ``liverank.models.encoder.columns``: float32[n, n_features].

        Other columns are ignored. Raises ServingError for columns that are
        missing or of different lengths. Safe to call from several threads.
        """
        n = self._check_columns(columns)
        features = np.empty((n, self.n_features), np.float32)
        begin = 0
        for number, step in enumerate(self.spec.steps):
            block = step.apply(columns, self._learned[number])
            features[:, begin : begin + len(step.names)] = np.clip(block, -MOST, MOST)
            begin += len(step.names)
        return features

    def keep_features(self, kept: NDArray[np.int64]) -> "Encoder":
        """The encoder of only these features (indices, ascending), in the same order.

        It reads only the columns that they need.
        """
        wanted = np.zeros(self.n_features, np.bool_)
        wanted[kept] = True
        steps: list[Step] = []
        tables = {}
        begin = 0
        for number, step in enumerate(self.spec.steps):
            mask = wanted[begin : begin + len(step.names)]
            begin += len(step.names)
            if mask.any():
                table = self.tables.get(f"table.{number}")
                narrow, narrow_table = step.narrow(table, mask)
                if narrow_table is not None:
                    tables[f"table.{len(steps)}"] = narrow_table
                steps.append(narrow)
        read = {name for step in steps for name in step.reads}
        inputs = tuple(form for form in self.inputs if form.name in read)
        return Encoder(EncoderSpec(inputs=inputs, steps=tuple(steps)), tables)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The tables, and the JSON of the spec as uint8."""
        return {"spec": json_array(self.spec), **self.tables}

    @staticmethod
    def from_arrays(arrays: dict[str, NDArray[Any]]) -> "Encoder":
        """The opposite of ``to_arrays``. Raises BundleError."""
        tables = dict(arrays)
        text = tables.pop("spec", None)
        spec = read_json_array(text, EncoderSpec, where="encoder", name="spec")
        return Encoder(spec, tables)

    def _check_columns(self, columns: Columns) -> int:
        absent = [form.name for form in self.inputs if form.name not in columns]
        if absent:
            raise ServingError(
                f"the rows lack {', '.join(f'`{name}`' for name in absent)} of the "
                f"{len(self.inputs)} columns that the model reads; add them, empty where unknown"
            )
        lengths = {len(columns[form.name]) for form in self.inputs}
        if len(lengths) > 1:
            raise ServingError(f"the columns are of different lengths: {sorted(lengths)}")
        return lengths.pop() if lengths else 0


def _check_encoder(encoder: Encoder) -> None:
    known = {form.name for form in encoder.inputs}
    tables = dict(encoder.tables)
    for number, step in enumerate(encoder.spec.steps):
        absent = set(step.reads) - known
        if absent:
            raise BundleError(f"encoder: step {number} reads `{min(absent)}`, which is no input")
        table = tables.pop(f"table.{number}", None)
        shape = step.table_shape()
        if (table is None) != (shape is None) or (
            table is not None and (table.dtype != np.float64 or table.shape != shape)
        ):
            raise BundleError(f"encoder: `table.{number}` is not float64{list(shape or ())}")
    if tables:
        raise BundleError(f"encoder: unknown array `{min(tables)}`")
