"""Kind ``recency``: seconds since something last happened; NaN if it never happened."""

from collections.abc import Iterator

import msgspec

from liverank.features.compiler import Compiler
from liverank.features.feature import Feature, KindInputs, feature_name, is_of_text
from liverank.features.kernels.opcodes import AGO
from liverank.features.layout.layout import NEXT_ITEM, USER_RECENT


class Ago(msgspec.Struct, frozen=True, tag=True, tag_field="expression"):
    """Seconds since the last interaction of a type in a scope; for a list, the minimum."""

    scope: str
    type: str

    def compile(self, compiler: Compiler) -> int:
        """Emit the instruction."""
        scope = compiler.scope(self.scope)
        return compiler.emit(
            AGO,
            compiler.layout.scope_index(scope),
            scope.block(self.type),
        )


def derive(inputs: KindInputs) -> Iterator[Feature]:
    """By default since the last success and the last impression, in scopes of users and items.

    For the pair of user and item also since each other positive interaction; all others have to be
    asked for.
    """
    layout = inputs.layout
    for scope in layout.scopes:
        if scope.name in (NEXT_ITEM, USER_RECENT) or not {"user", "item"} & set(scope.parts):
            continue
        if is_of_text(scope, layout):
            continue
        for type_ in scope.types:
            yield Feature(
                feature_name(scope, type_, "ago_s"),
                "recency",
                Ago(scope.name, type_),
                by_default=scope.name == "user_item" or type_ in (layout.label, layout.impression),
            )
