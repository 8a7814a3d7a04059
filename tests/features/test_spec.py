"""Which features a product has, by name, and that they are data."""

import re
from pathlib import Path

import msgspec
import pytest
from small_logs import BARE, CONFIGS, SCHEMA

from liverank.config import Candidates, Config, Features, Label
from liverank.events.schema.schema import Schema
from liverank.features.kernels import opcodes as operations
from liverank.features.kinds.attribute import Attribute
from liverank.features.kinds.lifecycle import Age
from liverank.features.kinds.rate import Rate
from liverank.features.layout.derived_layout import layout_of
from liverank.features.layout.layout import MAX_TYPES
from liverank.features.spec import FeatureSpec, compile_spec, derive_spec

JOIN = Config(label=Label(interaction="join"))


def names_of(schema, config=JOIN):
    return derive_spec(schema, config).names


def expression_of(schema, name, config=JOIN):
    (found,) = [f.expression for f in derive_spec(schema, config).features if f.name == name]
    return found


def rate_of(schema, scope):
    """The first rate of a scope."""
    rates = [f.expression for f in derive_spec(schema, JOIN).features if f.kind == "rate"]
    return next(rate for rate in rates if rate.scope == scope)


def priors_of(rate):
    """The scopes that a rate falls back on, the nearest first."""
    scopes = []
    while (rate := rate.prior) is not None:
        scopes.append(rate.scope)
    return scopes


def test_features_have_readable_names():
    names = names_of(SCHEMA)
    assert {
        "item_join_1h",
        "item_join_momentum_5m_1h",
        "item_join_1h_rank",
        "item_join_rate_1d",
        "topics_join_1d_sum",
        "country_item_join_1d",
        "user_item_impression_ago_s",
        "user_item_click_ago_s",
        "user_host_fatigue",
        "user_host_join_share_14d",
        "user_topics_join_share_14d_max",
        "last_item_next_join_share_1d",
        "item_language_level",
        "user_born_ago_s",
        "request_depth",
        "same_language",
        "audience_of_peak",
        "audience_change_5m",
        "followed_host",
        "followed_here",
        "user_usual_hour",
        "item_age_s",
        "item_left_s",
        "hour",
        "local_hour",
        "position",
    } <= set(names)
    assert not [name for name in names if name.startswith("title")], "words have no tables"
    assert not [name for name in names if name.startswith("user_host_") and "_5m" in name], (
        "pairs are too sparse for five minutes"
    )


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("schema", [SCHEMA, BARE])
def test_a_spec_is_json_and_comes_back_equal(schema, config):
    spec = derive_spec(schema, config)
    assert msgspec.json.decode(msgspec.json.encode(spec), type=FeatureSpec) == spec
    assert len(set(spec.names)) == len(spec.names)


def test_features_are_switched_off_by_name_and_by_pattern():
    config = Config(label=Label(interaction="join"), features=Features(off=("*_5m", "weekday")))
    names = names_of(SCHEMA, config)
    assert set(names_of(SCHEMA)) > set(names)
    assert "weekday" not in names
    assert not [name for name in names if name.endswith("_5m")]
    assert "item_join_1h" in names


def test_other_types_half_lives_and_combinations_are_derived_where_asked_for():
    names = ("host_click_1h", "topics_join_14d_max", "item_click_rate_1d", "user_host_click_ago_s")
    config = Config(label=Label(interaction="join"), features=Features(on=names))

    assert set(names_of(SCHEMA, config)) - set(names_of(SCHEMA)) == set(names)


def test_state_counts_only_what_features_read_unless_more_are_asked_for():
    asked = Config(label=Label(interaction="join"), features=Features(on=("host_click_1h",)))
    usual = layout_of(SCHEMA, Config(label=Label(interaction="join"))).scope("host")

    assert set(usual.types) == {"impression", "join"}
    assert usual.half_lives("join") == ("1d", "14d")
    assert layout_of(SCHEMA, asked).scope("host").half_lives("click")[:2] == ("1h", "1d")


def test_what_can_vary_within_a_list_is_compared_by_default_with_its_mean_and_by_rank():
    names = set(names_of(SCHEMA))
    for compared in ("item_join_1h", "item_size", "user_host_join_share_14d", "followed_host",
                     "audience_now", "item_opens_ago_s", "same_language"):  # fmt: skip
        assert {compared, f"{compared}_above_mean", f"{compared}_rank"} <= names
    for same_for_all in ("user_join_1d", "user_lately_join_1h", "user_age", "request_depth", "hour",
                         "user_visits", "candidates", "position"):  # fmt: skip
        assert same_for_all in names
        assert not {f"{same_for_all}_above_mean", f"{same_for_all}_rank"} & names
    for code in ("item_language_level", "item_state"):
        assert code in names
        assert f"{code}_above_mean" not in names, "levels and states are no numbers"
    assert not [name for name in names if name.endswith(("_gap", "_sd", "_rank_rank"))]


def test_other_comparisons_are_derived_where_asked_for():
    for asked_for, ends in (("*_rate_*_gap", "_gap"), ("*_rate_*_above_mean_sd", "_above_mean_sd")):
        config = Config(label=Label(interaction="join"), features=Features(on=(asked_for,)))
        asked = set(names_of(SCHEMA, config)) - set(names_of(SCHEMA))
        assert {f"item_join_rate_1d{ends}", f"item_join_rate_forever{ends}"} <= asked
        assert all("_rate_" in name and name.endswith(ends) for name in asked)


def test_comparisons_are_switched_off_by_pattern_and_what_they_compare_stays():
    off = Features(on=("*_1d_gap",), off=("*_rank", "*_forever_above_mean", "item_join_1d"))
    names = names_of(SCHEMA, Config(label=Label(interaction="join"), features=off))
    assert not [name for name in names if name.endswith(("_rank", "_forever_above_mean"))]
    assert {"item_join_1d_gap", "item_join_1d_above_mean", "item_join_forever"} <= set(names)
    assert "item_join_1d" not in names, "what is compared need not be a feature"


def test_in_a_sample_of_the_candidates_only_means_are_compared_and_only_where_asked_for():
    def names(*on):
        candidates, features = Candidates(interaction="join"), Features(on=on)
        return set(
            names_of(SCHEMA, Config(label=JOIN.label, candidates=candidates, features=features))
        )

    assert not [name for name in names() if name.endswith(("_above_mean", "_rank"))]
    asked = names("*_above_mean*", "*_rank", "*_gap") - names()
    assert {"item_join_1h_above_mean", "item_join_1h_above_mean_sd"} <= asked
    assert all(name.endswith(("_above_mean", "_above_mean_sd")) for name in asked)


def test_a_comparison_compiles_what_it_compares_and_nothing_more():
    spec = derive_spec(SCHEMA, JOIN)
    for name, instructions in (
        ("item_size_above_mean", ("FIELD", "ABOVE_MEAN")),
        ("audience_now_rank", ("AUDIENCE_NOW", "RANK")),
        ("user_host_join_share_14d_above_mean", ("COUNT", "COUNT", "SHARE", "ABOVE_MEAN")),
    ):
        code = compile_spec(spec.keep({name})).code
        assert [line[0] for line in code] == [getattr(operations, what) for what in instructions]
    both = compile_spec(spec.keep({"item_size", "item_size_above_mean", "item_size_rank"}))
    assert len(both.code) == 3, "what several read is computed once"


def test_sums_and_averages_of_values_are_derived_where_asked_for():
    assert not {f.kind for f in derive_spec(SCHEMA, JOIN).features} & {"total"}
    asked_for = Features(on=("*_total_*", "*_average_*"))
    config = Config(label=Label(interaction="join"), features=asked_for)
    asked = set(names_of(SCHEMA, config)) - set(names_of(SCHEMA))
    assert {"item_click_total_1h", "user_host_click_average_forever"} <= asked
    kinds = {f.kind for f in derive_spec(SCHEMA, config).features if f.name in asked}
    assert kinds == {"total", "in_list"}, "and what compares them"


def test_the_page_on_features_names_every_kind_and_no_other():
    page = (Path(__file__).parents[2] / "docs" / "features.md").read_text()
    table = page.split("## Kinds")[1].split("\n\n")[1]
    named = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    derived = {
        feature.kind
        for schema in (SCHEMA, BARE)
        for config in CONFIGS
        for feature in derive_spec(schema, config).features
    }

    assert sorted(named) == sorted(derived)


def test_a_kept_part_of_a_spec_has_the_same_order():
    spec = derive_spec(BARE, JOIN)
    assert spec.keep({"position", "hour", "item_age_s"}).names == ("item_age_s", "hour", "position")
    assert len(compile_spec(spec.keep({"item_join_1h_rank"})).outputs) == 1


def test_a_rate_falls_back_from_the_host_to_the_topics_to_all():
    assert priors_of(expression_of(SCHEMA, "item_join_rate_1d")) == ["host", "topics", "all"]
    assert priors_of(rate_of(SCHEMA, "user_item"))[0] == "user"
    assert priors_of(rate_of(SCHEMA, "country_item"))[0] == "item"
    assert priors_of(expression_of(BARE, "item_join_rate_1d")) == ["all"]


def test_lists_of_the_person_or_the_request_are_no_ones_prior():
    schema = Schema(
        users={"languages": "keys", "team": "key"},
        requests={"tags": "keys"},
        interactions=("join",),
    )
    assert priors_of(expression_of(schema, "item_join_rate_1d")) == ["all"]


@pytest.mark.parametrize("name", ["user", "item", "all", "next_item", "user_item"])
def test_a_field_named_like_a_scope_of_ours_hides_nothing(name):
    schema = Schema(
        items={name: "key"}, users={name: "category"}, interactions=("join",), positive=("join",)
    )
    layout = layout_of(schema, JOIN)
    assert len({scope.name for scope in layout.scopes}) == len(layout.scopes)
    own = layout.scope_of(f"item.{name}")
    assert own.name != name
    rate = expression_of(schema, "item_join_rate_1d")
    assert isinstance(rate, Rate)
    assert priors_of(rate) == [own.name, "all"]
    compile_spec(derive_spec(schema, JOIN))


def test_a_field_named_like_a_feature_of_ours_hides_nothing():
    schema = Schema(items={"age_s": "number"}, interactions=("join",))
    assert expression_of(schema, "item_age_s") == Attribute("item", "age_s")
    assert expression_of(schema, "item_age_s_too") == Age("started")


def test_there_are_no_rates_where_nobody_knows_what_was_seen():
    schema = msgspec.structs.replace(SCHEMA, impressions_known=False)
    assert not [name for name in names_of(schema) if "_rate_" in name]


@pytest.mark.parametrize("impressions_from", ["ranking", "interaction"])
def test_nothing_is_counted_of_impressions_in_a_log_of_bare_clicks(impressions_from):
    schema = Schema(
        interactions=("join", "leave"),
        impressions_from=impressions_from,
        impressions_known=False,
    )
    layout = layout_of(schema, JOIN)
    assert layout.types == ("join", "leave")
    assert not [name for name in names_of(schema) if "impression" in name or "fatigue" in name]


def test_more_interaction_types_than_have_counters_keep_the_label_among_them():
    others = tuple(f"a{n:02}" for n in range(30))
    layout = layout_of(Schema(interactions=("join", *others)), JOIN)
    assert len(layout.types) == MAX_TYPES
    assert "join" in layout.types
    compile_spec(derive_spec(Schema(interactions=("join", *others)), JOIN))
