"""The kernel that runs a program: one branch for each operation.

To add an operation, add its number to ``kernels.opcodes``, a kernel that fills a register, and a
branch here.
"""

from typing import Any, NamedTuple

from liverank.compiled import compiled
from liverank.features.kernels.memory.offsets import SHAPE_IS_PAIR
from liverank.features.kernels.memory.pointers import keep, moved, pointer_to
from liverank.features.kernels.memory.shapes import shape_of
from liverank.features.kernels.opcodes import (
    AGO,
    CANDIDATES,
    CODE_WIDTH,
    COUNT,
    DIFFERENCE,
    FIELD,
    FOLLOWED,
    HERE,
    HOUR,
    LATEST,
    LEVEL,
    MOMENTUM,
    NEXT,
    PERSON,
    POSITION,
    RATE,
    SAME,
    SHARE,
    WEEKDAY,
)
from liverank.features.kernels.read.block import BLOCK, Instruction
from liverank.features.kernels.read.counts import combine_two, fill, run_counters
from liverank.features.kernels.read.fields import fill_fields
from liverank.features.kernels.read.following import fill_followed
from liverank.features.kernels.read.latest import fill_latest
from liverank.features.kernels.read.lifecycle import fill_lives
from liverank.features.kernels.read.listwise import compare
from liverank.features.kernels.read.local_time import fill_moments
from liverank.features.kernels.read.longer_lists import compares
from liverank.features.kernels.read.next_item_values import fill_next


class Known(NamedTuple):
    """The values read once per request, which do not depend on the candidates.

    ``visitor`` is a ``Visitor``; ``pairs`` their ``PairRows``; ``person`` float64[4], the result
    of ``person_of``; then their ``Following``, ``LatestValues`` and ``RecentItems``.
    """

    visitor: Any
    pairs: Any
    person: Any
    following: Any
    latest: Any
    recent: Any


@compiled
def run_program(store, layout, program, known, block, candidates):
    """Fill the block's registers, one for each instruction.

    ``candidates`` is (m, how many are in the block; n, how many are in the list; positions
    float64[m] or [1]).
    """
    m, n, positions = candidates
    code_lines, constants, levels = pointer_to(program.code), program.constants, program.levels
    visitor, pair_words = known.visitor, pointer_to(known.pairs.words)
    for line in range(len(constants)):
        code = moved(code_lines, line * CODE_WIDTH)
        out = moved(block.registers, line * block.capacity)
        instruction = Instruction(code, constants[line, 0], constants[line, 1], out)
        what, first = code[0], code[1]
        if what in (COUNT, RATE, AGO):
            source = pair_words if shape_of(layout, first, SHAPE_IS_PAIR) == 1 else store.words
            run_counters(layout, source, instruction, visitor.at, block, m)
        elif what in (MOMENTUM, SHARE, DIFFERENCE):
            combine_two(instruction, block, m)
        elif what == NEXT:
            fill_next(store, layout, instruction, visitor, known.recent, block, m)
        elif compares(what):
            if n <= BLOCK:  # longer lists are compared once all is read
                compare(what, moved(block.registers, first * block.capacity), n, out)
        elif what == PERSON:
            fill(out, m, known.person[first])
        elif what == CANDIDATES:
            fill(out, m, float(n))
        elif what == POSITION:
            for row in range(m):
                out[row] = positions[row if positions.size > 1 else 0]
        elif what in (HOUR, WEEKDAY):
            fill_moments(store, program, instruction, visitor, m)
        elif what in (FIELD, LEVEL, SAME):
            fill_fields(store, levels, instruction, visitor, block, m)
        elif what in (FOLLOWED, HERE):
            fill_followed(store, instruction, known.following, block, m)
        elif what == LATEST:
            fill_latest(store, instruction, known.latest, block, m)
        else:
            fill_lives(store, layout, instruction, visitor.at, block, m)
    keep((program.code, known.pairs.words))
