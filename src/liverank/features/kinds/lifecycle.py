"""Kind ``lifecycle``: the age, state and expected end of an item."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs
from liverank.features.kernels.opcodes import AGE, FIELD, LIFE_LEFT, LIFE_STATE
from liverank.features.layout.constants import (
    ITEM_FIRST_SEEN,
    ITEM_PEAK,
    ITEM_SCHEDULED,
    ITEM_STARTED,
    ITEM_STARTS,
)
from liverank.features.layout.layout import ENTITY_CODES

_WORDS = {"starts": ITEM_STARTS, "announced": ITEM_SCHEDULED, "peak": ITEM_PEAK}


class Age(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """Seconds since the item started (if unknown, since first seen), or since it was first seen."""

    since: Literal["started", "first_seen"]

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        return compiler.emit(AGE, ITEM_STARTED if self.since == "started" else ITEM_FIRST_SEEN)


class Kept(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """How often an item started, seconds since it was announced, or the peak of its audience."""

    what: Literal["starts", "announced", "peak"]

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        is_time = self.what == "announced"
        return compiler.emit(FIELD, ENTITY_CODES["item"], _WORDS[self.what], int(is_time))


class LifeState(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """0 for an item that was announced, 1 for a live one, 2 for one that is over; else NaN."""

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        return compiler.emit(LIFE_STATE)


class LifeLeft(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """Seconds until items of this host typically end, negative beyond that."""

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, and declare the scopes that it reads."""
        host = compiler.layout.host
        for parts in ((), () if host is None else (f"item.{host.name}",)):
            compiler.scope(compiler.layout.scope_of(*parts).name)
        return compiler.emit(LIFE_LEFT)


def derive(inputs: KindInputs) -> Iterator[Feature]:  # noqa: ARG001  # every layout has items
    """Age, state, starts, announcement, and the time to the typical end."""
    yield Feature("item_age_s", "lifecycle", Age("started"))
    yield Feature("item_known_s", "lifecycle", Age("first_seen"))
    yield Feature("item_state", "lifecycle", LifeState())
    yield Feature("item_starts", "lifecycle", Kept("starts"))
    yield Feature("item_announced_ago_s", "lifecycle", Kept("announced"))
    yield Feature("item_left_s", "lifecycle", LifeLeft())
