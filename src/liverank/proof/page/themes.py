"""Feature importance by theme, a summary of what a model learned.

Invariant: each feature belongs to one theme, so the shares of themes sum to those of features.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from liverank.features.kinds.attribute import Attribute, Level
from liverank.features.kinds.audience import Audience, AudienceShare, Difference
from liverank.features.kinds.context import Context, Local
from liverank.features.kinds.fatigue import Fatigue
from liverank.features.kinds.following import Followed, FollowedHere, FollowedLatest
from liverank.features.kinds.lifecycle import Age, Kept, LifeLeft, LifeState
from liverank.features.kinds.match import Same, Share
from liverank.features.kinds.momentum import Momentum
from liverank.features.kinds.next_item import NextCount, NextShare
from liverank.features.kinds.visits import Visits
from liverank.features.layout.layout import USER_RECENT
from liverank.features.spec import Expression, FeatureSpec
from liverank.proof.page.phrases import COMPARED, subject

Name = Literal["taste", "follows", "room", "crowd", "host", "seen", "person", "moment", "fit"]
TITLES: dict[Name, str] = {
    "taste": "What the person chose before",
    "follows": "Whom the person follows",
    "room": "How this room does with everybody",
    "crowd": "How full the room is, and for how long it may go on",
    "host": "How its host, speakers and topics usually do",
    "seen": "What the person was shown already",
    "person": "How the person uses the app",
    "moment": "The hour, and what else is live",
    "fit": "What person and room say of themselves",
}
_PHRASES = 3


class Theme(msgspec.Struct, frozen=True):
    """Features about one thing, and their share of the model's decisions."""

    title: str
    share: float
    phrases: tuple[str, ...]
    """Phrases of its most important features, in order of importance."""
    features: int


def themes_of(importance: Mapping[str, float], spec: FeatureSpec) -> tuple[Theme, ...]:
    """Themes with their share of the importance, the largest first, without shares of zero.

    ``importance`` is the share of each feature. Features that the spec lacks are left out.
    """
    expressions = {feature.name: feature.expression for feature in spec.features}
    by_theme: dict[Name, list[tuple[float, str]]] = {}
    for feature, share in importance.items():
        if feature in expressions and share > 0:
            found = by_theme.setdefault(theme_of(expressions[feature]), [])
            found.append((share, subject(expressions[feature])))
    themes = [
        Theme(
            title=TITLES[name],
            share=sum(share for share, _ in found),
            phrases=tuple(dict.fromkeys(words for _, words in sorted(found, reverse=True)))[
                :_PHRASES
            ],
            features=len(found),
        )
        for name, found in by_theme.items()
    ]
    return tuple(sorted(themes, key=lambda theme: -theme.share))


def theme_of(expression: Expression) -> Name:
    """The theme of a feature.

    >>> theme_of(Followed("host")), theme_of(Visits("visits"))
    ('follows', 'person')
    """
    if isinstance(expression, COMPARED):
        return theme_of(expression.of)
    if isinstance(expression, Followed | FollowedHere | FollowedLatest):
        return "follows"
    if isinstance(expression, Share | NextShare | NextCount):
        return "taste"
    if isinstance(expression, Visits):
        return "person"
    if isinstance(expression, Context | Local):
        return "moment"
    if isinstance(expression, Same | Attribute | Level):
        return "fit"
    if isinstance(expression, Audience | AudienceShare | Difference | Momentum):
        return "crowd"
    if isinstance(expression, Age | Kept | LifeState | LifeLeft):
        return "crowd"
    return _theme_of_counts(expression)


def _theme_of_counts(expression: Expression) -> Name:
    scope = getattr(expression, "scope", None)
    if scope is None:
        raise TypeError(f"{type(expression).__name__} has no theme; give it one in {__name__}")
    if isinstance(expression, Fatigue) or scope == "user_item":
        return "seen"
    if scope in ("user", USER_RECENT):
        return "person"
    if scope.startswith("user_"):
        return "taste"
    if scope == "item" or scope.endswith("_item"):
        return "room"
    return "host"
