"""Operations on many values at once, as vectors of LLVM.

LLVM compiles them for the machine: one instruction for 64 bytes, or several for 32 or 16.
They use integers and comparisons only, so that the result is the same on every machine.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

BLOCK = 64
"""Rows that are scored together, one bit of a word each."""

_BIT, _BYTE, _INT, _WORD = (ir.IntType(bits) for bits in (1, 8, 32, 64))
_BITS = ir.VectorType(_BIT, BLOCK)
_BYTES = ir.VectorType(_BYTE, BLOCK)
_PLANES = ir.VectorType(_WORD, 8)
_FAN = 16
_FLOATS = ir.VectorType(ir.FloatType(), _FAN)
_KEY_SHIFT, _COLUMN_SHIFT = 32, 40


def _make_count_below(_context: Any, cuts: Any, _start: Any, _value: Any) -> Any:
    """Number of a column's cuts that are below a value: uint64; 0 where it is NaN.

    The column begins at ``start`` with the last cuts of its runs of 16, and then has the runs.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start = builder.gep(_first(context, builder, signature, arguments, 0), [arguments[1]])
        value = _spread_out(builder, arguments[2], _FLOATS)

        def below(pointer: Any) -> Any:
            run = _load(builder, pointer, _FLOATS)
            fewer = builder.fcmp_ordered("<", run, value)
            count = builder.ctpop(builder.bitcast(fewer, ir.IntType(_FAN)))
            return builder.zext(count, _WORD)

        before = builder.mul(below(start), _WORD(_FAN))
        run = builder.gep(start, [builder.add(before, _WORD(_FAN))])
        return builder.add(before, below(run))

    return types.uint64(cuts, types.uint64, types.float32), generate


def _make_rows_above(_context: Any, keys: Any, _node: Any) -> Any:
    """Which rows of the block have a key above the node's cut: a bit each, uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        keys_of = _first(context, builder, signature, arguments, 0)
        return builder.bitcast(_above(builder, keys_of, arguments[1]), _WORD)

    return types.uint64(keys, types.uint64), generate


def _make_number_by_levels(
    _context: Any, keys: Any, nodes: Any, _first_node: Any, _n: Any, numbers: Any, _at: Any
) -> Any:
    """Write a symmetric tree's leaf number of each row: one bit a level, the root's the highest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        keys_of = _first(context, builder, signature, arguments, 0)
        levels = builder.gep(_first(context, builder, signature, arguments, 1), [arguments[2]])

        def deeper(level: Any, number: Any) -> Any:
            node = builder.load(builder.gep(levels, [level]))
            right = builder.sext(_above(builder, keys_of, node), _BYTES)
            return builder.sub(builder.add(number, number), right)

        number = _loop(builder, arguments[3], _BYTES, deeper)
        out = builder.gep(_first(context, builder, signature, arguments, 4), [arguments[5]])
        _store(builder, number, out)
        return context.get_dummy_value()

    words = types.uint64
    return types.void(keys, nodes, words, words, numbers, words), generate


def _make_number_by_leaves(
    _context: Any, reach: Any, _leaf: Any, _n: Any, digits: Any, numbers: Any, _at: Any
) -> Any:
    """Write the leaf number of each row, from the rows that reached each leaf.

    ``digits`` is uint64[256, 8]: all ones where the leaf's number has the bit.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        leaves = builder.gep(_first(context, builder, signature, arguments, 0), [arguments[1]])
        table = builder.bitcast(
            _first(context, builder, signature, arguments, 3), _PLANES.as_pointer()
        )

        def joined(leaf: Any, planes: Any) -> Any:
            rows = _spread_out(builder, builder.load(builder.gep(leaves, [leaf])), _PLANES)
            digits = builder.load(builder.gep(table, [leaf]), align=8)
            return builder.or_(planes, builder.and_(rows, digits))

        planes = _loop(builder, arguments[2], _PLANES, joined)
        number = ir.Constant(_BYTES, [0] * BLOCK)
        for bit in range(8):
            plane = builder.bitcast(builder.extract_element(planes, _INT(bit)), _BITS)
            worth = ir.Constant(_BYTES, [1 << bit] * BLOCK)
            none = ir.Constant(_BYTES, [0] * BLOCK)
            number = builder.or_(number, builder.select(plane, worth, none))
        out = builder.gep(_first(context, builder, signature, arguments, 4), [arguments[5]])
        _store(builder, number, out)
        return context.get_dummy_value()

    words = types.uint64
    return types.void(reach, words, words, digits, numbers, words), generate


def _above(builder: Any, keys: Any, node: Any) -> Any:
    """64 comparisons of the column of keys that a node reads with the node's cut."""
    column = builder.lshr(node, _WORD(_COLUMN_SHIFT))
    cut = builder.trunc(builder.lshr(node, _WORD(_KEY_SHIFT)), _BYTE)
    block = _load(builder, builder.gep(keys, [column]), _BYTES)
    return builder.icmp_unsigned(">", block, _spread_out(builder, cut, _BYTES))


def _loop(builder: Any, times: Any, kind: Any, step: Any) -> Any:
    """Fold ``step(i, so_far)`` over 0 to ``times``, which is at least 1, from zeros."""
    before = builder.block
    body, after = builder.append_basic_block("body"), builder.append_basic_block("after")
    builder.branch(body)
    builder.position_at_end(body)
    i, so_far = builder.phi(_WORD), builder.phi(kind)
    following, result = builder.add(i, _WORD(1)), step(i, so_far)
    i.add_incoming(_WORD(0), before)
    i.add_incoming(following, builder.block)
    so_far.add_incoming(ir.Constant(kind, [0] * kind.count), before)
    so_far.add_incoming(result, builder.block)
    builder.cbranch(builder.icmp_unsigned("<", following, times), body, after)
    builder.position_at_end(after)
    return result


def _first(context: Any, builder: Any, signature: Any, arguments: Any, which: int) -> Any:
    """A pointer to the first element of an array among the arguments."""
    return make_array(signature.args[which])(context, builder, value=arguments[which]).data


def _load(builder: Any, pointer: Any, kind: Any) -> Any:
    return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=1)


def _store(builder: Any, vector: Any, pointer: Any) -> None:
    builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer()), align=1)


def _spread_out(builder: Any, value: Any, kind: Any) -> Any:
    """A vector with the same value in every lane."""
    empty = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(empty, value, _INT(0))
    return builder.shuffle_vector(
        one, empty, ir.Constant(ir.VectorType(_INT, kind.count), [0] * kind.count)
    )


count_below: Any = intrinsic(_make_count_below)
rows_above: Any = intrinsic(_make_rows_above)
number_by_levels: Any = intrinsic(_make_number_by_levels)
number_by_leaves: Any = intrinsic(_make_number_by_leaves)
