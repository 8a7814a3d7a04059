"""Kind ``visits``: how often and when a person comes, by what is remembered of them."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs
from liverank.features.kernels.opcodes import PERSON

PERSON_NUMBERS = ("visits", "visit_gap_d", "away_d", "usual_hour")
"""In the order of ``kernels.person``."""


class Visits(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """A number of a person's visits; a visit ends when nothing happens for half an hour.

    ``visits`` remembered; ``visit_gap_d``, days from one visit's start to the next on average;
    ``away_d``, days since the last sign; ``usual_hour``, the share of visits that began within an
    hour and a half of this time of day, pulled towards what chance would give.
    """

    what: Literal["visits", "visit_gap_d", "away_d", "usual_hour"]

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        return compiler.emit(PERSON, PERSON_NUMBERS.index(self.what))


def derive(inputs: KindInputs) -> Iterator[Feature]:  # noqa: ARG001  # every layout has people
    """All of them."""
    for what in PERSON_NUMBERS:
        yield Feature(f"user_{what}", "visits", Visits(what))  # type: ignore[arg-type]
