"""Messages between processes arrive whole and in order, with their descriptors, or not at all."""

import os
import threading
import time

import numpy as np
import pytest

from liverank.serving.processes import channel as channels
from liverank.serving.processes.channel import Failure, Ready, Troubles, channel_pair


@pytest.fixture
def ends():
    """Both ends of a channel."""
    pair = channel_pair()
    yield pair
    for end in pair:
        end.close()


def received(channel):
    """All messages until the other end is closed, with what their descriptors hold."""
    got = []
    while True:
        for message in channel.receive():
            if message is None:
                return got
            told, fds = message
            got.append((told, [os.pread(fd, 100, 0) for fd in fds]))
            for fd in fds:
                os.close(fd)


def a_file(content):
    fd = os.memfd_create("told")
    os.write(fd, content)
    return fd


def test_messages_of_any_size_arrive_in_order_with_their_own_descriptors(ends):
    chance = np.random.default_rng(1)
    ours, theirs = ends
    got = []
    reader = threading.Thread(target=lambda: got.extend(received(theirs)))
    reader.start()
    sent = []
    for number in range(120):
        size = int(chance.choice([0, 10, 70_000, 1_000_000]))
        message = Failure(str(number), "x" * size) if number % 3 else Ready(number)
        contents = [b"%d.%d" % (number, k) for k in range(chance.integers(0, 5))]
        fds = tuple(map(a_file, contents))
        ours.send(message, fds)
        for fd in fds:
            os.close(fd)
        sent.append((message, contents))
    ours.close()
    reader.join(30)
    assert got == sent


def test_many_small_messages_that_wait_are_received_at_once(ends):
    ours, theirs = ends
    for number in range(50):
        ours.send(Troubles(log=str(number)))
    ours.close()
    assert [told.log for told, _ in received(theirs)] == list(map(str, range(50)))


def test_half_a_message_is_none(ends):
    ours, theirs = ends
    ours.send(Ready(1))
    ours._socket.sendall(b"\xff\x00\x00\x00half")
    ours.close()
    assert received(theirs) == [(Ready(1), [])]


def test_an_end_that_takes_nothing_is_an_error_and_keeps_nobody_waiting(ends, monkeypatch):
    monkeypatch.setattr(channels, "SEND_S", 0.1)
    ours, _ = ends
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        ours.send(Failure("x", "x" * 10_000_000))
    assert 0.1 < time.monotonic() - began < 5


def test_an_end_that_was_closed_is_an_error(ends):
    ours, theirs = ends
    theirs.close()
    with pytest.raises(OSError, match="pipe"):
        ours.send(Ready(1))
