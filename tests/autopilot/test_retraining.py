"""A training writes down in the bundle what it learned from, and learns from no more."""

import numpy as np
import pytest

from liverank.autopilot.promotion import PromotionPolicy
from liverank.autopilot.retraining import train_and_promote
from liverank.autopilot.scope import Excluded, Scope
from liverank.bundle import store
from liverank.config import parse_config
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.frame import frame_of

START_MS, MINUTE_MS = 1_795_392_000_000, 60_000
CONFIG = parse_config(
    '[label]\ninteraction = "join"\nwithin = "10m"\n[training]\nbudget = "1s"\nseed = 4\n'
)


def history(n=700):
    """Lists of six rooms, of whom people like every third."""
    random = np.random.default_rng(7)
    events = [Item(time=START_MS, item=f"r{room}", state="started") for room in range(9)]
    for minute in range(n):
        at_ms, person = START_MS + minute * MINUTE_MS, int(random.integers(12))
        rooms = random.permutation(9)[:6].tolist()
        items = [f"r{room}" for room in rooms]
        events.append(Ranking(time=at_ms, id=f"q{minute}", user=f"u{person}", items=items))
        events += [
            Interaction(time=at_ms + 900, type="join", user=f"u{person}", item=f"r{room}")
            for room in rooms
            if random.random() < (0.7 if room % 3 == person % 3 else 0.05)
        ]
    return sorted(events, key=lambda event: event.time)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The store, and two trainings: one up to minute 500, without u1; and then one on all."""
    root = tmp_path_factory.mktemp("store")
    events = history()
    frame = frame_of(events, seqs=range(1, len(events) + 1), arrived_ms=events[-1].time)
    scope = Scope(START_MS + 500 * MINUTE_MS, Excluded(users=frozenset({"u1"})))
    policy = PromotionPolicy(force=True)
    runs = [
        train_and_promote(
            lambda: frame.iter_slices(2000), CONFIG, root, policy, clock=lambda: 5, **more
        )
        for more in ({"scope": scope}, {})
    ]
    return root, events, runs


def test_the_lineage_is_in_the_bundle_and_names_the_parent(trained):
    root, events, (first, second) = trained
    lines = [store.load(root, run.promotion.version).lineage for run in (first, second)]
    assert [line.parent for line in lines] == [None, first.promotion.version]
    assert [line.last_seq for line in lines] == [len(events)] * 2
    assert lines[0].trained_until_ms == START_MS + 500 * MINUTE_MS
    assert lines[1].trained_until_ms == events[-1].time + 1
    assert [len(line.excluded_users) for line in lines] == [1, 0]
    assert [line.seeds for line in lines] == [{"training": 4}] * 2
    assert lines[0].code == lines[1].code
    assert lines[0].config == lines[1].config


def test_a_training_learns_from_the_lists_of_its_scope_alone(trained):
    root, events, (first, _) = trained
    wanted = [
        event
        for event in events
        if isinstance(event, Ranking)
        and event.user != "u1"
        and event.at_ms + 10 * MINUTE_MS < START_MS + 500 * MINUTE_MS
    ]
    line = store.load(root, first.promotion.version).lineage
    assert line.lists == len(wanted)
    assert line.lists_to_ms == wanted[-1].at_ms
    assert line.rows == first.run.report.data.rows == int(first.gathered.lists.seen.sum())
