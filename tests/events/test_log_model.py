"""The log against a plain list that keeps the same promises."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from test_event import events
from test_log import click, read

from liverank.events.event import Event, User, dedup_id
from liverank.events.frame import frame_of
from liverank.events.log import Appended, Imported, Log

few_ids = st.sampled_from(["a", "b", "c", "d", "e", None])
batches = st.lists(
    st.one_of(
        events,
        st.builds(click, few_ids, time=st.integers(0, 100)),
        st.builds(User, time=st.integers(0, 100), user=st.just("u1"), id=few_ids),
    ),
    max_size=6,
)


class LogAndList(RuleBasedStateMachine):
    """Do the same to a log and to a list of (seq, event)."""

    @initialize(segment_rows=st.integers(1, 5))
    def begin(self, segment_rows):
        self.directory = Path(tempfile.mkdtemp(dir=self.folder))
        self.segment_rows = segment_rows
        self.log = Log.open(self.directory, segment_rows=segment_rows)
        self.held: list[tuple[int, Event]] = []
        self.known: set[str] = set()
        self.last = 0

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
        assert self.log.append(batch, arrived_ms=50) == Appended(seqs, seqs.count(None))

    @rule(batch=batches)
    def import_frame(self, batch):
        seqs = self.take(batch)
        new = [seq for seq in seqs if seq is not None]
        expected = Imported(
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
        if hasattr(self, "log"):
            assert read(self.log) == self.held
            assert self.log.last_seq() == self.last
            assert self.log.stats().rows == len(self.held)

    def teardown(self):
        if hasattr(self, "log"):
            self.log.verify()
            self.log.close()


def test_a_log_does_what_a_list_does(tmp_path):
    class Machine(LogAndList):
        folder = tmp_path

    Machine.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
    Machine.TestCase("runTest").runTest()
