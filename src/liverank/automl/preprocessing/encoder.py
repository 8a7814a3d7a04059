"""Fits an encoder: from columns of training rows to their features, and to those of later rows.

Invariant: the features of a training row never depend on its own target. A feature that uses
neither the target nor the time is bit for bit what the encoder gives the same row later.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, TypeAlias

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from liverank.automl.data.splits import fold_of_rows
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.preprocessing.categories import (
    EncodingInputs,
    EncodingOptions,
    FittedStep,
    encoding_inputs,
    fit_levels,
)
from liverank.automl.preprocessing.scaling import number_step
from liverank.automl.preprocessing.target_encoding import VisibleRows, earlier_rows
from liverank.automl.preprocessing.text_and_lists import fit_bag
from liverank.automl.profile.numeric_ids import ColumnEncoding
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Columns, Input
from liverank.models.encoder.encoder import Encoder, EncoderSpec
from liverank.models.encoder.step_functions import DAY_MS, Part
from liverank.models.encoder.steps import (
    MOST,
    Arithmetic,
    Calendar,
    Learned,
    Scaled,
    Since,
    Step,
    TrailingNumber,
)

_MOST_TIME_PAIRS = 6


class CategoryCross(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="cross"):
    """Target encoding of combined levels of several columns, or of a number used as a category."""

    columns: tuple[str, ...]


FeatureCross: TypeAlias = Arithmetic | Calendar | CategoryCross
"""A feature made from one or several columns in addition to their usual features."""


def fit_transform(
    columns: Columns,
    inputs: Sequence[Input],
    target: TrainingTarget,
    *,
    time: str | None = None,
    feature_crosses: Iterable[FeatureCross] = (),
    options: EncodingOptions | None = None,
    seed: int = 0,
) -> tuple[Encoder, NDArray[np.float32]]:
    """An encoder fitted on n rows, and these rows' features: float32[n, f].

    ``columns`` holds the arrays of ``inputs`` (``liverank.models.encoder.columns``). With
    ``target.at_ms``, in which no time may be unknown, target encodings and frequencies of a row use
    only rows that are earlier by more than the gap; else target encodings are out of fold, with
    whole groups in a fold. ``time`` is the column of ``target.at_ms``: its calendar parts become
    features, its elapsed days only where ``options`` say so. Raises TrainingError.

    >>> columns = {"city": np.array(["Ulm", "Bonn", "Kiel"] * 20, object)}
    >>> encoder, features = fit_transform(
    ...     columns,
    ...     [Input(name="city", type="category")],
    ...     TrainingTarget(np.array([1.0, 0.0, 0.0] * 20)),
    ... )
    >>> encoder.names
    ('city=Bonn', 'city=Kiel', 'city=Ulm', 'mean(city)')
    >>> encoder.transform(columns)[:2].astype(float).round(2).tolist()
    [[0.0, 0.0, 1.0, 0.44], [1.0, 0.0, 0.0, -0.22]]
    """
    options = options or EncodingOptions()
    training = _encoding_inputs(target, options, seed)
    fitted = [one for form in inputs for one in _fit_column(form, columns, training, time)]
    fitted += _between_times(inputs, columns, time)
    fitted += [one for cross in feature_crosses for one in _fit_cross(cross, columns, training)]
    encoder = _assemble(inputs, fitted)
    features = np.empty((len(target), encoder.n_features), np.float32)
    begin = 0
    for one in fitted:
        end = begin + len(one.step.names)
        features[:, begin:end] = np.clip(one.features, -MOST, MOST)
        begin = end
    return encoder, features


def take_rows(columns: Columns, rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Rows of all columns, given as a mask or as row numbers.

    >>> take_rows({"age": np.array([1.0, 2.0, 3.0])}, np.array([2, 0]))["age"].tolist()
    [3.0, 1.0]
    """
    return {name: values[rows] for name, values in columns.items()}


def _encoding_inputs(target: TrainingTarget, options: EncodingOptions, seed: int) -> EncodingInputs:
    n = len(target)
    if target.at_ms is not None and np.isnan(target.at_ms).any():
        raise TrainingError(
            "rows without a time cannot be encoded in order of time; leave them out"
        )
    if target.at_ms is not None:
        visible = earlier_rows(target.at_ms, target.gap_ms)
    else:
        # Folds balanced by the target would give away a part of each row's own target.
        folds = fold_of_rows(np.zeros(n), options.folds, seed=seed, groups=target.groups)
        visible = VisibleRows(folds=folds)
    values, classes = _target_columns(target, options)
    weight = np.ones(n) if target.weight is None else target.weight
    return encoding_inputs(values, classes, weight, visible, options)


def _target_columns(
    target: TrainingTarget, options: EncodingOptions
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """The target as float64[n, k], and the class that each column indicates, if any."""
    if target.classes == 1:
        return target.values[:, None], ()
    counts = np.bincount(target.values.astype(np.int64), minlength=target.classes)
    frequent = np.sort(np.argsort(-counts, kind="stable")[: options.most_classes])
    indicators = np.asarray(target.values[:, None] == frequent, np.float64)
    return indicators, tuple(str(number) for number in frequent.tolist())


def _fit_column(
    form: Input, columns: Columns, training: EncodingInputs, time: str | None
) -> list[FittedStep]:
    values = columns[form.name]
    encoding = training.options.encodings.get(form.name)
    if encoding is not None:
        return _fit_encoding(form, columns, training, encoding)
    one: FittedStep | None
    match form.type:
        case "number" | "boolean":
            return [_unfitted(number_step(form.name, values), columns)]
        case "category":
            one = fit_levels({form.name: values}, training, numeric=form.numeric)
        case "time":
            with_elapsed = form.name != time or training.options.row_time_elapsed
            steps = _time_steps(form.name, values, with_elapsed=with_elapsed)
            return [_unfitted(step, columns) for step in steps]
        case "text":
            one = fit_bag(form.name, values, training, is_text=True)
        case "list":
            one = fit_bag(form.name, values, training, is_text=False)
    return [one] if one is not None else []


def _fit_encoding(
    form: Input, columns: Columns, training: EncodingInputs, encoding: ColumnEncoding
) -> list[FittedStep]:
    """A number or a category as a number, by its levels, or as both; at least one of them."""
    levels = None if encoding == "number" else fit_levels({form.name: columns[form.name]}, training)
    by_level = [] if levels is None else [levels]
    if encoding == "levels" and by_level:
        return by_level
    number: Step
    if form.type == "category":
        number = TrailingNumber(names=(f"number({form.name})",), column=form.name)
    else:
        number = number_step(form.name, columns[form.name])
    return [_unfitted(number, columns), *by_level]


def _fit_cross(cross: FeatureCross, columns: Columns, training: EncodingInputs) -> list[FittedStep]:
    if not isinstance(cross, CategoryCross):
        return [_unfitted(cross, columns)]
    one = fit_levels({name: columns[name] for name in cross.columns}, training)
    return [one] if one is not None else []


def _between_times(inputs: Sequence[Input], columns: Columns, time: str | None) -> list[FittedStep]:
    """Days from each time column to the row's time; where rows have none, between any two."""
    others = [form.name for form in inputs if form.type == "time" and form.name != time]
    is_read = any(form.name == time for form in inputs)
    pairs = [(name, time) for name in others] if time and is_read else combinations(others, 2)
    steps = [
        Since(names=(f"days from {column} to {until}",), column=column, until=until)
        for column, until in list(pairs)[:_MOST_TIME_PAIRS]
    ]
    return [_unfitted(step, columns) for step in steps]


def _unfitted(step: Step, columns: Columns) -> FittedStep:
    """A step that has nothing to fit."""
    return FittedStep(step, None, step.apply(columns, Learned(None, {})))


def elapsed_name(column: str) -> str:
    """The name of the feature that is a time in days since 1970."""
    return f"elapsed({column})"


def _time_steps(name: str, at_ms: NDArray[np.float64], *, with_elapsed: bool) -> list[Step]:
    """Calendar parts; times so close that float32 would merge their days are scaled instead."""
    parts = _learnable_parts(at_ms, with_elapsed=with_elapsed)
    steps: list[Step] = []
    if "elapsed" in parts:
        elapsed = number_step(name, at_ms)
        if isinstance(elapsed, Scaled):
            parts = tuple(part for part in parts if part != "elapsed")
            steps.append(replace(elapsed, names=(elapsed_name(name),)))
    if parts:
        names = tuple(f"{part}({name})" for part in parts)
        steps.insert(0, Calendar(names=names, column=name, parts=parts))
    return steps


def _learnable_parts(at_ms: NDArray[np.float64], *, with_elapsed: bool) -> tuple[Part, ...]:
    """Calendar parts that recur within the time span of the rows, so that they can be learned."""
    known = at_ms[~np.isnan(at_ms)]
    if len(known) == 0:
        return ()
    days = float(np.ptp(known)) / DAY_MS
    parts: list[Part] = []
    if days >= 2 and np.mod(known, DAY_MS).any():
        parts.append("hour")
    if days >= 14:
        parts.append("weekday")
    if days >= 62:
        parts.append("day")
    if days >= 400:
        parts += ["month", "day_of_year"]
    if with_elapsed:
        parts.append("elapsed")
    return tuple(parts)


def _assemble(inputs: Sequence[Input], fitted: list[FittedStep]) -> Encoder:
    read = {name for one in fitted for name in one.step.reads}
    spec = EncoderSpec(
        inputs=tuple(form for form in inputs if form.name in read),
        steps=tuple(one.step for one in fitted),
    )
    tables = {
        f"table.{number}": one.table for number, one in enumerate(fitted) if one.table is not None
    }
    return Encoder(spec, tables)
