"""The feature spec: the features of a model, as data that a bundle can hold.

``derive_spec`` derives it from the schema and the config; ``compile_spec`` makes the program that
the read kernel runs. Invariant: a spec is JSON, and decoding it gives back an equal spec.
"""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

import msgspec

from liverank.config import Config
from liverank.events.schema.schema import Schema
from liverank.features.compiler import Compiler, Program
from liverank.features.feature import Feature, KindInputs
from liverank.features.kinds import KINDS, context, listwise
from liverank.features.kinds import Expression as PlainExpression
from liverank.features.layout.derived_layout import layout_of
from liverank.features.layout.layout import Layout

Expression = PlainExpression | listwise.InList
"""Every expression that a feature can be."""


class SpecFeature(msgspec.Struct, frozen=True):
    """A feature with its expression typed."""

    name: str
    kind: str
    expression: Expression


class FeatureSpec(msgspec.Struct, frozen=True):
    """The layout of the state, and the features that are read from it, in column order."""

    layout: Layout
    features: tuple[SpecFeature, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(feature.name for feature in self.features)

    def keep(self, names: set[str]) -> "FeatureSpec":
        """The same spec with only these features, in the same order."""
        return FeatureSpec(
            self.layout, tuple(feature for feature in self.features if feature.name in names)
        )


def derive_spec(schema: Schema, config: Config) -> FeatureSpec:
    """The features of a schema, as the config switches them on and off."""
    layout = layout_of(schema, config)
    features: tuple[Feature, ...] = ()
    for kind in (*KINDS, listwise):
        is_sampled = config.candidates is not None
        features += tuple(kind.derive(KindInputs(layout, schema.levels, is_sampled, features)))
    return FeatureSpec(
        layout,
        tuple(
            SpecFeature(feature.name, feature.kind, feature.expression)
            for feature in _with_distinct_names(features)
            if (feature.by_default or _matches(feature.name, config.features.on))
            and not _matches(feature.name, config.features.off)
        ),
    )


def depends_on_list(feature: SpecFeature) -> bool:
    """Whether a feature depends on all scored items: comparisons, and the number of candidates.

    >>> depends_on_list(SpecFeature("candidates", "context", context.Context("candidates")))
    True
    """
    expression = feature.expression
    return isinstance(expression, listwise.InList) or expression == context.Context("candidates")


def compile_spec(spec: FeatureSpec) -> Program:
    """The program that reads the spec's features."""
    return Compiler(spec.layout).program([feature.expression for feature in spec.features])


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _with_distinct_names(features: Iterable[Feature]) -> Iterator[Feature]:
    """Equal features once; a product's field called ``age_s`` must not hide ``item_age_s``."""
    taken: dict[str, Feature] = {}
    for feature in features:
        name = feature.name
        while name in taken and taken[name].expression != feature.expression:
            name += "_too"
        if name not in taken:
            taken[name] = msgspec.structs.replace(feature, name=name)
            yield taken[name]
