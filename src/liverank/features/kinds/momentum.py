"""Kind ``momentum``: whether something happens more often now than over a longer time."""

from collections.abc import Iterator
from itertools import pairwise

import msgspec
import numpy as np

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs, feature_name
from liverank.features.kernels.opcodes import MOMENTUM
from liverank.features.kinds.count import Count
from liverank.quantities import duration_ms


class Momentum(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """``log2((flow over the short half-life + e) / (flow over the long one + e))``.

    The flow of a decayed count is ``count * ln 2 / half-life``; ``e`` is one event of the long
    half-life, so that a quiet item has no momentum.
    """

    short: Count
    long: Count

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, after those of the counts."""
        return compiler.emit(
            MOMENTUM,
            compiler.register(self.short),
            compiler.register(self.long),
            constants=(
                np.log(2) / duration_ms(self.short.half_life),
                np.log(2) / duration_ms(self.long.half_life),
            ),
        )


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """Momentum of an item's successes and impressions between neighbouring half-lives."""
    layout = inputs.layout
    scope = layout.scope("item")
    lives = [text for text in scope.half_lives(layout.label) if text != "forever"]
    for type_ in dict.fromkeys([layout.label, layout.impression]):
        if type_ is None:
            continue
        for short, long in pairwise(lives):
            yield Feature(
                feature_name(scope, type_, "momentum", short, long),
                "momentum",
                Momentum(Count("item", type_, short), Count("item", type_, long)),
            )
