"""Compiles expressions of features into a program of instructions for the read kernel.

A program is a list of instructions, each of which fills one register for every candidate, from
the state or from earlier registers. ``Compiler`` turns expressions (``kinds``) into instructions
and gives equal expressions one register. The operations are in ``kernels.opcodes``.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from liverank.events.time_zones import transitions_of
from liverank.features.hashing import hash_id, hash_ids
from liverank.features.kernels.opcodes import (
    CODE_WIDTH,
    CONSTANT_WIDTH,
    FOLLOWED,
    HERE,
    LATEST,
    NEXT,
    NO_HALF_LIFE,
    PERSON,
)
from liverank.features.layout.layout import Layout, Scope


class Expression(Protocol):
    """A number for each candidate, described as data."""

    def compile(self, compiler: "Compiler") -> int:
        """Emit the instructions and return the register of the result."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled list of features.

    ``code``       int64[instructions, CODE_WIDTH]: operation, then its arguments
    ``constants``  float64[instructions, CONSTANT_WIDTH]
    ``levels``     uint64[...]: hashes of category levels
    ``outputs``    int64[features]: the register of each feature
    ``scopes``     bool[scopes]: which scopes the program reads
    ``decays``     int64[d, 2]: (scope, index of the half-life or NO_HALF_LIFE) pairs whose
                   counters the program reads
    ``needs``      bool[3]: whether the program reads a person's history, whom they follow, and
                   the latest items of the hosts that they follow
    ``zones``      uint64[z]: hashes of the values that name a time zone, ``zone_starts``
                   int64[z + 1] where each zone's changes of clock begin, ``changes``
                   float64[..., 2]: when (Unix ms), and the offset from UTC from then on, in ms
    """

    code: NDArray[np.int64]
    constants: NDArray[np.float64]
    levels: NDArray[np.uint64]
    outputs: NDArray[np.int64]
    scopes: NDArray[np.bool_]
    decays: NDArray[np.int64]
    needs: NDArray[np.bool_]
    zones: NDArray[np.uint64]
    zone_starts: NDArray[np.int64]
    changes: NDArray[np.float64]

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The arrays, in the order kernels take them."""
        return (
            self.code,
            self.constants,
            self.levels,
            self.outputs,
            self.scopes,
            self.decays,
            self.needs,
            self.zones,
            self.zone_starts,
            self.changes,
        )


@dataclass(slots=True)
class Compiler:
    """Collects the instructions of one program."""

    layout: Layout
    _code: list[list[int]] = field(default_factory=list)
    _constants: list[list[float]] = field(default_factory=list)
    _levels: list[int] = field(default_factory=list)
    _registers: dict[Expression, int] = field(default_factory=dict)
    _scopes: set[int] = field(default_factory=set)
    _decays: dict[tuple[int, int], int] = field(default_factory=dict)
    _zones: dict[int, str] = field(default_factory=dict)
    _needs_history: bool = False
    _needs_following: bool = False
    _needs_latest: bool = False

    def register(self, expression: Expression) -> int:
        """The register of an expression, compiled at its first use."""
        if expression not in self._registers:
            self._registers[expression] = expression.compile(self)
        return self._registers[expression]

    def emit(self, operation: int, *arguments: int, constants: tuple[float, ...] = ()) -> int:
        """Add an instruction; returns its register."""
        code = [operation, *arguments]
        self._needs_history |= operation in (PERSON, NEXT)
        self._needs_following |= operation in (FOLLOWED, HERE)
        self._needs_latest |= operation == LATEST
        self._code.append(code + [0] * (CODE_WIDTH - len(code)))
        self._constants.append([*constants] + [0.0] * (CONSTANT_WIDTH - len(constants)))
        return len(self._code) - 1

    def scope(self, name: str) -> Scope:
        """The scope of that name, recorded as read by the program. Raises KeyError."""
        scope = self.layout.scope(name)
        self._scopes.add(self.layout.scope_index(scope))
        self._needs_history |= scope.is_pair
        return scope

    def decay(self, scope: Scope, half_life: str | None) -> int:
        """The row number in ``decays`` of a scope and a half-life; pairs' rows need no decay."""
        life = NO_HALF_LIFE
        if half_life is not None and not scope.is_pair:
            life = self.layout.half_lives.index(half_life)
        return self._decays.setdefault((self.layout.scope_index(scope), life), len(self._decays))

    def levels(self, names: tuple[str, ...]) -> tuple[int, int]:
        """The range of ``Program.levels`` that holds these levels' hashes: (begin, end)."""
        begin = len(self._levels)
        self._levels.extend(int(value) for value in hash_ids(names))
        return begin, len(self._levels)

    def zone(self, level: str, zone: str) -> None:
        """Declare which time zone a field's value stands for."""
        self._zones[hash_id(level)] = zone

    def program(self, expressions: list[Expression]) -> Program:
        """The program whose features are these expressions, in order."""
        outputs = [self.register(expression) for expression in expressions]
        scopes = np.zeros(len(self.layout.scopes), np.bool_)
        scopes[list(self._scopes)] = True
        changes = [np.column_stack(transitions_of(zone)) for zone in self._zones.values()]
        return Program(
            code=np.array(self._code, np.int64).reshape(-1, CODE_WIDTH),
            constants=np.array(self._constants, np.float64).reshape(-1, CONSTANT_WIDTH),
            levels=np.array(self._levels, np.uint64),
            outputs=np.array(outputs, np.int64),
            scopes=scopes,
            decays=np.array(list(self._decays), np.int64).reshape(-1, 2),
            needs=np.array([self._needs_history, self._needs_following, self._needs_latest]),
            zones=np.array(list(self._zones), np.uint64),
            zone_starts=np.cumsum([0, *map(len, changes)]).astype(np.int64),
            changes=np.concatenate([*changes, np.zeros((0, 2))]),
        )
