"""Fitting an encoder: from the columns of training rows to their features, and to any later row's.

Invariant: the features of a training row never depend on its own target; where no target and no
time is involved, they are bit for bit what the encoder gives that row later.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.automl.data.splits import fold_of_rows
from liverank.automl.preprocessing.categories import (
    EncodingInputs,
    EncodingOptions,
    Fitted,
    fit_levels,
    training_rows,
)
from liverank.automl.preprocessing.target_encoding import VisibleRows, earlier_rows
from liverank.automl.preprocessing.text_and_lists import fit_bag
from liverank.errors import TrainingError
from liverank.models.encoder.columns import Columns, Input
from liverank.models.encoder.encoder import Encoder, EncoderSpec, columns_of
from liverank.models.encoder.steps import (
    DAY_MS,
    MOST,
    Arithmetic,
    Calendar,
    Learned,
    Part,
    Since,
    Step,
    Value,
)

_MOST_PAIRS_OF_TIMES = 6


class CategoryCross(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="cross"):
    """Levels of several columns together, or those of a number, by the mean of the target."""

    columns: tuple[str, ...]


FeatureCross: TypeAlias = Arithmetic | Calendar | CategoryCross
"""A feature that no column gives by itself; those that help are chosen in ``crosses``."""


def fit_transform(
    columns: Columns,
    inputs: Sequence[Input],
    target: NDArray[np.float64],
    *,
    classes: int = 1,
    at_ms: NDArray[np.float64] | None = None,
    gap_ms: float = 0.0,
    groups: NDArray[np.int64] | None = None,
    weight: NDArray[np.float64] | None = None,
    time: str | None = None,
    feature_crosses: Iterable[FeatureCross] = (),
    recipe: EncodingOptions | None = None,
    seed: int = 0,
) -> tuple[Encoder, NDArray[np.float32]]:
    """An encoder fitted on rows, and these rows' features: float32[n, f].

    ``columns`` holds the arrays of ``inputs`` (``liverank.models.encoder.columns``); ``target`` is
    float64[n], class numbers where there are several ``classes``. With ``at_ms`` (float64[n], none
    unknown) target means and shares are those of the rows before, less ``gap_ms``; else target
    means are those of other folds, in which ``groups`` are whole. ``time`` is the column of
    ``at_ms``, whose calendar is a feature and whose course is not. Raises TrainingError.

    >>> columns = {"city": np.array(["Ulm", "Bonn", "Kiel"] * 20, object)}
    >>> encoder, features = fit_transform(
    ...     columns, [Input(name="city", type="category")], np.array([1.0, 0.0, 0.0] * 20)
    ... )
    >>> encoder.names
    ('city=Bonn', 'city=Kiel', 'city=Ulm', 'mean(city)')
    >>> encoder.transform(columns)[:2].astype(float).round(2).tolist()
    [[0.0, 0.0, 1.0, 0.44], [1.0, 0.0, 0.0, -0.22]]
    """
    recipe = recipe or EncodingOptions()
    n = len(target)
    if at_ms is not None and np.isnan(at_ms).any():
        raise TrainingError(
            "rows without a time cannot be encoded in order of time; leave them out"
        )
    values, names = _target_columns(target, classes, recipe)
    if at_ms is not None:
        sight = earlier_rows(at_ms, gap_ms)
    else:
        # Folds that were balanced by the target would tell a row something of its own.
        sight = VisibleRows(folds=fold_of_rows(np.zeros(n), recipe.folds, seed=seed, groups=groups))
    training = training_rows(values, names, np.ones(n) if weight is None else weight, sight, recipe)
    fitted = [one for form in inputs for one in _fit_column(form, columns, training, time)]
    fitted += _between_times(inputs, columns, time)
    fitted += [one for cross in feature_crosses for one in _fit_cross(cross, columns, training)]
    encoder = _assemble(inputs, fitted)
    features = np.empty((n, encoder.n_features), np.float32)
    begin = 0
    for one in fitted:
        end = begin + len(one.step.names)
        features[:, begin:end] = np.clip(one.features, -MOST, MOST)
        begin = end
    return encoder, features


def take_rows(columns: Columns, rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The rows of a mask or of places, of all columns.

    >>> take_rows({"age": np.array([1.0, 2.0, 3.0])}, np.array([2, 0]))["age"].tolist()
    [3.0, 1.0]
    """
    return {name: values[rows] for name, values in columns.items()}


def _target_columns(
    target: NDArray[np.float64], classes: int, recipe: EncodingOptions
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """The target as float64[n, k], and the classes that the columns are of."""
    if classes == 1:
        return target[:, None], ()
    counts = np.bincount(target.astype(np.int64), minlength=classes)
    frequent = np.sort(np.argsort(-counts, kind="stable")[: recipe.most_classes])
    indicators = np.asarray(target[:, None] == frequent, np.float64)
    return indicators, tuple(str(number) for number in frequent.tolist())


def _fit_column(
    form: Input, columns: Columns, training: EncodingInputs, time: str | None
) -> list[Fitted]:
    values = columns[form.name]
    one: Fitted | None
    match form.type:
        case "number" | "boolean":
            return [_plain(Value(names=(form.name,), column=form.name), columns)]
        case "category":
            one = fit_levels({form.name: values}, training, numeric=form.numeric)
        case "time":
            parts = _parts_worth_having(values, is_course=form.name == time)
            if not parts:
                return []
            names = tuple(f"{part}({form.name})" for part in parts)
            return [_plain(Calendar(names=names, column=form.name, parts=parts), columns)]
        case "text":
            one = fit_bag(form.name, values, training, is_text=True)
        case "list":
            one = fit_bag(form.name, values, training, is_text=False)
    return [one] if one is not None else []


def _fit_cross(cross: FeatureCross, columns: Columns, training: EncodingInputs) -> list[Fitted]:
    if not isinstance(cross, CategoryCross):
        return [_plain(cross, columns)]
    one = fit_levels({name: columns[name] for name in cross.columns}, training)
    return [one] if one is not None else []


def _between_times(inputs: Sequence[Input], columns: Columns, time: str | None) -> list[Fitted]:
    """Days from each other time to that of the row; without one, between any two times."""
    others = [form.name for form in inputs if form.type == "time" and form.name != time]
    is_read = any(form.name == time for form in inputs)
    pairs = [(name, time) for name in others] if time and is_read else combinations(others, 2)
    steps = [
        Since(names=(f"days from {column} to {until}",), column=column, until=until)
        for column, until in list(pairs)[:_MOST_PAIRS_OF_TIMES]
    ]
    return [_plain(step, columns) for step in steps]


def _plain(step: Step, columns: Columns) -> Fitted:
    """A step that learns nothing."""
    return Fitted(step, None, step.apply(columns, Learned(None, {})))


def _parts_worth_having(at_ms: NDArray[np.float64], *, is_course: bool) -> tuple[Part, ...]:
    """Parts of a time that return within the span of the rows, so that they can be learned."""
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
    if not is_course:
        parts.append("elapsed")
    return tuple(parts)


def _assemble(inputs: Sequence[Input], fitted: list[Fitted]) -> Encoder:
    read = {name for one in fitted for name in columns_of(one.step)}
    spec = EncoderSpec(
        inputs=tuple(form for form in inputs if form.name in read),
        steps=tuple(one.step for one in fitted),
    )
    tables = {
        f"table.{number}": one.table for number, one in enumerate(fitted) if one.table is not None
    }
    return Encoder(spec, tables)
