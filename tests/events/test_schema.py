"""Schemas: declared fields win and are checked, the rest is what the data shows."""

import pytest

from liverank.config import parse_config
from liverank.errors import ConfigError
from liverank.events.event import Event, Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.events.schema.field_types import profile_field
from liverank.events.schema.profile import Profile, profile_events
from liverank.events.schema.schema import Schema, resolve_schema

LABEL = '[label]\ninteraction = "join"\n'


def profile_of(*events: Event) -> Profile:
    return profile_events([frame_of(events)])


def test_a_config_that_only_names_its_label_takes_everything_from_the_data() -> None:
    profile = profile_of(
        Item(time=0, item="a", fields={"language": "en"}),
        Item(time=0, item="b", fields={"language": "en"}),
        Item(time=0, item="c", fields={"language": "de", "topics": ["ai"]}),
        Interaction(time=1, type="join", user="u", item="a"),
        Interaction(time=1, type="click", user="u", item="a"),
        Interaction(time=1, type="leave", user="u", item="a"),
    )
    assert resolve_schema(parse_config(LABEL), profile) == Schema(
        items={"language": "category", "topics": "keys"},
        interactions=("join", "click", "leave"),
        levels={"items.language": ("en", "de")},
        impressions_from="ranking",
        impressions_known=False,
        positive=("join", "click"),
    )


def test_impressions_come_from_interactions_where_there_are_any_and_else_from_rankings() -> None:
    ranking = Ranking(time=0, id="r", user="u", items=["a"])
    seen = Interaction(time=1, type="impression", user="u", item="a", ranking="r")
    config = parse_config(LABEL)
    with_both = resolve_schema(config, profile_of(ranking, seen))
    assert (with_both.impressions_from, with_both.impressions_known) == ("interaction", True)
    assert with_both.positive == ("join",)
    with_rankings = resolve_schema(config, profile_of(ranking))
    assert (with_rankings.impressions_from, with_rankings.impressions_known) == ("ranking", True)
    forced = parse_config(LABEL + '[impressions]\nsource = "ranking"')
    assert resolve_schema(forced, profile_of(ranking, seen)).impressions_from == "ranking"


def test_impressions_that_were_never_sent_are_no_interactions() -> None:
    config = parse_config(LABEL + '[impressions]\nsource = "interaction"')
    schema = resolve_schema(
        config, profile_of(Interaction(time=1, type="join", user="u", item="a"))
    )
    assert schema.interactions == ("join",)
    assert not schema.impressions_known


def test_a_declared_type_wins_over_the_guess_and_an_absent_field_is_kept() -> None:
    config = parse_config(LABEL + '[items.fields]\nlanguage = "key"\nmood = "category"')
    schema = resolve_schema(config, profile_of(Item(time=0, item="a", fields={"language": "en"})))
    assert schema.items == {"language": "key", "mood": "category"}
    assert schema.levels == {"items.mood": ()}


@pytest.mark.parametrize(
    ("declared", "value", "advice"),
    [
        ("number", "12", "texts"),
        ("keys", "u7", "single id"),
        ("category", ["a"], "lists"),
        ("key", ["a"], "lists"),
        ("text", 7, "numbers"),
        ("time", "tomorrow", "RFC 3339"),
    ],
)
def test_a_declared_type_that_the_data_denies_is_an_error_that_names_the_key(
    declared: str, value: object, advice: str
) -> None:
    config = parse_config(LABEL + f'[items.fields]\nthing = "{declared}"')
    seen = Profile(items={"thing": profile_field("thing", [value] * 5)})
    with pytest.raises(ConfigError, match=f"`items.fields.thing`.*{advice}"):
        resolve_schema(config, seen)


@pytest.mark.parametrize(
    ("name", "values", "guess"),
    [
        ("language", ["en", "de"] * 20, "category"),
        ("os", [2, 17, 20] * 30, "category"),
        ("click_deviceGroup", [1, 3, 4] * 30, "category"),
        ("article_id", list(range(1000)), "key"),
        ("room_id", [f"r{n}" for n in range(50)], "key"),
        ("viewers", [3, 400, 1200], "number"),
        ("price", [1.5, 2.0], "number"),
        ("zip", ["12", "13"] * 10, "category"),
        ("live", [True, False], "category"),
        ("title", ["AI tonight", "Music now", "News"], "text"),
        ("starts", ["2026-11-23T10:00:00Z"] * 3, "time"),
        ("starts", [1_795_428_000_000] * 3, "time"),
        ("hash", [f"{n:032x}" for n in range(100)], "key"),
        ("speakers", [["u1"], []], "keys"),
        ("nothing", [], "category"),
    ],
)
def test_guesses(name: str, values: list[object], guess: str) -> None:
    assert profile_field(name, values).guess == guess


def test_the_levels_of_a_category_are_its_most_frequent_values_and_no_more_than_64() -> None:
    values = [level for n in range(100) for level in [f"c{n:02}"] * (100 - n)]
    levels = profile_field("country", values).levels
    assert levels == tuple(f"c{n:02}" for n in range(64))


def test_named_interactions_leave_others_out_but_never_what_says_that_an_item_was_seen() -> None:
    config = parse_config(LABEL + '[interactions]\njoin = "success"')
    seen = Interaction(time=1, type="impression", user="u", item="a")
    other = Interaction(time=1, type="wave", user="u", item="a")
    assert resolve_schema(config, profile_of(seen, other)).interactions == ("join", "impression")


def test_what_the_server_itself_adds_to_rankings_makes_no_feature() -> None:
    ranking = Ranking(time=0, id="r", user="u", items=["a"], fields={"_teams": "A", "device": "x"})
    assert resolve_schema(parse_config(LABEL), profile_of(ranking)).requests == {
        "device": "category"
    }
