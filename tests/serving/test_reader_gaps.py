"""The fold waits for readers whose reads it overtakes, and for no longer than is fair."""

import threading
import time

import pytest

from liverank.serving.state.reader_gaps import ReaderGaps


def left(gaps):
    """How long a pause took."""
    began = time.monotonic()
    gaps.leave()
    return time.monotonic() - began


def test_nobody_waits_where_no_read_was_overtaken():
    gaps = ReaderGaps(lambda: 0.0)
    assert sum(left(gaps) for _ in range(50)) < 0.5


@pytest.mark.alone
def test_a_pause_fits_two_reads_and_ends_when_the_reader_is_done():
    wanted = [0.1]
    assert 0.2 < left(ReaderGaps(lambda: wanted[0])) < 0.4
    threading.Timer(0.05, wanted.clear).start()
    assert 0.05 <= left(ReaderGaps(lambda: wanted[0] if wanted else 0.0)) < 0.15


@pytest.mark.alone
def test_readers_that_never_end_leave_half_of_the_time_to_fold():
    gaps = ReaderGaps(lambda: 10.0)
    assert 0.5 <= left(gaps) < 0.7, "that a read takes long is no reason to wait for ever"
    paused_at = time.monotonic()
    while left(gaps) < 0.3:
        began_again = time.monotonic()
    assert began_again - paused_at > 0.45, "batches were folded for as long as the pause was"
