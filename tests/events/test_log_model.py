"""The log against a plain list that keeps the same promises."""

import tempfile
from pathlib import Path

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from served_rankings import as_ranking, served_rankings
from test_event import events
from test_log import click, read

from liverank.events.event import Edge, Event, ExperimentChange, Ranking, User, dedup_id
from liverank.events.frame import events_of, frame_of
from liverank.events.log import AppendResult, ImportResult, Log, RankingAppendResult

few_ids = st.sampled_from(["a", "b", "c", "d", "e", None])
batches = st.lists(
    st.one_of(
        events,
        st.builds(click, few_ids, time=st.integers(0, 100)),
        st.builds(User, time=st.integers(0, 100), user=st.just("u1"), id=few_ids),
        st.builds(
            Ranking,
            time=st.integers(0, 100),
            id=st.sampled_from("abc"),
            user=st.just("u1"),
            items=st.just(["r1"]),
        ),
    ),
    max_size=6,
)


def without(event: Event, user: str) -> Event:
    """An event whose fields do not name a user."""
    if isinstance(event, Edge | ExperimentChange):
        return event
    fields = {}
    for name, value in event.fields.items():
        if isinstance(value, list):
            fields[name] = [one for one in value if one != user]
        elif value != user:
            fields[name] = value
    return msgspec.structs.replace(event, fields=fields)


def followed(log: Log, *, rankings: bool) -> list[tuple[int, Event]]:
    """What a follower of the log hears, two events at a time; frames of what is in segments."""
    seq, heard = 0, []
    while seq < log.last_seq():
        told = log.read_tail(seq + 1, rows=2, rankings=rankings)
        if told is None:
            frame = next(log.read(seq + 1, batch_rows=2))
            heard += list(zip(frame["seq"].to_list(), events_of(frame), strict=True))
            seq = heard[-1][0]
        else:
            heard += [(one.seq, one.event) for one in told.events]
            assert told.through_seq > seq
            seq = told.through_seq
    return heard


class LogAndList(RuleBasedStateMachine):
    """Do the same to a log and to a list of (seq, event)."""

    @initialize(segment_rows=st.integers(1, 5))
    def begin(self, segment_rows):
        self.directory = Path(tempfile.mkdtemp(dir=self.folder))
        self.segment_rows = segment_rows
        self.log = Log.open(self.directory, segment_rows=segment_rows)
        self.held: list[tuple[int, Event]] = []
        self.known: set[str] = set()
        self.last = self.turn = 0

    def take(self, batch: list[Event]) -> list[int | None]:
        seqs: list[int | None] = []
        for event in batch:
            key = dedup_id(event)
            if key is not None and key in self.known:
                seqs.append(None)
                continue
            if key is not None:
                self.known.add(key)
            self.last += 1
            seqs.append(self.last)
            self.held.append((self.last, event))
        return seqs

    @rule(batch=batches)
    def append(self, batch):
        seqs = self.take(batch)
        assert self.log.append(batch, arrived_ms=50) == AppendResult(seqs, seqs.count(None))

    @rule(batch=st.lists(served_rankings(), max_size=6))
    def append_served(self, batch):
        seqs = self.take([as_ranking(one) for one in batch])
        new = [seq for seq in seqs if seq is not None]
        expected = RankingAppendResult(min(new, default=None), len(new), seqs.count(None), 0)
        assert self.log.append_served(batch, arrived_ms=50) == expected

    @rule(user=st.sampled_from(["u1", "u2"]))
    def erase(self, user):
        """Erased and allowed again at once, so that what comes later is taken in."""
        before = self.held
        self.held = [
            (seq, event)
            for seq, event in before
            if getattr(event, "user", None) != user and getattr(event, "target", None) != user
        ]
        erased = self.log.erase(user, at_ms=50)
        assert erased.rows == len(before) - len(self.held)
        self.held = [(seq, without(event, user)) for seq, event in self.held]
        self.known = {key for _, event in self.held if (key := dedup_id(event)) is not None}
        assert self.log.allow_erased(user)

    @rule(batch=batches)
    def import_frame(self, batch):
        seqs = self.take(batch)
        new = [seq for seq in seqs if seq is not None]
        expected = ImportResult(
            len(new), seqs.count(None), min(new, default=None), max(new, default=None)
        )
        assert self.log.import_frame(frame_of(batch), arrived_ms=50) == expected

    @rule(min_rows=st.integers(1, 4))
    def compact(self, min_rows):
        tail = self.log.stats().tail_rows
        assert self.log.compact(min_rows=min_rows) == (tail if tail >= min_rows else 0)

    @rule()
    def forget_some_files_of_ids(self):
        for file in sorted(self.directory.glob("segments/*.ids"))[::2]:
            file.unlink()
        self.reopen()

    @rule()
    def reopen(self):
        self.log.close()
        self.log = Log.open(self.directory, segment_rows=self.segment_rows)

    @rule(before_ms=st.integers(0, 60))
    def expire(self, before_ms):
        dropped = self.log.expire(before_ms)
        kept = {seq for seq, _ in read(self.log)}
        gone = [(seq, event) for seq, event in self.held if seq not in kept]
        assert len(gone) == dropped
        assert all(min(event.time, 50) < before_ms for _, event in gone)
        self.held = [pair for pair in self.held if pair[0] in kept]
        self.known = {key for _, event in self.held if (key := dedup_id(event)) is not None}

    @invariant()
    def the_log_holds_what_the_list_holds(self):
        """Every read of a segment costs, so of three ways to read in pieces one has its turn."""
        if hasattr(self, "log"):
            assert read(self.log) == self.held
            assert self.log.last_seq() == self.last
            assert self.log.stats().rows == len(self.held)
            self.turn += 1
            self.reads_in_pieces()[self.turn % 3]()

    def reads_in_pieces(self):
        return (self.reads_two_at_once, self.follows_all, self.follows_all_but_rankings)

    def reads_two_at_once(self):
        assert read(self.log, batch_rows=2) == self.held

    def follows_all(self):
        assert followed(self.log, rankings=True) == self.held

    def follows_all_but_rankings(self):
        others = [pair for pair in self.held if not isinstance(pair[1], Ranking)]
        in_segments = {seq for seq, _ in self.held if self.log.read_tail(seq, rows=1) is None}
        assert [p for p in followed(self.log, rankings=False) if p[0] not in in_segments] == [
            pair for pair in others if pair[0] not in in_segments
        ]

    def teardown(self):
        if hasattr(self, "log"):
            for reads in self.reads_in_pieces():
                reads()
            self.log.verify()
            self.log.close()


def test_a_log_does_what_a_list_does(tmp_path, monkeypatch):
    monkeypatch.setattr("liverank.events.log.append_served.MOST_ROWS", 4)

    class Machine(LogAndList):
        folder = tmp_path

    Machine.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
    Machine.TestCase("runTest").runTest()
