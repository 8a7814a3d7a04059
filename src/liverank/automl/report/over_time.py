"""The table over time: losses of blocks, the mean target, and how far inputs moved."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from liverank.automl.evaluation.table_data import TableData
from liverank.automl.pipeline import SearchResult
from liverank.automl.report.from_search import known
from liverank.automl.report.schema import Line, OverTime, TimeBlock
from liverank.automl.trials.drift_policy import DriftPolicy
from liverank.models.predictor import linked

Floats = NDArray[np.float64]

_PARTS = 12
_MOST_CLASSES = 8
_SHOWN = 5
_QUANTILES = np.linspace(0, 1, 11)[1:-1]
_MOST_LEVELS = 50
_MOST_ROWS = 120_000


def over_time(data: TableData, result: SearchResult, study: DriftPolicy | None) -> OverTime | None:
    """How the table changes; None where rows are not split by time."""
    if not result.evaluation.in_time:
        return None
    order = data.all_rows
    order = order[:: max(len(order) // _MOST_ROWS, 1)]
    parts = [order[part] for part in np.array_split(np.arange(len(order)), _PARTS)]
    parts = [part for part in parts if len(part)]
    return OverTime(
        blocks=tuple(_blocks(result)),
        target=tuple(_target_lines(data, parts)),
        inputs=_input_lines(data, parts),
        study=study,
    )


def _blocks(result: SearchResult) -> Iterator[TimeBlock]:
    for rows, margins in result.blocks():
        figure = rows.figures(margins)[rows.objective.name]
        is_single = margins.shape[1] == 1
        answers = linked(rows.on_base(margins), rows.link)
        yield TimeBlock(
            rows=len(rows),
            loss=known(figure),
            observed=known(np.average(rows.target, weights=rows.weight)) if is_single else None,
            predicted=known(np.average(answers, weights=rows.weight)) if is_single else None,
        )


def _target_lines(data: TableData, parts: list[NDArray[np.int64]]) -> Iterator[Line]:
    x = _ends(parts)
    if data.classes == 1:
        name = data.class_names[1] if len(data.class_names) == 2 else "mean"
        yield Line(name=name, x=x, y=tuple(float(data.target[part].mean()) for part in parts))
        return
    for number, name in list(enumerate(data.class_names))[:_MOST_CLASSES]:
        shares = tuple(float((data.target[part] == number).mean()) for part in parts)
        yield Line(name=name, x=x, y=shares)


def _input_lines(data: TableData, parts: list[NDArray[np.int64]]) -> tuple[Line, ...]:
    """The columns that moved most, the farthest first."""
    x, lines = _ends(parts), []
    for name, values in data.columns.items():
        if name == data.time or values.ndim != 1:
            continue
        codes = _cells(values, parts[0])
        if codes is None:
            continue
        shares = [np.bincount(codes[part], minlength=int(codes.max()) + 1) for part in parts]
        shares = [counts / counts.sum() for counts in shares]
        y = tuple(float(abs(each - shares[0]).sum() / 2) for each in shares)
        lines.append(Line(name=name, x=x, y=y))
    return tuple(sorted(lines, key=lambda line: -max(line.y))[:_SHOWN])


def _cells(values: NDArray[np.generic], oldest: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """The cell of each value: the tenth of the oldest rows, or the level; unknown is a cell.

    None for values that are neither numbers nor levels, such as lists.
    """
    if values.dtype == np.object_:
        if any(isinstance(value, (list, tuple, np.ndarray)) for value in values[oldest][:100]):
            return None
        levels, counts = np.unique(
            np.array(["" if v is None else str(v) for v in values]), return_counts=True
        )
        kept = np.sort(np.argsort(-counts, kind="stable")[:_MOST_LEVELS])
        cell = {str(level): number for number, level in enumerate(levels[kept], 1)}
        return np.array([cell.get("" if v is None else str(v), 0) for v in values], np.int64)
    numbers = values.astype(np.float64)
    past = numbers[oldest]
    past = past[~np.isnan(past)]
    if len(past) == 0:
        return None
    edges = np.unique(
        [*np.quantile(past, _QUANTILES), past.min(), np.nextafter(past.max(), math.inf)]
    )
    cells = np.searchsorted(edges, numbers, side="right")
    return np.where(np.isnan(numbers), len(edges) + 1, cells).astype(np.int64)


def _ends(parts: list[NDArray[np.int64]]) -> tuple[float, ...]:
    """The share of the rows up to the middle of each part."""
    return tuple((i + 0.5) / len(parts) for i in range(len(parts)))
