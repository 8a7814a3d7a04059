"""The feature spec: which features there are, as data that a bundle can hold.

``derive_spec`` derives it from the schema and the config; ``compile_spec`` makes the program that
the read kernel runs. Invariant: a spec is JSON, and decoding it gives back an equal spec.
"""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

import msgspec

from liverank.config import Config
from liverank.events.schema.schema import Schema
from liverank.features.compiler import Compiler, Program
from liverank.features.feature import Feature
from liverank.features.kinds import (
    attribute,
    audience,
    context,
    count,
    fatigue,
    following,
    lifecycle,
    listwise,
    match,
    momentum,
    next_item,
    rate,
    recency,
    total,
    visits,
)
from liverank.features.layout.derived_layout import layout_of
from liverank.features.layout.layout import Layout

KINDS = (
    count,
    total,
    rate,
    recency,
    fatigue,
    momentum,
    audience,
    match,
    next_item,
    following,
    visits,
    lifecycle,
)
"""Kinds that derive their features from the layout alone."""

Expression = (
    attribute.Attribute
    | attribute.Level
    | count.Count
    | total.Total
    | total.Average
    | rate.Rate
    | recency.Ago
    | fatigue.Fatigue
    | momentum.Momentum
    | audience.Audience
    | audience.Difference
    | audience.AudienceShare
    | match.Share
    | match.Same
    | next_item.NextShare
    | next_item.NextCount
    | following.Followed
    | following.FollowedHere
    | following.FollowedLatest
    | visits.Visits
    | lifecycle.Age
    | lifecycle.Kept
    | lifecycle.LifeState
    | lifecycle.LifeLeft
    | context.Context
    | context.Local
    | listwise.InList
)
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
    """The features that the schema gives rise to, as the config switches them on and off."""
    layout = layout_of(schema, config)
    features = [*attribute.derive(layout, schema.levels)]
    for kind in KINDS:
        features += kind.derive(layout)
    features += context.derive(layout, schema.levels)
    sampled = config.candidates is not None
    if sampled:
        features = [feature for feature in features if feature.name not in context.OF_LISTS]
    features += list(listwise.derive(layout, features, sampled=sampled))
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
    """Whether a feature depends on all that was scored: comparisons, and the number of candidates.

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
