"""The tables of experiments and metrics: what they come to, and what is refused and how."""

import pytest

from liverank.config import parse_config
from liverank.config_experiments import BUCKETS
from liverank.errors import ConfigError

LABEL = '[label]\ninteraction = "join"\n'
TWO = 'variants = { a = { rank = "popular" }, b = { rank = "model" } }\n'
ONE = LABEL + "[experiments.e]\n" + TWO


def test_an_experiment_that_names_only_its_variants_is_whole():
    experiment = parse_config(ONE).experiments["e"]
    assert experiment.shares == {"a": 0.5, "b": 0.5}
    assert experiment.control_name == "a"
    assert experiment.buckets == (0, BUCKETS)
    assert (experiment.start_ms, experiment.end_ms, experiment.unit_field) == (None, None, None)


def test_times_may_stand_in_quotes_or_not():
    for time in ('"2026-12-01T00:00:00Z"', "2026-12-01T01:00:00+01:00"):
        experiment = parse_config(ONE + f"start = {time}").experiments["e"]
        assert experiment.start_ms == 1_796_083_200_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("surfac = 1", "`experiments.e`: .*unknown field `surfac`; expected variants, surface"),
        ('unit = "household"', '`experiments.e.unit` is "household"; expected "user" or "fields.'),
        ("ramp = 101", "`experiments.e.ramp` is 101: Expected `float` <= 100"),
        ("holdout = 1.0", "`experiments.e.holdout` is 1.0: .* < 1.0"),
        ("buckets = [5, 5]", r"`experiments.e.buckets` is \[5, 5\]; expected two bounds from 0 to"),
        ("buckets = [0, 10001]", r"`experiments.e.buckets` is \[0, 10001\]"),
        ('start = "2026-12-01"', '`experiments.e.start` is "2026-12-01": Invalid'),
        ('start = "2026-12-01T00:00:00"', "`experiments.e.start` is .*timezone"),
        (
            'start = "2026-12-02T00:00:00Z"\nend = "2026-12-01T00:00:00Z"',
            "`experiments.e.end` is not after its start, 2026-12-02",
        ),
        ('control = "c"', '`experiments.e.control` is "c"; expected one of the variants: a, b'),
        ('forced = { u1 = "c" }', '`experiments.e.forced.u1` is "c"; expected one of .*: a, b'),
        ("target = { country = [] }", "`experiments.e.target.country` is empty"),
        ("metrics = []", "`experiments.e.metrics` is empty"),
        ('metrics = ["joy"]', r'`experiments.e.metrics\[0\]` is "joy"; expected a metric of'),
        ('guardrails = ["joy"]', r'`experiments.e.guardrails\[0\]` is "joy"'),
        ('guardrails = ["join_rate"]', "metrics` and `guardrails` name one twice: join_rate"),
        ('metrics = ["join_rate", "join_rate"]', "name one twice"),
        ('looks = "forever"', '`experiments.e.looks` is "forever"; it must be finite'),
        ("alpha = 0.5", "`experiments.e.alpha` is 0.5: .* < 0.5"),
    ],
)
def test_what_is_wrong_with_an_experiment_is_named(text, message):
    with pytest.raises(ConfigError, match=message) as refused:
        parse_config(ONE + text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ('a = { rank = "model" }', "`experiments.e.variants` names 1; an experiment has two"),
        ('a = { rank = "model" }, holdout = { rank = "popular" }', "stands for the holdout"),
        (
            'a = { rank = "model" }, "b c" = { rank = "popular" }',
            "`experiments.e.variants.b c` has no plain name",
        ),
        ('a = { rank = "model" }, b = { rank = "best" }', '.b.rank` is "best"; expected popular'),
        (
            'a = { rank = "model" }, b = { rank = "interleave:model" }',
            '.b.rank` is "interleave:model"; expected popular',
        ),
        ('a = { rank = "model" }, b = {}', "variants.b` needs either `rank` or `weights`"),
        (
            'a = { rank = "model" }, b = { weights = { joi = 1.0 } }',
            ".b.weights.joi` weighs no label; expected join, popular",
        ),
        (
            'a = { rank = "model" }, b = { weights = { join = 0.0 } }',
            ".b.weights` are all zero",
        ),
        (
            'a = { rank = "model", share = 0.5 }, b = { rank = "popular" }',
            "variants` name some shares and not others",
        ),
        (
            'a = { rank = "model", share = 0.5 }, b = { rank = "popular", share = 0.4 }',
            "variants` have shares that sum to 0.9; expected 1",
        ),
    ],
)
def test_what_is_wrong_with_variants_is_named(variants, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(f"{LABEL}[experiments.e]\nvariants = {{ {variants} }}")


def test_experiments_of_one_layer_share_no_bucket_while_both_may_run():
    other = "[experiments.f]\n" + TWO
    with pytest.raises(ConfigError, match=r'`experiments.f.buckets` overlap .*layer "default"'):
        parse_config(ONE + other)
    with pytest.raises(ConfigError, match=r"a list has one variant"):
        parse_config(ONE + other + 'layer = "other"')
    parse_config(ONE + other + 'surface = "other"')
    with pytest.raises(ConfigError, match=r"buckets of a layer are of one unit"):
        parse_config(ONE + other + 'surface = "s"\nlayer = "default"\nunit = "fields.home"')
    parse_config(ONE + "buckets = [0, 5000]\n" + other + "buckets = [5000, 10000]")
    day = "2026-12-01T00:00:00Z"
    parse_config(ONE + f"end = {day}\n" + other + f"start = {day}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "median"', '`metrics.m.kind` is "median": .*one of participation, ratio, mean'),
        ('kind = "ratio"\nnumerator = "join"', '`metrics.m.denominator` is left out; .*"ratio"'),
        ('kind = "mean"\nq = 0.5', '`metrics.m.q` is no key of a metric of kind "mean"; expected'),
        ('kind = "retention"\nfrom = "7d"\nto = "7d"', '`metrics.m.to` is "7d"; expected longer'),
        ('kind = "participation"\nwindow = "36h"', '`metrics.m.window` is "36h"; .*whole days'),
        ('kind = "mean"\nwindow = "1 moon"', '`metrics.m.window` is "1 moon"; expected a duration'),
        ('kind = "mean"\nform = "7d"', "unknown field `form`; expected kind, .*from, to"),
    ],
)
def test_what_is_wrong_with_a_metric_is_named(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(f"{LABEL}[metrics.m]\n{text}")


def test_a_metric_of_the_config_may_have_the_name_of_one_of_the_seed_set():
    metric = '[metrics.join_rate]\nkind = "ratio"\nnumerator = "join"\ndenominator = "click"'
    config = parse_config(ONE + metric)
    assert config.metrics["join_rate"].denominator == "click"
