"""Columns and rows that leak the target are reported, others are not."""

from pathlib import Path

import numpy as np
import pytest

from liverank.automl.data.columns import read_columns
from liverank.automl.data.read_table import read_table
from liverank.automl.data.splits import split_at_random, split_by_time
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.profile.leakage import find_leaks
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.roles import read_roles, split_rows
from liverank.automl.profile.table_roles import TableRoles
from liverank.models.encoder.columns import Input

TABLES = Path(__file__).parents[3] / "shared" / "data" / "tables"
N = 2000
DAY_MS = 86_400_000.0


def leaks_of(target, *, task="binary", classes=1, at_ms=None, groups=None, **columns):
    kinds = {
        name: "category" if values.dtype == object else "number" for name, values in columns.items()
    }
    kinds |= {name: "time" for name in columns if name.endswith("_at")}
    inputs = [Input(name=name, type=kind) for name, kind in kinds.items()]
    split = split_at_random(target, seed=0) if at_ms is None else split_by_time(at_ms)
    training_target = TrainingTarget(target, classes, at_ms, groups=groups)
    found = find_leaks(columns, inputs, training_target, split, task=task)
    return {(leak.kind, leak.column) for leak in found}


def noise(seed=1):
    return np.random.default_rng(seed).normal(size=N)


def test_a_column_that_tells_the_target_alone_is_named():
    target = (noise() > 0).astype(np.float64)
    refund = np.where(target == 1, np.nan, np.abs(noise(2)))
    word = np.where(target == 1, "won", "lost").astype(object)
    hint = target + noise(3)  # AUC .76
    found = leaks_of(target, refund=refund, word=word, hint=hint, size=noise(4))
    assert found == {("predicts_target", "refund"), ("predicts_target", "word")}


def test_of_values_and_of_classes_as_well():
    target = np.exp(noise())
    found = leaks_of(target, task="regression", double=2 * target, rough=target + 0.5 * noise(2))
    assert found == {("predicts_target", "double")}
    classes = np.floor(4 * np.random.default_rng(0).random(N))
    code = (classes * 7 % 4) + 0.1 * noise(2)
    found = leaks_of(classes, task="multiclass", classes=4, code=code, size=noise(3))
    assert found == {("predicts_target", "code")}


def test_a_time_after_that_of_the_row_is_named():
    at_ms = np.arange(N) * 1000.0
    closed = np.where(np.arange(N) % 3 == 0, np.nan, at_ms + 60_000.0)
    target = (noise() > 0).astype(np.float64)
    found = leaks_of(
        target, at_ms=at_ms, closed_at=closed, opened_at=at_ms - 5000 * (1 + noise(2) ** 2)
    )
    assert found == {("after_event", "closed_at")}


def test_a_row_that_knows_only_its_day_may_be_followed_by_hours_of_it():
    days = np.floor(np.arange(N) / 10) * DAY_MS
    target = (noise() > 0).astype(np.float64)
    assert (
        leaks_of(
            target, at_ms=days, seen_at=days + 0.9 * DAY_MS * np.random.default_rng(0).random(N)
        )
        == set()
    )


def test_an_id_whose_rows_share_their_outcome_is_named_as_memory():
    generator = np.random.default_rng(0)
    patient = generator.integers(0, 300, N)
    ill = (generator.random(300) < 0.5).astype(np.float64)
    target = np.where(generator.random(N) < 0.04, 1 - ill[patient], ill[patient])
    names = np.array([f"p{p}" for p in patient], object)
    assert leaks_of(target, patient=names, size=noise(1)) == {("memorises", "patient")}
    few = np.array([f"c{p % 4}" for p in patient], object)
    assert leaks_of(target, city=few, size=noise(1)) == set()


def test_rows_that_are_in_both_blocks_are_counted():
    target = (noise() > 0).astype(np.float64)
    size = noise(2)
    size[1000:] = size[:1000]
    target[1000:] = target[:1000]
    assert leaks_of(target, size=size) == {("duplicates", None)}
    assert leaks_of(target, size=noise(3)) == set()


@pytest.mark.parametrize("positives", [1, 2, 8, 20])
def test_noise_is_no_leak_however_few_the_positives(positives):
    generator = np.random.default_rng(positives)
    target = np.zeros(3000)
    target[generator.choice(3000, positives, replace=False)] = 1
    columns = {f"x{i}": generator.normal(size=3000) for i in range(60)}
    columns |= {
        f"word{i}": generator.integers(0, 4 ** (i + 1), 3000).astype(str).astype(object)
        for i in range(5)
    }
    assert leaks_of(target, **columns) == set()
    values = generator.normal(size=24)
    assert leaks_of(values, task="regression", **{n: c[:24] for n, c in columns.items()}) == set()


def test_positives_of_one_group_are_no_evidence_of_a_leak():
    target = np.repeat([1.0, 0.0], [100, 900])
    size = target + np.arange(1000) / 1e4
    groups = np.concatenate([np.zeros(100), np.arange(1, 901)]).astype(np.int64)
    assert leaks_of(target, size=size) == {("predicts_target", "size")}
    assert leaks_of(target, size=size, groups=groups) == set()


@pytest.mark.parametrize("n", [40, 100, 2000])
def test_a_copy_of_the_target_is_a_leak_in_a_small_table_too(n):
    target = (np.arange(n) % 4 == 0) * 1.0
    words = np.array(["no", "yes"], object)[target.astype(int)]
    turned = np.array(["b", "a"], object)[target.astype(int)]
    found = leaks_of(target, code=7 - 3 * target, words=words, turned=turned, size=noise()[:n])
    assert found == {("predicts_target", name) for name in ("code", "words", "turned")}
    value = noise(3)[:n]
    found = leaks_of(value, task="regression", cents=np.round(100 * value), size=noise()[:n])
    assert found == {("predicts_target", "cents")}
    kinds = np.arange(n) % 3.0
    named = np.array(["x", "y", "z"], object)[kinds.astype(int)]
    found = leaks_of(kinds, task="multiclass", classes=3, named=named, size=noise()[:n])
    assert found == {("predicts_target", "named")}


@pytest.mark.skipif(not TABLES.is_dir(), reason="../shared/data/tables is absent")
def test_real_tables_have_no_column_that_gives_the_target_away():
    for path in sorted(TABLES.iterdir()):
        table = read_table(path)
        name = next(name for name in ("target", "cnt", "class") if name in table.columns)
        profile = profile_table(table, TableRoles(target=name))
        rows, roles = read_roles(table, profile)
        split, _ = split_rows(roles, seed=0)
        target = profile.target
        found = find_leaks(
            read_columns(rows, profile.inputs),
            profile.inputs,
            TrainingTarget(roles.target, target.n_margins, roles.at_ms),
            split,
            task=target.task,
            time=profile.time,
        )
        assert [leak for leak in found if leak.kind != "duplicates"] == []
