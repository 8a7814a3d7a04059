"""Kind ``audience``: how many people are in an item now, and how that number changes."""

from collections.abc import Iterator

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs
from liverank.features.kernels.opcodes import AUDIENCE_NOW, DIFFERENCE, SHARE
from liverank.features.kinds.count import Count
from liverank.features.kinds.lifecycle import Kept
from liverank.quantities import nearest

PRIOR_PEOPLE = 1.0
"""Number of people added to the denominator, to pull shares of small audiences towards zero."""


class Audience(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """People who entered the item, have not left it, and have not expired."""

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        return compiler.emit(AUDIENCE_NOW)


class Difference(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """``more - less``, of decayed counts."""

    more: Count
    less: Count

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, after those of the counts."""
        return compiler.emit(DIFFERENCE, compiler.register(self.more), compiler.register(self.less))


class AudienceShare(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """``part / (whole + prior)``, for audiences and their changes."""

    part: Audience | Difference
    whole: Audience | Kept
    prior: float

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, after those of its parts."""
        return compiler.emit(
            SHARE,
            compiler.register(self.part),
            compiler.register(self.whole),
            constants=(self.prior,),
        )


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """The audience now, its peak, its share of the peak, and how it changes."""
    layout = inputs.layout
    if layout.enter is None:
        return
    yield Feature("audience_now", "audience", Audience())
    yield Feature("audience_peak", "audience", Kept("peak"))
    yield Feature(
        "audience_of_peak", "audience", AudienceShare(Audience(), Kept("peak"), PRIOR_PEOPLE)
    )
    if layout.leave is None:
        return
    for half_life in nearest(layout.scope("item").half_lives(layout.enter), "5m", "1h"):
        change = Difference(
            Count("item", layout.enter, half_life), Count("item", layout.leave, half_life)
        )
        yield Feature(
            f"audience_change_{half_life}",
            "audience",
            AudienceShare(change, Audience(), PRIOR_PEOPLE),
        )
