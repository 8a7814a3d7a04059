"""Kind ``visits``: how often and when a person visits, from their history."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs
from liverank.features.kernels.opcodes import PERSON

PERSON_NUMBERS = ("visits", "visit_gap_d", "away_d", "usual_hour")
"""Names of the values of ``kernels.read.visits.person_of``, in its order."""


class Visits(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """A statistic of a person's visits; a visit ends when nothing happens for half an hour.

    ``visits``: number in the history; ``visit_gap_d``: mean days from one visit's start to the
    next; ``away_d``: days since the last interaction; ``usual_hour``: share of visits that began
    within an hour and a half of this time of day, smoothed towards the share for uniform times.
    """

    what: Literal["visits", "visit_gap_d", "away_d", "usual_hour"]

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        return compiler.emit(PERSON, PERSON_NUMBERS.index(self.what))


def derive(inputs: KindInputs) -> Iterator[Feature]:  # noqa: ARG001  # every layout has people
    """One feature for each statistic."""
    for what in PERSON_NUMBERS:
        yield Feature(f"user_{what}", "visits", Visits(what))  # type: ignore[arg-type]
