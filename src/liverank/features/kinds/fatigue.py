"""Kind ``fatigue``: how often a person was recently shown something without engaging with it."""

from collections.abc import Iterator

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs, feature_name
from liverank.features.kernels.opcodes import COMBINATIONS, COUNT
from liverank.features.layout.constants import PAIR_FATIGUE


class Fatigue(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """Impressions since the person's last positive interaction, with a half-life of a day.

    For a list, the maximum over its elements.
    """

    scope: str

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        scope = compiler.scope(self.scope)
        return compiler.emit(
            COUNT,
            compiler.layout.scope_index(scope),
            PAIR_FATIGUE,
            compiler.decay(scope, None),
            COMBINATIONS["max"],
        )


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """Fatigue with the item, and with its fields that hold ids: its host, its topics."""
    layout = inputs.layout
    if layout.impression is None:
        return
    ids = {f"item.{field.name}" for field in layout.fields if field.type in ("key", "keys")}
    ids.add("item")
    for scope in layout.scopes:
        if scope.is_pair and scope.parts[1] in ids:
            yield Feature(feature_name(scope, "fatigue"), "fatigue", Fatigue(scope.name))
