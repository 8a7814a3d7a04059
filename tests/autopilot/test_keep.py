"""Pruning never removes a bundle that may have to serve, whatever autopilot did before."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.autopilot.registry.keep import (
    KEEP_DAYS,
    prune_bundles,
    versions_of_experiments,
    versions_to_keep,
)
from liverank.bundle import store
from liverank.bundle.bundle import load_bundle, pack_bundle
from liverank.bundle.store import StoredBundle
from liverank.config import parse_config
from liverank.errors import BundleError
from liverank.events.autopilot_steps import step_of
from liverank.experiments.release import Trial, release_of

DAY_MS = 86_400_000
VERSIONS = [f"{number:016x}" for number in range(8)]


def stored(*versions, services=()):
    """Bundles of the store, the newest first."""
    serves = dict(services)
    return [StoredBundle(version, serves.get(version), None, {}, None) for version in versions]


def step(action, day, version=None, champion=None):
    detail = Trial(champion=champion, share=0.1) if action.endswith("_started") else None
    return step_of(action, at_ms=day * DAY_MS, reason="", model=version, detail=detail)


def kept(*steps, keep=0, day=100, bundles=(), **more):
    return set(versions_to_keep(steps, bundles, keep=keep, at_ms=day * DAY_MS, **more))


def test_the_newest_and_those_in_service_stay():
    bundles = stored(*"abcde", services=[("d", "current"), ("e", "previous")])
    assert kept(bundles=bundles, keep=2) == set("abde")
    assert kept(bundles=bundles, keep=0) == set("de")


def test_the_challenger_and_its_champion_stay_as_long_as_the_trial_lasts():
    trial = step("canary_started", 1, "c", champion="old")
    assert kept(trial) == {"c", "old"}
    assert kept(trial, step("dropped", 2, "c")) == set()


def test_an_accepted_bundle_stays_until_its_trial_begins():
    assert kept(step("accepted", 1, "c")) == {"c"}
    assert kept(step("accepted", 1, "c"), step("dropped", 2, "c")) == set()
    assert kept(step("accepted", 1, "c"), step("accepted", 2, "d")) == {"d"}


def test_what_served_in_the_last_thirty_days_stays_also_if_it_was_released_before():
    steps = [step("released", day, f"v{day}") for day in (10, 50, 69, 71, 90)]
    assert kept(*steps, day=100) == {"v69", "v71", "v90"}, "v69 served until day 71"
    back = step("returned", 95, "v71")
    assert kept(*steps, back, day=100 + KEEP_DAYS) == {"v71"}


def test_versions_that_variants_name_stay():
    config = parse_config(
        '[label]\ninteraction = "join"\n[experiments.e]\n'
        "buckets = [0, 500]\n[experiments.e.variants]\n"
        'a = {rank = "model"}\nb = {rank = "bundle:abc1"}\n'
        '[experiments.f]\nbuckets = [500, 1000]\n[experiments.f.variants]\na = {rank = "popular"}\n'
        'b = {rank = "interleave:popular,bundle:def2"}\n'
    )
    assert versions_of_experiments(config) == {"abc1", "def2"}
    assert kept(named=versions_of_experiments(config)) == {"abc1", "def2"}


ACTIONS = (
    "accepted", "refused", "shadow_started", "canary_started", "released", "dropped", "returned",
    "withdrawn", "paused", "resumed", "training_started",
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    history=st.lists(
        st.tuples(
            st.sampled_from(ACTIONS),
            st.integers(0, 60),
            st.sampled_from([None, *VERSIONS]),
            st.sampled_from([None, *VERSIONS]),
        ),
        max_size=20,
    ),
    keep=st.integers(0, 9),
    service=st.lists(st.sampled_from(VERSIONS), max_size=2, unique=True),
)
def test_whatever_happened_what_may_have_to_serve_stays(history, keep, service):
    """The plain rule: walk through the days, and note what served, and what is on trial."""
    history = sorted(history, key=lambda entry: entry[1])
    steps = [step(action, day, version, champion) for action, day, version, champion in history]
    services = list(zip(service, ("current", "previous"), strict=False))
    found = kept(*steps, keep=keep, day=60, bundles=stored(*VERSIONS, services=services))
    assert set(VERSIONS[:keep]) | set(service) <= found
    release = release_of(steps)
    if release is not None:
        assert {release.version, release.champion} - {None} <= found
    served_on = {}
    serving = None
    for day in range(61):
        today = {serving}
        for action, on, version, _ in history:
            if on == day and action in ("released", "returned", "withdrawn") and version:
                serving = version
                today.add(serving)
        served_on[day] = today
    for day in range(60 - KEEP_DAYS, 61):
        assert served_on[day] - {None} <= found
    fewer = kept(*steps, keep=0, day=60, bundles=stored(*VERSIONS, services=services))
    assert fewer <= found, "keeping more bundles removes none of them"


OLD = load_bundle(Path(__file__).parent.parent / "bundle" / "old_bundles" / "ranking")


def add(root, created_ms):
    packed = pack_bundle(
        spec=OLD.spec, heads=OLD.heads, report=OLD.report, golden=OLD.golden, created_ms=created_ms
    )
    return store.add(root, packed)


def test_pruning_removes_from_the_store_what_no_rule_keeps(tmp_path):
    versions = [add(tmp_path, number) for number in range(6)]
    store.promote(tmp_path, versions[0])
    steps = [step("canary_started", 1, versions[2], champion=versions[0])]
    removed = prune_bundles(tmp_path, steps, 2, at_ms=2 * DAY_MS)
    assert set(removed) == {versions[1], versions[3]}
    assert {one.version for one in store.kept(tmp_path)} == set(versions) - set(removed)
    assert prune_bundles(tmp_path, steps, 2, at_ms=2 * DAY_MS) == ()
    with pytest.raises(BundleError, match="expected 0 or more"):
        prune_bundles(tmp_path, steps, -1, at_ms=0)


def test_removing_leaves_what_serves_and_forgets_promotions_of_what_is_gone(tmp_path):
    versions = [add(tmp_path, number) for number in range(3)]
    for version in versions:
        store.promote(tmp_path, version)
    assert store.remove(tmp_path, [*versions, "f" * 16]) == (versions[0],)
    assert (store.current(tmp_path), store.previous(tmp_path)) == (versions[2], versions[1])
    store.roll_back(tmp_path)
    assert store.previous(tmp_path) is None
