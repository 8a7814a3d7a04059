"""Whatever is in a table, it is encoded, or one readable error says why not."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.automl.data.columns import read_columns
from liverank.automl.data.read_table import read_table
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.preprocessing.encoder import fit_transform, take_rows
from liverank.automl.profile.leakage import find_leaks
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.roles import read_roles, split_rows
from liverank.automl.profile.table_roles import TableRoles
from liverank.errors import LiverankError, TrainingError

START = datetime.datetime(2026, 1, 1)


def odd_columns(n, generator):
    """Columns of every kind that a table may hold, the sane and the odd."""
    words = np.array(["ai", "live", "music", "The Talk", "N/A", "", "é"])
    floats = generator.normal(size=n)
    gone = np.where(generator.random(n) < 0.3, np.nan, floats)
    return {
        "real": floats,
        "huge": floats * 1e300,
        "infinite": np.where(generator.random(n) < 0.1, np.inf, floats),
        "gone": pl.Series(gone, nan_to_null=True),
        "empty": pl.Series([None] * n, dtype=pl.Null),
        "same": ["x"] * n,
        "whole": generator.integers(-5, 5, n),
        "key": [f"k{i}" for i in range(n)],
        "row": np.arange(n),
        "level": generator.choice(words, n),
        "code": pl.Series(generator.choice(words, n)).cast(pl.Categorical),
        "truth": pl.Series(generator.choice([True, False, None], n).tolist(), dtype=pl.Boolean),
        "mixed": [str(i) if i % 3 else "odd" for i in range(n)],
        "day": [
            START.date() + datetime.timedelta(days=int(i)) for i in generator.integers(0, 90, n)
        ],
        "at": [START + datetime.timedelta(minutes=int(i)) for i in range(n)],
        "zoned": pl.Series([START] * n).dt.replace_time_zone("Europe/Berlin"),
        "span": [datetime.timedelta(minutes=i) for i in range(n)],
        "text": [" ".join(generator.choice(words, 5)) for _ in range(n)],
        "list": [generator.choice(words, 2).tolist() for _ in range(n)],
        "numbers": pl.Series([[1.5, 2.0]] * n),
        "struct": [{"a": 1}] * n,
        "decimal": pl.Series(floats.round(2)).cast(pl.Decimal(20, 2)),
        "bytes": [b"x"] * n,
    }


TARGETS = {
    "binary": lambda n, generator: generator.integers(0, 2, n),
    "words": lambda n, generator: generator.choice(["no", "yes"], n),
    "classes": lambda n, generator: generator.choice(["a", "b", "c"], n),
    "value": lambda n, generator: generator.normal(size=n),
    "some": lambda n, generator: [None if i % 3 else i % 2 for i in range(n)],
    "one": lambda n, generator: [1] * n,
    "texts": lambda n, generator: [f"t{i}" for i in range(n)],
}


def run_through(table, target, later, **roles_of):
    profile = profile_table(table, TableRoles(target=target, **roles_of))
    rows, roles = read_roles(table, profile)
    split, _ = split_rows(roles, seed=0)
    columns = read_columns(rows, profile.inputs)
    classes = profile.target.n_margins
    fit = split.train
    encoder, features = fit_transform(
        take_rows(columns, fit),
        profile.inputs,
        TrainingTarget(
            roles.target[fit],
            classes=classes,
            at_ms=None if roles.at_ms is None else roles.at_ms[fit],
            groups=None if roles.groups is None else roles.groups[fit],
        ),
        time=profile.time,
    )
    target_of_all = TrainingTarget(roles.target, classes)
    find_leaks(columns, profile.inputs, target_of_all, split, task=profile.target.task)
    assert features.shape == (len(fit), len(encoder.names)) == (len(fit), encoder.n_features)
    assert len(set(encoder.names)) == len(encoder.names)
    for given_rows in (columns, read_columns(later, encoder.inputs)):
        assert not np.isinf(encoder.transform(given_rows)).any()


@settings(max_examples=60)
@given(st.data())
def test_any_table_is_encoded_or_refused_in_a_line(data):
    n = data.draw(st.sampled_from([3, 25, 60, 200]))
    generator = np.random.default_rng(data.draw(st.integers(0, 999)))
    every = odd_columns(n, generator)
    names = data.draw(st.sets(st.sampled_from(sorted(every)), min_size=1, max_size=8))
    target = data.draw(st.sampled_from(sorted(TARGETS)))
    table = pl.DataFrame(
        {**{name: every[name] for name in names}, "target": TARGETS[target](n, generator)}
    )
    roles_of = {}
    if data.draw(st.booleans()) and "at" in names:
        roles_of["time"] = "at"
    if data.draw(st.booleans()) and "level" in names:
        roles_of["group"] = "level"
    # Later everything may be written in another way, or as words where numbers were.
    later = table.drop("target").with_columns(extra=pl.lit(1))
    texts = [name for name in later.columns if not later.schema[name].is_nested()]
    later = later.with_columns(
        pl.lit("odd").alias(name) for name in texts if generator.random() < 0.2
    )
    refused = ""
    try:
        run_through(table, "target", later, **roles_of)
    except LiverankError as error:
        refused = str(error)
    assert "\n" not in refused
    assert refused == "" or len(refused) > 20


def test_a_table_of_three_rows_is_refused(tmp_path):
    path = tmp_path / "three.csv"
    path.write_text("a,y\n1,0\n2,1\n3,0\n")
    with pytest.raises(TrainingError, match="known in 3 of 3 rows; 20 or more are needed"):
        profile_table(read_table(path), TableRoles(target="y"))


def test_a_later_table_may_have_more_columns_but_not_fewer():
    table = pl.DataFrame({"a": [1.0, 2.5] * 30, "b": ["x", "y", "z"] * 20, "y": [0, 1] * 30})
    run_through(table, "y", pl.DataFrame({"b": ["w"], "c": [1], "a": ["7"]}))
    with pytest.raises(TrainingError, match=r"the table lacks 1 of 2 columns.*`b`.*empty values"):
        run_through(table, "y", pl.DataFrame({"a": [1.0]}))
