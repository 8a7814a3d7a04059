"""Kind ``lifecycle``: where an item is in its life."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from liverank.features.feature import Feature
from liverank.features.instructions import AGE, Compiler
from liverank.features.layout import FIRST_SEEN, STARTED, Layout


class Age(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """Seconds since the item started (if that is unknown, was first heard of) or was first seen."""

    since: Literal["started", "first_seen"]

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        return compiler.emit(AGE, STARTED if self.since == "started" else FIRST_SEEN)


def derive(layout: Layout) -> Iterator[Feature]:  # noqa: ARG001  # every layout has items
    """Age since the start, and since the item was first heard of."""
    yield Feature("item_age_s", "lifecycle", Age("started"))
    yield Feature("item_known_s", "lifecycle", Age("first_seen"))
