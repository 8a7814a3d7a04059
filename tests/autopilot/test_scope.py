"""What a training may learn from: until when, and without whose rankings; and its lineage."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.autopilot.frames import LogFrames
from liverank.autopilot.gather import gather
from liverank.autopilot.registry.lineage import lineage_of
from liverank.autopilot.scope import WHOLE_LOG, Excluded, Scope
from liverank.bundle.manifest import sha256
from liverank.config import Config, parse_config
from liverank.dataset.lists.collected import Collector
from liverank.errors import DatasetError
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.events.log import Log
from liverank.features.hashing import hash_id

MINUTE_MS, START_MS = 60_000, 1_795_392_000_000
CONFIG = parse_config('[label]\ninteraction = "join"\nwithin = "10m"\n')
IMPLIED = parse_config(
    '[label]\ninteraction = "join"\n[candidates]\ninteraction = "join"\nwithin = "1h"\n'
)


def at_ms(minute):
    return START_MS + int(minute * MINUTE_MS)


def history(n=100, users=4):
    """A list of one of the users each minute; who joins and what depends on the minute."""
    events = [Item(time=START_MS, item=item, state="started") for item in "abc"]
    for minute in range(n):
        user = f"u{minute % users}"
        events.append(Ranking(time=at_ms(minute), id=f"q{minute}", user=user, items=list("abc")))
        if minute % 3:
            joined = at_ms(minute + minute % 12)
            item = "abc"[minute % 2]
            events.append(Interaction(time=joined, type="join", user=user, item=item))
    return sorted(events, key=lambda event: event.time)


def frames_of(events, rows=16):
    frame = frame_of(events, seqs=range(1, len(events) + 1), arrived_ms=at_ms(10_000))
    return lambda: frame.iter_slices(rows)


def gathered(events, scope, config=CONFIG):
    return gather(frames_of(events), config, scope=scope)


def content(lists):
    return [
        lists.reads.at.tolist(),
        lists.reads.user.tolist(),
        lists.labels.tolist(),
        lists.until_ms.tolist(),
        lists.seen.tolist(),
    ]


@settings(max_examples=25, deadline=None)
@given(minute=st.integers(25, 99))
def test_a_scope_that_ends_gives_the_lists_of_a_log_that_ends_there(minute):
    """The independent truth: a log from which all later events were removed."""
    events = history()
    earlier = [event for event in events if event.time < at_ms(minute)]
    found = gathered(events, Scope(before_ms=at_ms(minute)))
    short = gathered(earlier, Scope(before_ms=at_ms(minute)))
    assert content(found.lists) == content(short.lists)
    assert found.schema == short.schema
    assert found.read.until_ms <= at_ms(minute)
    assert found.lists.until_ms.max() < at_ms(minute)


def test_a_scope_ends_before_the_test_period_if_that_is_earlier():
    frames = frames_of(history())
    both = gather(frames, CONFIG, test_from_ms=at_ms(60), scope=Scope(before_ms=at_ms(80)))
    assert both.lists.reads.at.max() < at_ms(60)
    assert both.read.until_ms == at_ms(60)
    sooner = gather(frames, CONFIG, test_from_ms=at_ms(60), scope=Scope(before_ms=at_ms(40)))
    assert sooner.read.until_ms == at_ms(40)
    assert sooner.tests.reads.at.min() == at_ms(60)


@settings(max_examples=40, deadline=None)
@given(
    users=st.frozensets(st.sampled_from(["u0", "u1", "u2", "unknown"]), max_size=3),
    stretches=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30)), max_size=3),
)
def test_excluded_rankings_are_left_out_and_nothing_else_changes(users, stretches):
    pairs = tuple((at_ms(start), at_ms(start + length)) for start, length in stretches)
    everything = gathered(history(), WHOLE_LOG).lists
    wanted = np.array(
        [
            user not in {hash_id(name) for name in users}
            and not any(start <= at < end for start, end in pairs)
            for user, at in zip(everything.reads.user.tolist(), everything.reads.at, strict=True)
        ]
    )
    scope = Scope(excluded=Excluded(users, pairs))
    if not everything.labels[np.repeat(wanted, 3)].any():
        with pytest.raises(DatasetError):
            gathered(history(), scope)
        return
    found = gathered(history(), scope).lists
    assert content(found) == content(everything.take(wanted))
    assert found.bounds.last_seq == everything.bounds.last_seq
    np.testing.assert_array_equal(found.bounds.least_ms, everything.bounds.least_ms)


def test_a_long_stretch_leaves_the_rankings_before_it_to_learn_from():
    """Memory holds the newest 400 items: those of the stretch must not fill it."""
    config = parse_config(
        '[label]\ninteraction = "join"\nwithin = "10m"\n[training]\nmax_rows = 100\n'
    )
    scope = Scope(excluded=Excluded(stretches_ms=((at_ms(300), at_ms(500)),)))
    lists = gathered(history(500), scope, config).lists
    assert 90 <= lists.seen.sum() <= 100
    assert at_ms(165) <= lists.reads.at.min()
    assert lists.reads.at.max() < at_ms(300)


def test_all_rankings_left_out_is_an_error_that_says_so():
    scope = Scope(excluded=Excluded(stretches_ms=((0, at_ms(10_000)),)))
    with pytest.raises(DatasetError, match="users or stretches of time that are left out"):
        gathered(history(), scope)


def test_lists_made_from_interactions_leave_out_the_same_users_and_stretches():
    scope = Scope(excluded=Excluded(frozenset({"u1"}), ((at_ms(20), at_ms(40)),)))
    everything = gathered(history(200), WHOLE_LOG, IMPLIED).lists
    found = gathered(history(200), scope, IMPLIED).lists
    minutes = (everything.reads.at - START_MS) / MINUTE_MS
    wanted = (everything.reads.user != hash_id("u1")) & ~((minutes >= 20) & (minutes < 40))
    assert 0 < wanted.sum() < len(everything)
    assert content(found) == content(everything.take(wanted))


def test_a_collector_keeps_the_bounds_of_rankings_that_it_does_not_collect():
    """They are read by the replay, as impressions: an earlier time must not be forgotten."""
    events = [
        Interaction(time=at_ms(5), type="join", user="u", item="a"),
        Ranking(time=at_ms(1), id="late", user="u", items=["a"]),
    ]
    frame = frame_of(events, seqs=[1, 2], arrived_ms=at_ms(9))
    collector = Collector(CONFIG)
    collector.add(frame, wanted=np.array([True, False]))
    assert (len(collector.rankings().at), collector.total) == (0, 0)
    assert collector.bounds().after(0) == at_ms(1)
    assert collector.bounds().last_seq == 2


def test_the_lineage_says_what_was_read_and_left_out(tmp_path):
    config = parse_config(
        '[label]\ninteraction = "join"\nwithin = "10m"\n[training]\nseed = 3\n'
        '[autopilot]\nalarms.slack = "https://example.org/secret"\n'
    )
    events = history()
    scope = Scope(at_ms(80), Excluded(frozenset({"u1"}), ((at_ms(3), at_ms(9)),)))
    with Log.open(tmp_path) as log:
        log.append(events, arrived_ms=at_ms(10_000))
        frames = LogFrames(log)
        found = gather(frames, config, scope=scope)
        line = lineage_of(found, frames, config, scope, parent="a" * 16)
        assert (line.log, line.generation) == (log.identity(), 1)
        of_files = lineage_of(found, LogFrames(log, is_kept=False), config, scope, parent=None)
        assert (of_files.log, of_files.generation, of_files.parent) == (None, None, None)
        assert line == lineage_of(found, frames, config, scope, parent="a" * 16)
    assert (line.first_seq, line.last_seq) == (1, len(events))
    assert line.trained_until_ms == at_ms(80)
    learned = [
        minute
        for minute in range(70)  # the windows of later lists are not over
        if minute % 4 != 1 and not 3 <= minute < 9
    ]
    assert (line.lists, line.rows) == (len(learned), int(found.lists.seen.sum()))
    assert (line.lists_from_ms, line.lists_to_ms) == (at_ms(learned[0]), at_ms(learned[-1]))
    assert line.excluded_users == (f"{hash_id('u1'):016x}",)
    assert line.excluded_stretches_ms == ((at_ms(3), at_ms(9)),)
    assert (line.seeds, line.parent) == ({"training": 3}, "a" * 16)
    assert {"python", "liverank", "numpy", "lightgbm"} <= set(line.versions)
    assert len(line.code) == 16
    assert line.config_sha256 == sha256(line.config.encode())
    assert "secret" not in line.config
    assert msgspec.json.decode(line.config, type=Config).training.seed == 3


def test_a_log_that_grows_or_another_config_gives_another_lineage():
    frames, longer = frames_of(history(100)), frames_of(history(120))
    lines = [
        lineage_of(gather(some, config), some, config, WHOLE_LOG, parent=None)
        for some, config in (
            (frames, CONFIG),
            (longer, CONFIG),
            (frames, msgspec.structs.replace(CONFIG, path="elsewhere")),
        )
    ]
    assert lines[0].last_seq < lines[1].last_seq
    assert lines[0].config_sha256 != lines[2].config_sha256
    assert lines[0].trained_until_ms == history(100)[-1].time + 1
