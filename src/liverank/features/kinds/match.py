"""Kind ``match``: how well an item matches this person's earlier choices, or their own fields."""

from collections.abc import Iterator

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs, feature_name
from liverank.features.kernels.opcodes import SAME, SHARE
from liverank.features.kinds.count import Combination, Count
from liverank.features.layout.layout import ENTITY_CODES, Field
from liverank.quantities import nearest

PRIOR_SUCCESSES = 3.0
"""Number of successes added to the denominator, to pull shares of few successes towards zero."""


class Share(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """``part / (whole + prior)``."""

    part: Count
    whole: Count
    prior: float

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction, after those of the counts."""
        return compiler.emit(
            SHARE,
            compiler.register(self.part),
            compiler.register(self.whole),
            constants=(self.prior,),
        )


class Same(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """How many values a field of the user and a field of the item have in common."""

    user_field: str
    item_field: str

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        arguments: list[int] = []
        for entity, name in (("user", self.user_field), ("item", self.item_field)):
            field = compiler.layout.field(entity, name)  # type: ignore[arg-type]
            if field is None:
                raise KeyError(f"{entity}.{name}")
            arguments += [ENTITY_CODES[entity], field.offset, int(field.is_list)]
        return compiler.emit(SAME, *arguments)


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """Shares of the person's successes by field, and fields that user and item share."""
    layout = inputs.layout
    for scope in layout.scopes:
        if len(scope.parts) != 2 or scope.parts[0] != "user" or scope.parts[1] in ("item", "all"):
            continue
        for half_life in nearest(scope.half_lives(layout.label), "14d"):
            combinations: tuple[Combination, ...] = ("sum", "max") if scope.is_list else ("sum",)
            for combine in combinations:
                yield Feature(
                    feature_name(
                        scope,
                        layout.label,
                        "share",
                        half_life,
                        *([combine] if scope.is_list else []),
                    ),
                    "match",
                    Share(
                        Count(scope.name, layout.label, half_life, combine),
                        Count("user", layout.label, half_life),
                        PRIOR_SUCCESSES,
                    ),
                )
    for left in layout.fields:
        for right in layout.fields:
            if left.entity == "user" and right.entity == "item" and _comparable(left, right):
                yield Feature(f"same_{right.name}", "match", Same(left.name, right.name))


def _comparable(left: Field, right: Field) -> bool:
    """Whether two fields have the same name, singular or plural (language, languages)."""
    return left.is_hashed and right.is_hashed and left.name.rstrip("s") == right.name.rstrip("s")
