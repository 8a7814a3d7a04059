"""Who gets which variant: draws by their definition, their distribution, ramps and decisions."""

import hashlib
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency

from liverank.config_experiments import BUCKETS, Experiment, Variant
from liverank.events.event import ExperimentChange
from liverank.experiments.assignment.assign import Assignment, assignment_of
from liverank.experiments.assignment.buckets import bucket_of, draws_of, ends_of, variant_at
from liverank.experiments.assignment.timeline import Step, timeline_of

DOCS = Path(__file__).resolve().parents[2] / "docs" / "experiments.md"
TWO = {"a": Variant(rank="popular"), "b": Variant(rank="model")}
UNITS = [f"user{number}" for number in range(100_000)]
texts = st.text(max_size=20)


def given_to(
    unit: str, experiment: Experiment, step: Step, *, is_in_target: bool = True
) -> Assignment:
    draws, ends = draws_of("e", experiment, unit), ends_of(experiment.shares)
    return assignment_of("e", experiment, step, draws, ends=ends, is_in_target=is_in_target)


def test_the_reference_vectors_of_the_docs_follow_from_sha_256_alone():
    rows = re.findall(
        r"^\| `([^`]*)` \| `([^`]*)` \| `([0-9a-f]{16})` \| (\d+) \|$",
        DOCS.read_text(encoding="utf-8"),
        re.M,
    )
    assert len(rows) >= 8
    for salt, unit, first_bytes, bucket in rows:
        digest = hashlib.sha256(salt.encode() + b"\x00" + unit.encode()).hexdigest()
        assert digest[:16] == first_bytes, (salt, unit)
        assert int(first_bytes, 16) % 10_000 == int(bucket) == bucket_of(salt, unit)


@given(texts, texts)
def test_a_bucket_is_the_first_eight_bytes_of_the_hash_modulo_ten_thousand(salt, unit):
    text = (salt + "\0" + unit).encode("utf-8", "surrogatepass")
    number = 0
    for byte in hashlib.sha256(text).digest()[:8]:
        number = number * 256 + byte
    assert bucket_of(salt, unit) == number % 10_000


def test_draws_are_uniform_and_those_of_different_salts_are_independent():
    experiment = Experiment(variants=TWO)
    draws = [draws_of("tab_model", experiment, unit) for unit in UNITS]
    other = [bucket_of("another", unit) for unit in UNITS]
    columns = {
        "layer": np.array([one.layer for one in draws]),
        "ramp": np.array([one.ramp for one in draws]),
        "holdout": np.array([one.holdout for one in draws]),
        "variant": np.array([one.variant for one in draws]),
        "other": np.array(other),
    }
    for name, buckets in columns.items():
        counts = np.bincount(buckets // 100, minlength=100)
        statistic = ((counts - 1000) ** 2 / 1000).sum()
        assert chi2.sf(statistic, 99) > 1e-4, name
    names = list(columns)
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            table = np.zeros((10, 10))
            np.add.at(table, (columns[first] // 1000, columns[second] // 1000), 1)
            assert chi2_contingency(table).pvalue > 1e-4, (first, second)


def test_shares_holdout_and_ramp_are_what_they_say():
    variants = {"a": Variant(rank="popular", share=0.2), "b": Variant(rank="model", share=0.8)}
    experiment = Experiment(variants=variants, holdout=0.1)
    step = Step(0, True, 50.0)
    labels = Counter(given_to(unit, experiment, step).label for unit in UNITS)
    expected = {None: 50_000, "e:holdout": 5_000, "e:a": 9_000, "e:b": 36_000}
    for label, count in expected.items():
        deviation = (100_000 * (count / 1e5) * (1 - count / 1e5)) ** 0.5
        assert abs(labels[label] - count) < 4 * deviation, label


shares = st.lists(st.integers(1, 99), min_size=2, max_size=5).map(
    lambda parts: [part / sum(parts) for part in parts]
)


@given(
    unit=texts,
    shares=shares,
    ramps=st.lists(st.floats(0, 100), min_size=2, max_size=6),
    holdout=st.sampled_from([0.0, 0.1, 0.5]),
    buckets=st.sampled_from([(0, BUCKETS), (2000, 7000)]),
)
def test_raising_the_ramp_moves_nobody_between_variants(unit, shares, ramps, holdout, buckets):
    variants = {f"v{place}": Variant(rank="model", share=one) for place, one in enumerate(shares)}
    experiment = Experiment(variants=variants, holdout=holdout, buckets=buckets)
    labels = [given_to(unit, experiment, Step(0, True, ramp)).label for ramp in sorted(ramps)]
    taken = [label for label in labels if label is not None]
    assert len(set(taken)) <= 1
    assert labels == [None] * (len(labels) - len(taken)) + taken, "who takes part goes on to"


def test_experiments_of_one_layer_share_no_unit_and_cover_it():
    first = Experiment(variants=TWO, layer="l", buckets=(0, 5000))
    second = Experiment(variants=TWO, layer="l", buckets=(5000, BUCKETS))
    step = Step(0, True, 100.0)
    for unit in UNITS[:2000]:
        takes = [given_to(unit, one, step).variant is not None for one in (first, second)]
        assert sum(takes) == 1


@given(shares)
def test_the_buckets_of_variants_are_their_shares_to_a_bucket(shares):
    named = {f"v{place}": share for place, share in enumerate(shares)}
    ends = ends_of(named)
    counts = Counter(variant_at(ends, bucket) for bucket in range(BUCKETS))
    for name, share in named.items():
        assert abs(counts[name] - BUCKETS * share) <= 1


def test_after_a_decision_everybody_but_the_holdout_gets_what_was_shipped():
    experiment = Experiment(variants=TWO, holdout=0.2, buckets=(0, 6000))
    running = Step(0, True, 50.0)
    shipped = Step(1, False, 50.0, shipped="b", decision="ship")
    for unit in UNITS[:3000]:
        before, after = (given_to(unit, experiment, step) for step in (running, shipped))
        is_held = before.why == "holdout"
        assert after.label == ("e:holdout" if is_held else "e:b")
        assert after.variant == ("a" if is_held else "b")
    assert given_to("u1", experiment, shipped, is_in_target=False).variant is None


def change(time: int, action: str, **fields: object) -> ExperimentChange:
    return ExperimentChange(time=time, experiment="e", action=action, fields=fields)


def test_a_timeline_is_what_events_and_config_say_in_order_of_time():
    experiment = Experiment(variants=TWO, ramp=30.0)
    changes = [
        change(50, "decided", decision="ship", variant="b", reason="more joins"),
        change(10, "started", ramp=5),
        change(20, "ramped", ramp=60),
        change(30, "stopped", reason="a fault"),
        change(40, "started"),
        ExperimentChange(time=45, experiment="other", action="stopped"),
    ]
    timeline = timeline_of("e", experiment, changes)
    said = [
        (step.is_running, step.ramp, step.shipped, step.started_ms, step.ended_ms)
        for step in map(timeline.at, (9, 10, 20, 30, 40, 49, 50))
    ]
    assert said == [
        (False, 30, None, None, None),
        (True, 5, None, 10, None),
        (True, 60, None, 10, None),
        (False, 60, None, 10, 30),
        (True, 60, None, 40, None),
        (True, 60, None, 40, None),
        (False, 60, "b", 40, 50),
    ]
    assert timeline.at(30).reason == "a fault"


def test_times_of_the_config_start_and_end_it_and_what_was_shipped_stays():
    start, end = (datetime(2026, 12, day, tzinfo=UTC) for day in (1, 2))
    experiment = Experiment(variants=TWO, start=start, end=end)
    start_ms, end_ms = experiment.start_ms, experiment.end_ms
    timeline = timeline_of("e", experiment, [])
    assert [timeline.at(start_ms - 1).is_running, timeline.at(start_ms).is_running] == [False, True]
    assert [timeline.at(end_ms - 1).is_running, timeline.at(end_ms).is_running] == [True, False]
    shipped = change(int(end_ms) - 5, "decided", decision="ship", variant="b")
    assert timeline_of("e", experiment, [shipped]).at(end_ms + 1).shipped == "b"
    unknown = change(int(end_ms) - 5, "decided", decision="ship", variant="c")
    assert timeline_of("e", experiment, [unknown]).at(end_ms + 1).shipped is None


@pytest.mark.parametrize("ramp", [-1, 101, "10", True, None])
def test_a_ramp_that_cannot_be_changes_nothing(ramp):
    experiment = Experiment(variants=TWO, ramp=30.0)
    timeline = timeline_of("e", experiment, [change(1, "started", ramp=ramp)])
    assert (timeline.at(1).is_running, timeline.at(1).ramp) == (True, 30.0)
