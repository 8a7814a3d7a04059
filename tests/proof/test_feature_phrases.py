"""Every feature that any product may have is told in words, and belongs to one theme."""

from typing import get_args

import pytest

from liverank.config import Config, Features, Label
from liverank.events.schema.schema import Schema
from liverank.features.kinds.count import Count
from liverank.features.kinds.following import Followed
from liverank.features.kinds.listwise import Rank
from liverank.features.kinds.match import Same, Share
from liverank.features.spec import Expression, SpecFeature, derive_spec
from liverank.proof.page.phrases import phrase, reason_words
from liverank.proof.page.themes import TITLES, theme_of, themes_of

SPEC = derive_spec(
    Schema(
        items={
            "host": "key",
            "speakers": "keys",
            "topics": "keys",
            "language": "category",
            "title": "text",
            "begins": "time",
        },
        users={"language": "category", "country": "category"},
        interactions=("join", "click", "impression", "leave"),
        relations=("follow",),
        levels={"users.country": ("GB", "IE"), "items.language": ("English",)},
        impressions_from="interaction",
        positive=("join", "click"),
        valued=("leave",),
    ),
    Config(label=Label(interaction="join"), features=Features(on=("*",))),
)


def test_every_expression_that_there_is_has_a_phrase_and_a_theme() -> None:
    met = {type(feature.expression) for feature in SPEC.features}
    missing = {kind.__name__ for kind in get_args(Expression)} - {kind.__name__ for kind in met}
    assert missing <= {"Difference"}, "a part of others, and never a feature"

    for feature in SPEC.features:
        words = phrase(feature.expression)
        assert words, feature.name
        assert "_" not in words, (feature.name, words)
        assert theme_of(feature.expression) in TITLES, feature.name


def test_themes_share_out_all_that_the_features_have() -> None:
    importance = {feature.name: 1.0 / len(SPEC.features) for feature in SPEC.features}

    themes = themes_of(importance, SPEC)

    assert sum(theme.share for theme in themes) == pytest.approx(1.0)
    assert sum(theme.features for theme in themes) == len(SPEC.features)
    assert [theme.share for theme in themes] == sorted((t.share for t in themes), reverse=True)
    assert {theme.title for theme in themes} == set(TITLES.values())


def test_the_most_important_features_of_a_theme_are_named_first() -> None:
    (theme,) = themes_of({"followed_host": 0.1, "followed_here": 0.7, "not_a_feature": 0.2}, SPEC)

    assert theme.phrases == (
        "people in the room whom the person follows",
        "whether the person follows this host",
    )
    assert theme.share == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("expression", "value", "typical", "words"),
    [
        (
            Count("user_host", "join", "14d"),
            3.26,
            0.0,
            "how often the person joined rooms of this host: 3.3 (most rooms: 0)",
        ),
        (
            Share(Count("user_topics", "join", "14d"), Count("user", "join", "14d"), 3.0),
            0.123,
            0.02,
            "share of the person's joins in rooms on these topics: 12.3 % (most rooms: 2.0 %)",
        ),
        (
            Followed("host"),
            1.0,
            0.0,
            "the person follows this host",
        ),
        (Rank(Followed("host")), 0.9, 0.5, "the person does not follow this host"),
        (Same("language", "language"), 0.0, 1.0, "person and room do not share the language"),
        (
            Rank(Count("item", "join", "5m")),
            0.0,
            0.5,
            "how many people joined this room in the last minutes: the highest of all live rooms",
        ),
        (
            Rank(Count("item", "join", "5m")),
            0.1,
            0.5,
            "how many people joined this room in the last minutes: "
            "among the highest 10 % of live rooms",
        ),
        (
            Count("item", "join", "1h"),
            None,
            2.0,
            "how many people joined this room in the last hours: not known",
        ),
    ],
)
def test_a_reason_names_the_feature_its_value_and_what_is_usual(
    expression: Expression, value: float | None, typical: float | None, words: str
) -> None:
    feature = SpecFeature("f", "kind", expression)

    assert reason_words(feature, value, typical).startswith(words)
