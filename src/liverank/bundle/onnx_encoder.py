"""An encoder as operations of ONNX, and the form of a table's columns that they read.

    number, boolean, time   float64[n], NaN where unknown
    category                string[n], empty where unknown; where the number at its end is read,
                            also float64[n] under the name ``number(column)``
    text, list              string[n, m], a row's tokens (``token_bags``) padded with empty ones;
                            ``UNKNOWN_BAG`` comes first where the row is unknown

ONNX has no operation that splits a text into words or takes the number at its end; everything else
is in the graph.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from liverank.bundle.onnx_calendar import add_calendar
from liverank.bundle.onnx_graph import ML, Graph
from liverank.models.encoder.columns import Columns, level_of
from liverank.models.encoder.encoder import Encoder
from liverank.models.encoder.step_functions import DAY_MS, JOIN, token_bags, trailing_numbers
from liverank.models.encoder.steps import (
    MOST,
    Arithmetic,
    Bag,
    Calendar,
    Levels,
    Scaled,
    Since,
    TrailingNumber,
    Value,
)

UNKNOWN_BAG = JOIN
"""The token of a row whose text or list is unknown."""

Fixed: TypeAlias = Value | Scaled | Arithmetic | Calendar | Since | Levels | Bag
"""Steps whose inputs are the columns themselves."""

_NUMBERS = ("number", "boolean", "time")


def onnx_columns(encoder: Encoder, columns: Columns) -> dict[str, NDArray[Any]]:
    """A table's columns in the form that an exported encoder reads.

    >>> from liverank.models.encoder.encoder import EncoderSpec
    >>> from liverank.models.encoder.columns import Input
    >>> city = Input(name="city", type="category")
    >>> encoder = Encoder(EncoderSpec(inputs=(city,), steps=()), {})
    >>> onnx_columns(encoder, {"city": np.array(["Ulm", None], object)})["city"].tolist()
    ['Ulm', '']
    """
    feed: dict[str, NDArray[Any]] = {}
    for form in encoder.inputs:
        values = columns[form.name]
        if form.type in _NUMBERS:
            feed[form.name] = np.asarray(values, np.float64)
        elif form.type == "category":
            feed[form.name] = np.array([value or "" for value in values.tolist()], object)
        else:
            bags = token_bags(values, is_text=form.type == "text")
            known = [(UNKNOWN_BAG,) if bag is None else bag for bag in bags]
            tokens = np.full((len(bags), max(map(len, known), default=0) or 1), "", object)
            for row, bag in enumerate(known):
                tokens[row, : len(bag)] = bag
            feed[form.name] = tokens
    for column, name in _number_inputs(encoder).items():
        feed[name] = trailing_numbers(columns[column])
    return feed


def add_encoder(graph: Graph, encoder: Encoder) -> str:
    """Features of a table: the name of float32[n, n_features]."""
    types = {form.name: form.type for form in encoder.inputs}
    for form in encoder.inputs:
        if form.type in _NUMBERS:
            graph.input(form.name, np.float64, ("n",))
        elif form.type == "category":
            graph.input(form.name, np.str_, ("n",))
        else:
            graph.input(form.name, np.str_, ("n", f"tokens of {form.name}"))
    numbers = _number_inputs(encoder)
    for name in numbers.values():
        graph.input(name, np.float64, ("n",))
    blocks = []
    for number, step in enumerate(encoder.spec.steps):
        if isinstance(step, TrailingNumber):
            blocks.append(_as_column(graph, numbers[step.column]))
            continue
        table = encoder.tables.get(f"table.{number}")
        blocks.append(_add_step(graph, step, table, types))
    features = graph.add("Concat", *blocks, axis=1)
    held = graph.add("Clip", features, graph.float64(-MOST), graph.float64(MOST))
    unknown = graph.add("IsNaN", features)
    return graph.cast(graph.add("Where", unknown, graph.float64(np.nan), held), np.float32)


def _number_inputs(encoder: Encoder) -> dict[str, str]:
    """The names of the inputs for the numbers at the end of categories, by the category."""
    taken = {form.name for form in encoder.inputs}
    names = {}
    for step in encoder.spec.steps:
        if isinstance(step, TrailingNumber):
            name = f"number({step.column})"
            while name in taken:
                name += "_"
            names[step.column] = name
            taken.add(name)
    return names


def _add_step(
    graph: Graph, step: Fixed, table: NDArray[np.float64] | None, types: Mapping[str, str]
) -> str:
    """The features of a step: float64[n, n_names]."""
    match step:
        case Value():
            return _as_column(graph, step.column)
        case Scaled():
            return _as_column(graph, _add_scaled(graph, step))
        case Arithmetic():
            operation = {"plus": "Add", "minus": "Sub", "times": "Mul", "over": "Div"}
            result = graph.add(operation[step.operation], step.left, step.right)
            # A result times zero is NaN where the result is not finite.
            finite = graph.add("Mul", result, graph.float64(0))
            unknown = graph.add("IsNaN", finite)
            return _as_column(graph, graph.add("Where", unknown, graph.float64(np.nan), result))
        case Since():
            days = graph.add("Sub", step.until, step.column)
            return _as_column(graph, graph.add("Div", days, graph.float64(DAY_MS)))
        case Calendar():
            parts = add_calendar(graph, step.column, step.parts)
            return graph.add("Concat", *(_as_column(graph, part) for part in parts), axis=1)
        case Levels():
            assert table is not None
            codes = _add_codes(graph, step, types)
            return graph.add("Gather", graph.float64(table), codes, axis=0)
        case Bag():
            return _add_bag(graph, step, table)


def _add_scaled(graph: Graph, step: Scaled) -> str:
    """The scaled values of a column: float64[n]."""
    less = graph.add("Sub", step.column, graph.float64(step.shift))
    z = graph.add("Div", less, graph.float64(step.scale))
    largest = float(np.finfo(np.float64).max)
    held = graph.add("Clip", z, graph.float64(-largest), graph.float64(largest))
    z = graph.add("Where", graph.add("IsNaN", z), graph.float64(np.nan), held)
    if not step.is_log:
        return z
    size = graph.add("Log", graph.add("Add", graph.add("Abs", z), graph.float64(1)))
    return graph.add("Mul", graph.add("Sign", z), size)


def _as_column(graph: Graph, values: str) -> str:
    return graph.add("Unsqueeze", values, graph.constant([1]))


def _add_codes(graph: Graph, step: Levels, types: Mapping[str, str]) -> str:
    """The table row of each row: int64[n]."""
    n_levels = len(step.levels)
    if len(step.columns) == 1:
        codes = dict(zip(step.levels, range(n_levels), strict=True))
        (column,) = step.columns
        return _add_lookup(graph, column, types[column], codes, n_levels, n_levels + 1)
    # Each column's part of a level is numbered from 1; a level's number combines those numbers.
    split = [level.split(JOIN) for level in step.levels]
    total: str | None = None
    numbers = np.zeros(n_levels, np.int64)
    stride = 1
    for index, column in enumerate(step.columns):
        parts = sorted({level[index] for level in split})
        codes = {part: number for number, part in enumerate(parts, 1)}
        unknown = codes.pop("", 0)
        own = _add_lookup(graph, column, types[column], codes, 0, unknown)
        scaled = graph.add("Mul", own, graph.constant(stride))
        total = scaled if total is None else graph.add("Add", total, scaled)
        numbers += stride * np.array(
            [codes.get(level[index], unknown) for level in split], np.int64
        )
        stride *= len(parts) + 1
    assert total is not None
    return graph.add(
        "LabelEncoder",
        total,
        domain=ML,
        keys_int64s=numbers.tolist(),
        values_int64s=list(range(n_levels)),
        default_int64=n_levels,
    )


def _add_lookup(
    graph: Graph, column: str, kind: str, codes: dict[str, int], other: int, unknown: int
) -> str:
    """The code of each value of a column, ``other`` for values without one: int64[n]."""
    if kind not in _NUMBERS:
        keys, values = [*codes, ""], [*codes.values(), unknown]
        return graph.add(
            "LabelEncoder",
            column,
            domain=ML,
            keys_strings=keys,
            values_int64s=values,
            default_int64=other,
        )
    # NaN is a key so that there is at least one; runtimes differ in whether they match it.
    numbers = {float(level): code for level, code in codes.items() if _is_number(level)}
    found = graph.add(
        "LabelEncoder",
        graph.add("Add", column, graph.float64(0)),  # turns -0 into 0
        domain=ML,
        keys_tensor=np.array([*numbers, np.nan], np.float64),
        values_tensor=np.array([*numbers.values(), unknown], np.float64),
        default_tensor=np.array([other], np.float64),
    )
    code = graph.add("Where", graph.add("IsNaN", column), graph.float64(unknown), found)
    return graph.cast(code, np.int64)


def _is_number(level: str) -> bool:
    """Whether the level is that of a number."""
    try:
        return level_of(float(level)) == level
    except ValueError:
        return False


def _add_bag(graph: Graph, bag: Bag, table: NDArray[np.float64] | None) -> str:
    blocks = []
    if bag.sized:
        counted = _add_token_codes(graph, bag.column, {"": 0, UNKNOWN_BAG: -1}, 1)
        counted = graph.cast(counted, np.float64)
        size = graph.add("ReduceSum", counted, graph.constant([1]), keepdims=1)
        unknown = graph.add("Less", size, graph.float64(0))
        blocks.append(graph.add("Where", unknown, graph.float64(np.nan), size))
    n_tokens = len(bag.tokens)
    codes = None
    if bag.shown or table is not None:
        codes = _add_token_codes(
            graph, bag.column, dict(zip(bag.tokens, range(n_tokens), strict=True)), n_tokens
        )
    if bag.shown:
        assert codes is not None
        apart = graph.add("Unsqueeze", codes, graph.constant([2]))
        same = graph.add("Equal", apart, graph.constant([[list(bag.shown)]], np.int64))
        same = graph.cast(same, np.float64)
        blocks.append(graph.add("ReduceMax", same, graph.constant([1]), keepdims=0))
    if table is not None:
        assert codes is not None
        none = np.zeros((1, table.shape[1]))
        known = graph.float64(np.append(np.ones(n_tokens), 0.0))
        values = graph.add("Gather", graph.float64(np.vstack([table, none])), codes, axis=0)
        counts = graph.add("Gather", known, codes, axis=0)
        total = graph.add("ReduceSum", values, graph.constant([1]), keepdims=0)
        count = graph.add("ReduceSum", counts, graph.constant([1]), keepdims=1)
        blocks.append(graph.add("Div", total, count))  # 0 / 0 is NaN
    return blocks[0] if len(blocks) == 1 else graph.add("Concat", *blocks, axis=1)


def _add_token_codes(graph: Graph, column: str, codes: dict[str, int], other: int) -> str:
    return graph.add(
        "LabelEncoder",
        column,
        domain=ML,
        keys_strings=list(codes),
        values_int64s=list(codes.values()),
        default_int64=other,
    )
