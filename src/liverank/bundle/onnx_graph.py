"""Builds a graph of ONNX operations; only writing it needs the package onnx.

Values are identified by name; ``add`` returns the name of an operation's result.
Invariant: every name stands for one value, and equal constants are stored once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liverank.errors import BundleError

OPSET, ML_OPSET = 18, 4
"""Versions of the operations that exports use: ONNX 1.15 of 2023 and later."""
ML = "ai.onnx.ml"
"""Domain of the operations for trees and levels."""


@dataclass(frozen=True)
class Node:
    """An operation: its inputs and result by name."""

    operation: str
    inputs: tuple[str, ...]
    result: str
    domain: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Port:
    """An input or output of the graph; ``shape`` holds names of sizes that vary."""

    name: str
    dtype: type[np.generic]
    shape: tuple[int | str, ...]


@dataclass
class Graph:
    """The inputs, operations, constants and outputs added so far.

    >>> graph = Graph()
    >>> rows = graph.input("rows", np.float32, ("n", 2))
    >>> graph.output(
    ...     "sums", graph.add("ReduceSum", rows, graph.constant([1])), np.float32, ("n", 1)
    ... )
    >>> [node.operation for node in graph.nodes]
    ['ReduceSum', 'Identity']
    """

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    _known: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict)

    def input(self, name: str, dtype: type[np.generic], shape: tuple[int | str, ...]) -> str:
        """Add an input and return its name."""
        self.inputs.append(Port(name, dtype, shape))
        return name

    def output(
        self, name: str, value: str, dtype: type[np.generic], shape: tuple[int | str, ...]
    ) -> None:
        """Add an output with this name, followed by ``_`` where an input has that name."""
        while any(name == port.name for port in self.inputs):
            name += "_"
        self.outputs.append(Port(name, dtype, shape))
        self.nodes.append(Node("Identity", (value,), name, "", {}))

    def add(self, operation: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        """Add an operation and return the name of its result."""
        result = f"{len(self.nodes)}\x1f{operation}"  # never the name of a column
        self.nodes.append(Node(operation, inputs, result, domain, attributes))
        return result

    def constant(self, value: object, dtype: type[np.generic] | None = None) -> str:
        """The name of a constant array."""
        array: NDArray[Any] = np.asarray(value, dtype)
        content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        key = array.dtype.str, array.shape, content
        if key not in self._known:
            self._known[key] = f"constant\x1f{len(self.constants)}"
            self.constants[self._known[key]] = array
        return self._known[key]

    def float64(self, value: object) -> str:
        """The name of a constant of float64."""
        return self.constant(value, np.float64)

    def cast(self, value: str, dtype: type[np.generic]) -> str:
        """The name of a value converted to another type."""
        return self.add("Cast", value, to=dtype)

    def to_bytes(self, about: Mapping[str, str] | None = None) -> bytes:
        """The graph as a file of ONNX; ``about`` is its metadata.

        Raises BundleError when the package onnx is not installed, for an input without a name, and
        for more than the 2 GB that such a file may have.
        """
        if any(not port.name for port in self.inputs):
            raise BundleError(
                "onnx: an input needs a name, and a column has none; name it, and train again"
            )
        try:
            import onnx
            from onnx import helper, numpy_helper
        except ImportError:
            raise BundleError(
                "writing ONNX needs the package onnx: run `pip install 'liverank[onnx]'`"
            ) from None

        def tensor_type(dtype: type[np.generic]) -> int:
            if dtype is np.str_:
                return int(onnx.TensorProto.STRING)
            return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

        def attribute(value: object) -> Any:
            if isinstance(value, type):
                return tensor_type(value)
            return numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value

        def port(value: Port) -> Any:
            return helper.make_tensor_value_info(value.name, tensor_type(value.dtype), value.shape)

        graph = helper.make_graph(
            [
                helper.make_node(
                    node.operation,
                    node.inputs,
                    [node.result],
                    domain=node.domain,
                    **{name: attribute(value) for name, value in node.attributes.items()},
                )
                for node in self.nodes
            ],
            "liverank",
            [port(value) for value in self.inputs],
            [port(value) for value in self.outputs],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()],
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
        model = helper.make_model(
            graph, producer_name="liverank", ir_version=9, opset_imports=opsets
        )
        helper.set_model_props(model, dict(about or {}))
        try:
            content: bytes = model.SerializeToString(deterministic=True)
        except ValueError as error:
            raise BundleError(f"onnx: the model is too large for one file: {error}") from None
        return content
