"""A trained model is stored and promoted only if it beats popularity, or if it is forced."""

from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from liverank.autopilot.frames import HISTORY_COLUMNS, LogFrames, only_columns
from liverank.autopilot.promotion import (
    PromotionPolicy,
    put_into_service,
    roll_back,
    store_if_better,
)
from liverank.bundle import store
from liverank.config import parse_config
from liverank.dataset.replay import REPLAY_COLUMNS
from liverank.errors import BundleError
from liverank.events.event import User
from liverank.events.frame import frame_of
from liverank.events.log import Log
from liverank.events.schema.schema import Schema
from liverank.features.spec import derive_spec
from liverank.models.calibrator import Calibrator
from liverank.models.forest.forest import Forest, leaf_arrays
from liverank.models.predictor import Predictor, Term

SPEC = derive_spec(Schema(interactions=("join",)), parse_config('[label]\ninteraction = "join"'))


class Against(msgspec.Struct):
    beats: bool
    reason: str = "popular_1h ranks better"


class Report(msgspec.Struct):
    against: Against


def trained(*, beats, margin=1.0):
    """A training run whose only model gives every row the same margin."""
    width = len(SPEC.names)
    part = Forest.from_arrays(leaf_arrays(margin), width)
    return SimpleNamespace(
        spec=SPEC,
        heads={
            "join": Predictor((Term(part, 0, 1.0),), Calibrator.none(1), "sigmoid", ("no", "yes"))
        },
        report=Report(Against(beats)),
        golden=np.zeros((1, width), np.float32),
        page=b"<html></html>",
    )


def test_a_model_that_beats_popularity_is_stored_and_served(tmp_path):
    kept = store_if_better(trained(beats=True), tmp_path, PromotionPolicy(), created_ms=1)
    assert (kept.promoted, kept.forced, kept.refusal) == (True, False, None)
    assert store.current(tmp_path) == kept.version


def test_a_model_that_does_not_is_refused_with_the_reason_and_nothing_changes(tmp_path):
    kept = store_if_better(trained(beats=False), tmp_path, PromotionPolicy(), created_ms=1)
    assert (kept.version, kept.promoted, kept.forced) == (None, False, False)
    assert kept.refusal.startswith("no bundle was written: popular_1h ranks better; ")
    assert list(tmp_path.iterdir()) == []


def test_a_forced_model_is_stored_and_waits_where_it_is_not_to_be_promoted(tmp_path):
    policy = PromotionPolicy(force=True, promote=False)
    kept = store_if_better(trained(beats=False), tmp_path, policy, created_ms=1)
    assert (kept.promoted, kept.forced, kept.refusal) == (False, True, None)
    assert store.current(tmp_path) is None
    assert store.load(tmp_path, kept.version).version == kept.version


def test_promotion_and_rollback_name_the_version_before(tmp_path):
    waiting = PromotionPolicy(promote=False)
    first, second = (
        store_if_better(trained(beats=True, margin=margin), tmp_path, waiting, created_ms=1).version
        for margin in (1.0, 2.0)
    )
    assert put_into_service(tmp_path, first) == (first, None)
    assert put_into_service(tmp_path, second) == (second, first)
    assert roll_back(tmp_path) == (first, second)
    with pytest.raises(BundleError, match="name a version"):
        put_into_service(tmp_path, "no-such/bundle")
    assert store.current(tmp_path) == first


def test_a_bundle_in_another_directory_is_copied_into_the_store(tmp_path):
    policy = PromotionPolicy(promote=False)
    version = store_if_better(trained(beats=True), tmp_path / "a", policy, created_ms=1).version
    assert put_into_service(tmp_path / "b", str(store.directory_of(tmp_path / "a", version))) == (
        version,
        None,
    )
    assert store.load(tmp_path / "b", version).version == version


def test_frames_of_a_log_hold_the_columns_that_are_asked_for(tmp_path):
    with Log.open(tmp_path) as log:
        log.append([User(time=1, user="u1")], arrived_ms=1)
        frames = LogFrames(log)
        assert [frame.columns for frame in frames()] == [[*HISTORY_COLUMNS]]
        fewer = only_columns(frames, REPLAY_COLUMNS)
        assert [frame.columns for frame in fewer()] == [[*REPLAY_COLUMNS]]
    given = [frame_of([User(time=1, user="u1")])]
    assert only_columns(lambda: given, REPLAY_COLUMNS)() is given
