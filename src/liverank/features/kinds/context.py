"""Kind ``context``: when and how the list was asked for, and where in it the item stood."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from liverank.features.feature import Feature
from liverank.features.instructions import CANDIDATES, HOUR, POSITION, WEEKDAY, Compiler
from liverank.features.layout import Layout

_OPERATIONS = {
    "hour": HOUR,
    "weekday": WEEKDAY,
    "candidates": CANDIDATES,
    "position": POSITION,
}
POSITION_NAME = "position"
OF_LISTS = frozenset({"candidates", POSITION_NAME})
"""Features that say something of the list rather than of the candidate."""
SERVED_POSITION = 0.0
"""The position that every candidate has while it is being scored: what if it stood first?"""


class Context(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """Hour (UTC, with minutes as a fraction), weekday (Monday is 0), candidates or position."""

    what: Literal["hour", "weekday", "candidates", "position"]

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        return compiler.emit(_OPERATIONS[self.what], per_request=self.what != "position")


def derive(layout: Layout) -> Iterator[Feature]:  # noqa: ARG001  # every layout has requests
    """Hour, weekday, number of candidates, and the position in lists that were served."""
    yield Feature("hour", "context", Context("hour"))
    yield Feature("weekday", "context", Context("weekday"))
    yield Feature("candidates", "context", Context("candidates"))
    yield Feature(POSITION_NAME, "context", Context("position"))
