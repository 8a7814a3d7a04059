"""The store serves one verified bundle, and can go back to the one before."""

import numpy as np
import pytest

from liverank.bundle import store
from liverank.bundle.bundle import pack_bundle
from liverank.config import parse_config
from liverank.errors import BundleError
from liverank.events.schema.schema import Schema
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.models.calibrator import Calibrator
from liverank.models.forest.forest import Forest, leaf_arrays
from liverank.models.predictor import Predictor, Term

CONFIG = parse_config('[label]\ninteraction = "join"')
SPEC = derive_spec(Schema(interactions=("join",)), CONFIG)


def a_bundle(created_ms, margin=1.0):
    width = len(SPEC.names)
    part = Forest.from_arrays(leaf_arrays(margin), width)
    model = Predictor((Term(part, 0, 1.0),), Calibrator.none(1), "sigmoid", ("no", "yes"))
    return pack_bundle(
        spec=SPEC,
        heads={"join": model},
        report=FeatureSpec(SPEC.layout, ()),
        golden=np.zeros((1, width), np.float32),
        created_ms=created_ms,
    )


def test_an_empty_store_serves_nothing(tmp_path):
    assert store.current(tmp_path) is None
    assert store.previous(tmp_path) is None
    assert store.versions(tmp_path) == ()
    with pytest.raises(BundleError, match="no bundle was served before"):
        store.roll_back(tmp_path)


def test_a_promoted_bundle_is_served_and_the_one_before_stays(tmp_path):
    first = store.add(tmp_path, a_bundle(1))
    second = store.add(tmp_path, a_bundle(2))
    assert store.current(tmp_path) is None  # kept, not served
    store.promote(tmp_path, first)
    store.promote(tmp_path, second)
    store.promote(tmp_path, second)  # twice is once
    assert (store.current(tmp_path), store.previous(tmp_path)) == (second, first)
    assert [manifest.version for manifest in store.versions(tmp_path)] == [second, first]
    assert store.load(tmp_path, second).version == second

    assert store.roll_back(tmp_path) == first
    assert (store.current(tmp_path), store.previous(tmp_path)) == (first, None)
    assert {path.name for path in (tmp_path / "bundles").iterdir()} == {
        first,
        second,
        "current.json",
    }


def test_the_same_bundle_is_kept_once(tmp_path):
    assert store.add(tmp_path, a_bundle(1)) == store.add(tmp_path, a_bundle(1))
    assert len(store.versions(tmp_path)) == 1


def test_a_broken_or_unknown_bundle_is_not_promoted(tmp_path):
    good = store.add(tmp_path, a_bundle(1))
    broken = store.add(tmp_path, a_bundle(2, margin=2.0))
    store.promote(tmp_path, good)
    (tmp_path / "bundles" / broken / "model.npz").write_bytes(b"")
    with pytest.raises(BundleError, match=r"model.npz: changed"):
        store.promote(tmp_path, broken)
    with pytest.raises(BundleError, match="no bundle `0000`; there are: "):
        store.promote(tmp_path, "0000")
    with pytest.raises(BundleError, match="is not a version"):
        store.promote(tmp_path, "../x")
    assert store.current(tmp_path) == good


def test_a_bundle_under_the_name_of_another_is_refused(tmp_path):
    first, second = store.add(tmp_path, a_bundle(1)), store.add(tmp_path, a_bundle(2))
    (tmp_path / "bundles" / second).rename(tmp_path / "bundles" / "moved")
    (tmp_path / "bundles" / first).rename(tmp_path / "bundles" / second)
    with pytest.raises(BundleError, match="it holds bundle"):
        store.load(tmp_path, second)


def test_a_broken_pointer_says_what_to_do(tmp_path):
    store.promote(tmp_path, store.add(tmp_path, a_bundle(1)))
    (tmp_path / "bundles" / "current.json").write_bytes(b"{")
    with pytest.raises(BundleError, match=r"current.json: cannot be read.*`liverank promote`"):
        store.current(tmp_path)
