"""Kind ``recency``: seconds since something last happened; NaN if it never did."""

from collections.abc import Iterator

import msgspec

from liverank.features.feature import Feature, feature_name
from liverank.features.instructions import AGO, COMBINATIONS, Compiler, is_per_request
from liverank.features.layout import NEXT_ITEM, Layout


class Ago(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """Seconds since the last interaction of a type in a scope; over a list, the least."""

    scope: str
    type: str

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        scope = compiler.scope(self.scope)
        return compiler.emit(
            AGO,
            compiler.layout.scope_index(scope),
            compiler.block(scope, self.type),
            0,
            COMBINATIONS["min"],
            per_request=is_per_request(scope),
        )


def derive(layout: Layout) -> Iterator[Feature]:
    """Since the last success and the last impression, in the scopes of a user or an item."""
    for scope in layout.scopes:
        if scope.name == NEXT_ITEM or not {"user", "item"} & set(scope.parts):
            continue
        for type_ in dict.fromkeys([layout.label, layout.impression]):
            if type_ is not None:
                yield Feature(
                    feature_name(scope, type_, "ago_s"), "recency", Ago(scope.name, type_)
                )
