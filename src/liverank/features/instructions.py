"""What a program of features can do: the operations that the read kernel runs.

A program is a list of instructions, each of which fills one register for every candidate, from
the state or from earlier registers. ``Compiler`` turns expressions (``kinds``) into instructions
and gives equal expressions one register.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from liverank.features.hashing import hash_ids
from liverank.features.layout import Layout, Scope

COUNT, RATE, AGO, MOMENTUM, SHARE, FIELD, LEVEL, SAME = 0, 1, 2, 3, 4, 5, 6, 7
AGE, HOUR, WEEKDAY, POSITION, CANDIDATES, GO_ON, RANK, GAP = 8, 9, 10, 11, 12, 13, 14, 15
"""Operations."""

SUM, MAX, MEAN, FIRST, MIN = 0, 1, 2, 3, 4
COMBINATIONS = {"sum": SUM, "max": MAX, "mean": MEAN, "first": FIRST, "min": MIN}
"""How the elements of a list become one number."""

CODE_WIDTH = 10
CONSTANT_WIDTH = 3


class Expression(Protocol):
    """A number for each candidate, described as data."""

    def compile(self, compiler: "Compiler") -> int:
        """Emit the instructions and return the register of the result."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled list of features.

    ``code``       int64[instructions, CODE_WIDTH]: operation, whether it is the same for every
                   candidate, then its arguments
    ``constants``  float64[instructions, CONSTANT_WIDTH]
    ``levels``     uint64[...]: hashes of category levels
    ``outputs``    int64[features]: the register of each feature
    ``scopes``     bool[scopes]: which tables the program reads
    """

    code: NDArray[np.int64]
    constants: NDArray[np.float64]
    levels: NDArray[np.uint64]
    outputs: NDArray[np.int64]
    scopes: NDArray[np.bool_]


@dataclass(slots=True)
class Compiler:
    """Collects the instructions of one program."""

    layout: Layout
    _code: list[list[int]] = field(default_factory=list)
    _constants: list[list[float]] = field(default_factory=list)
    _levels: list[int] = field(default_factory=list)
    _registers: dict[Expression, int] = field(default_factory=dict)
    _scopes: set[int] = field(default_factory=set)

    def register(self, expression: Expression) -> int:
        """The register of an expression, compiled at its first use."""
        if expression not in self._registers:
            self._registers[expression] = expression.compile(self)
        return self._registers[expression]

    def emit(
        self,
        operation: int,
        *arguments: int,
        constants: tuple[float, ...] = (),
        per_request: bool = False,
    ) -> int:
        """Add an instruction; returns its register."""
        code = [operation, int(per_request), *arguments]
        self._code.append(code + [0] * (CODE_WIDTH - len(code)))
        self._constants.append([*constants] + [0.0] * (CONSTANT_WIDTH - len(constants)))
        return len(self._code) - 1

    def scope(self, name: str) -> Scope:
        """The scope of that name; the program reads it from now on."""
        scope = self.layout.scope(name)
        if scope is None:
            raise KeyError(name)
        self._scopes.add(self.layout.scope_index(scope))
        return scope

    def block(self, scope: Scope, type_: str) -> int:
        """The first word of an interaction type's block in the rows of a scope."""
        return self.layout.type_index(type_) * scope.block_words

    def levels(self, names: tuple[str, ...]) -> tuple[int, int]:
        """Where these levels' hashes stand: (begin, end)."""
        begin = len(self._levels)
        self._levels.extend(int(value) for value in hash_ids(names))
        return begin, len(self._levels)

    def program(self, expressions: list[Expression]) -> Program:
        """The program whose features are these expressions, in order."""
        outputs = [self.register(expression) for expression in expressions]
        scopes = np.zeros(len(self.layout.scopes), np.bool_)
        scopes[list(self._scopes)] = True
        return Program(
            code=np.array(self._code, np.int64).reshape(-1, CODE_WIDTH),
            constants=np.array(self._constants, np.float64).reshape(-1, CONSTANT_WIDTH),
            levels=np.array(self._levels, np.uint64),
            outputs=np.array(outputs, np.int64),
            scopes=scopes,
        )


def is_per_request(scope: Scope) -> bool:
    """Whether a scope's row is the same for every candidate of a request."""
    return not any(part == "item" or part.startswith("item.") for part in scope.parts)
