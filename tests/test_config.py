"""liverank.toml: what is refused, and whether the line that says so names key, value and rule."""

import pytest

from liverank.config import parse_config
from liverank.errors import ConfigError

LABEL = '[label]\ninteraction = "click"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Object missing required field `label`"),
        (
            LABEL + "[trainig]",
            "unknown field `trainig`; expected label, labels, path, items, users",
        ),
        (LABEL + 'withn = "1h"', "`label`: .*unknown field `withn`; expected interaction, within"),
        ("[label]\ninteraction = 5", "`label.interaction` is 5: Expected `str`, got `int`"),
        ('[label]\ninteraction = ""', '`label.interaction` is "": .*length >= 1'),
        (LABEL + "within = 3600", "`label.within` is 3600: Expected `str`"),
        (LABEL + 'within = "1 moon"', '`label.within` is "1 moon"; expected a duration'),
        (LABEL + 'within = "forever"', '`label.within` is "forever"; it must be finite'),
        (LABEL + "min_value = nan", "`label.min_value` is nan; expected a finite number"),
        (LABEL + "[training]\nseed = -1", "`training.seed` is -1: Expected `int` >= 0"),
        (LABEL + "[training]\nvalidation = 2.0", "`training.validation` is 2.0: .* < 0.9"),
        (LABEL + "[surfaces]\na.limit = 9\nb.limit = 0", "`surfaces.b.limit` is 0: .* >= 1"),
        (LABEL + '[surfaces.a]\ndeadline = "1us"', '`surfaces.a.deadline` is "1us"; expected'),
        (LABEL + '[serving]\nkeep_alive = "0s"', '`serving.keep_alive` is "0s"; expected'),
        (
            LABEL + '[items.fields]\ntopics = "keys"\nhost = "kee"',
            '`items.fields.host` is "kee": .*; expected one of category, key, keys, number',
        ),
        (LABEL + '[impressions]\nsource = "x"', "expected one of auto, interaction, ranking"),
        (LABEL + '[[sources]]\nfiles = "a.csv"', r"`sources\[0\]`: .*missing .*`events`"),
        (
            LABEL + '[[sources]]\nfiles = "a"\nevents = []\nformat = "xls"',
            r'`sources\[0\].format` is "xls": .*; expected one of csv, tsv, parquet, jsonl',
        ),
        (LABEL + "sources = 5", "unknown field `sources`; expected interaction"),
        (LABEL + "[candidates]\nper_ranking = 1", "`candidates"),
        (
            LABEL + '[candidates]\ninteraction = "join"\n[training]\nvariants = ["e:a"]',
            "`training.variants` chooses among logged rankings, and `candidates` makes lists",
        ),
        (LABEL + "[features]\nhalf_lives = []", "`features.half_lives` is empty"),
        (LABEL + '[features]\nmemory = "63MB"', '`features.memory` is "63MB"; .*"64MB" or more'),
        (LABEL + '[features]\nmemory = "1TB"', '`features.memory` is "1TB"; .*"16GB" or less'),
        (LABEL + "[features]\nhalf_lives = [5]", r"`features.half_lives\[0\]` is 5: .*`str`"),
        ('path = "a\\u0000b"\n' + LABEL, "`path` is 'a.x00b'; expected a path without NUL"),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_what_is_allowed(text, message):
    with pytest.raises(ConfigError, match=message) as refused:
        parse_config(text, where="here.toml")
    assert str(refused.value).startswith("here.toml: ")
    assert "\n" not in str(refused.value)


STAY = '[labels.stay]\ninteraction = "join"\nmin_duration = "30s"\n'


def test_the_first_of_several_labels_is_what_lists_are_ranked_by():
    config = parse_config('[labels.join]\ninteraction = "join"\n' + STAY)
    assert list(config.heads) == ["join", "stay"]
    assert config.label == config.labels["join"]
    assert config.heads["stay"].known_after_ms == 3_630_000
    both = parse_config('[label]\ninteraction = "click"\n' + STAY)
    assert list(both.heads) == ["click", "stay"]
    named = parse_config('[label]\ninteraction = "join"\nmin_duration = "30s"\n' + STAY)
    assert list(named.heads) == ["stay"]
    assert list(parse_config('[label]\ninteraction = "click"').heads) == ["click"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[labels]\n", "missing required field `label`"),
        ('[labels.a]\ninteraction = "x"\nwithin = "soon"', '`labels.a.within` is "soon"; expected'),
        ('[labels.a]\ninteraction = "x"\n[labels.b]\nwithin = "1h"', "`labels.b`: .*`interaction`"),
        (STAY.replace("30s", "forever"), '`labels.stay.min_duration` is "forever"; it must be'),
        (STAY + '[interactions]\nclick = "c"', "`labels.stay.interaction` is 'join', which is not"),
        (
            '[label]\ninteraction = "stay"\n' + STAY,
            r"`labels.stay` has the name that `\[label\]` has",
        ),
    ],
)
def test_what_is_wrong_with_one_of_several_labels_is_named(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(text)


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("candidates", "candidates.within"),
        ("features", "features.max_future"),
        ("presence", "presence.expire_after"),
        ("training", "training.budget"),
        ("serving", "serving.expire_after"),
        ("serving", "serving.keep_alive"),
        ("serving", "serving.log_wait"),
        ("serving", "serving.max_lag"),
        ("serving", "serving.slow_request"),
        ("serving", "serving.snapshot_every"),
        ("log", "log.keep"),
        ("surfaces.home", "surfaces.home.deadline"),
    ],
)
def test_every_key_of_a_duration_is_checked(table, key):
    head = "[candidates]\ninteraction = 'x'" if table == "candidates" else f"[{table}]"
    with pytest.raises(ConfigError, match=f'`{key}` is "soon"; expected a duration above zero'):
        parse_config(f"{LABEL}{head}\n{key.rsplit('.', 1)[1]} = 'soon'")
