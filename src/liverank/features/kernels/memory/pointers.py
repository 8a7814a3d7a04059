"""Bare pointers to arrays, which kernels pass to each other: no reference counts, no bounds.

Taking an array out of a tuple, or a view of one, costs numba two atomic operations. In a kernel
that did so a hundred times per event, they took most of the time. A pointer is a plain number.
Invariant: the function that makes pointers holds their arrays until the last use (``keep``); for
arrays passed from Python, the caller does.
"""

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.core.errors import TypingError
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from liverank.compiled import compiled

_BYTE, _INT = ir.IntType(8), ir.IntType(32)


def _make_pointer_to(_context: Any, array: Any) -> Any:
    """A pointer to the first element of a contiguous array."""
    if not isinstance(array, types.Array) or array.layout != "C":
        raise TypingError("a pointer is taken of a C-contiguous array")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return make_array(signature.args[0])(context, builder, value=arguments[0]).data

    return types.CPointer(array.dtype)(array), generate


def _make_as_uint64(_context: Any, pointer: Any) -> Any:
    """The same words, as uint64."""
    return types.CPointer(types.uint64)(pointer), _cast


def _make_as_int64(_context: Any, pointer: Any) -> Any:
    return types.CPointer(types.int64)(pointer), _cast


def _make_as_uint32(_context: Any, pointer: Any) -> Any:
    return types.CPointer(types.uint32)(pointer), _cast


def _make_as_float64(_context: Any, pointer: Any) -> Any:
    """The same words, as float64."""
    return types.CPointer(types.float64)(pointer), _cast


def _make_moved(_context: Any, pointer: Any, _elements: Any) -> Any:
    """The pointer advanced by a number of elements."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.int64), generate


def _make_prefetch(_context: Any, pointer: Any, _elements: Any) -> Any:
    """Prefetch the memory a number of elements further on; the address may be invalid."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        byte = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), _BYTE.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), _INT, _INT, _INT])
        prefetch = get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        to_read, nearest_cache, data = _INT(0), _INT(3), _INT(1)
        builder.call(prefetch, [byte, to_read, nearest_cache, data])

    return types.void(pointer, types.int64), generate


def _cast(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kind = context.get_value_type(signature.return_type)
    return builder.bitcast(arguments[0], kind)


pointer_to: Any = intrinsic(_make_pointer_to)
as_uint64: Any = intrinsic(_make_as_uint64)
as_float64: Any = intrinsic(_make_as_float64)
moved: Any = intrinsic(_make_moved)
prefetch: Any = intrinsic(_make_prefetch)
_as_int64: Any = intrinsic(_make_as_int64)
_as_uint32: Any = intrinsic(_make_as_uint32)


@compiled
def keep(_arrays):
    """Keep arrays alive until here: numba frees an array after its last use."""


class StorePointers(NamedTuple):
    """The arrays of a store (``state.memory.Arrays``) as kernels take them.

    ``header`` int64, ``index`` uint64, ``tables`` uint8, ``directory`` uint32; the arena's words as
    float64 (``words``), uint64 (``bits``), int64 (``ints``) and uint32 (``halves``).
    """

    header: Any
    index: Any
    tables: Any
    directory: Any
    words: Any
    bits: Any
    ints: Any
    halves: Any


class LayoutPointers(NamedTuple):
    """The arrays of a layout (``state.layout_arrays.LayoutArrays``), in row-major order."""

    numbers: Any
    reals: Any
    rates: Any
    scopes: Any
    blocks: Any
    spans: Any
    half_lives: Any
    positive: Any
    new_user: Any
    new_item: Any
    user_stamps: Any
    item_stamps: Any
    copies: Any


@compiled
def store_pointers(arrays):
    """The pointers to a store's arrays."""
    header, index, tables, directory, words = arrays
    first = pointer_to(words)
    return StorePointers(
        pointer_to(header),
        pointer_to(index),
        pointer_to(tables),
        pointer_to(directory),
        first,
        as_uint64(first),
        _as_int64(first),
        _as_uint32(first),
    )


@compiled
def layout_pointers(arrays):
    """The pointers to a layout's arrays."""
    numbers, reals, rates, scopes, blocks, spans, half_lives, positive = arrays[:8]
    new_user, new_item, user_stamps, item_stamps, copies = arrays[8:]
    return LayoutPointers(
        pointer_to(numbers),
        pointer_to(reals),
        pointer_to(rates),
        pointer_to(scopes),
        pointer_to(blocks),
        pointer_to(spans),
        pointer_to(half_lives),
        pointer_to(positive),
        pointer_to(new_user),
        pointer_to(new_item),
        pointer_to(user_stamps),
        pointer_to(item_stamps),
        pointer_to(copies),
    )
