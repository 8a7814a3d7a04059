"""Kind ``in_list``: how a candidate compares with the others of its list.

A person chooses among the items shown, so what matters about a candidate is how it differs from the
others. Every number that can vary within a list is compared; the list is all candidates that were
scored together. Invariant: a comparison is never compared itself, nor is an item's position.
"""

from collections.abc import Iterator

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs
from liverank.features.kernels.opcodes import ABOVE_MEAN, ABOVE_MEAN_SD, GAP, RANK
from liverank.features.kinds import Signal
from liverank.features.kinds.attribute import Attribute
from liverank.features.layout.layout import Layout


class AboveMean(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """How far the value is above the mean of the list's known ones."""

    of: Signal

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, after those of the signal."""
        return compiler.emit(ABOVE_MEAN, compiler.register(self.of))


class AboveMeanSd(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """The same in standard deviations of the list's known values; 0 where they do not differ."""

    of: Signal

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, after those of the signal."""
        return compiler.emit(ABOVE_MEAN_SD, compiler.register(self.of))


class Rank(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """The share of the other candidates with a higher value; 0 is the highest."""

    of: Signal

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, after those of the signal."""
        return compiler.emit(RANK, compiler.register(self.of))


class Gap(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """How far the value is below the list's highest, as a share of it; 0 is the highest."""

    of: Signal

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, after those of the signal."""
        return compiler.emit(GAP, compiler.register(self.of))


InList = AboveMean | AboveMeanSd | Rank | Gap
"""Comparisons with the others of the list."""


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """Comparisons of the features derived so far, as far as those can vary within a list.

    The defaults are each default feature's difference to the mean and its rank; differences in
    standard deviations and gaps must be requested. A sampled list holds the chosen candidate and a
    few of the others: there, differences to the mean must be requested too, and ranks and gaps do
    not exist, since those of a whole list would differ.
    """
    for feature in inputs.features:
        signal = feature.expression
        if not varies_in_list(signal, inputs.layout):
            continue
        is_usual = feature.by_default and not inputs.is_sampled
        yield Feature(f"{feature.name}_above_mean", "in_list", AboveMean(signal), is_usual)
        yield Feature(f"{feature.name}_above_mean_sd", "in_list", AboveMeanSd(signal), False)
        if not inputs.is_sampled:
            yield Feature(f"{feature.name}_rank", "in_list", Rank(signal), is_usual)
            yield Feature(f"{feature.name}_gap", "in_list", Gap(signal), False)


def varies_in_list(expression: object, layout: Layout) -> bool:
    r"""Whether an expression is a number that may differ between candidates of one list.

    >>> from liverank.config import parse_config
    >>> from liverank.events.schema.schema import Schema
    >>> from liverank.features.layout.derived_layout import layout_of
    >>> schema = Schema(items={"price": "number"}, users={"age": "number"})
    >>> layout = layout_of(schema, parse_config('[label]\ninteraction = "join"'))
    >>> [varies_in_list(Attribute(*of), layout) for of in (("item", "price"), ("user", "age"))]
    [True, False]
    """
    if not isinstance(expression, Signal):
        return False
    if isinstance(expression, Attribute):
        return expression.entity == "item"
    scope = getattr(expression, "scope", None)
    if scope is None:
        return True
    return any(part.partition(".")[0] == "item" for part in layout.scope(scope).parts)
