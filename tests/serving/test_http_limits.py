"""What a client may take: time, bytes, connections; and what happens beyond it."""

import asyncio
import resource
import select
import socket
import time
from pathlib import Path

import pytest
from http_servers import Answer, answers, chunked, get, is_closed, post, serving

MB = 1_000_000


@pytest.fixture(scope="module")
def hasty():
    """A server with little patience."""
    with serving(
        head_s=0.5, stall_s=0.6, body_s=2.0, body_bytes_a_second=1000.0, keep_alive_s=1.5
    ) as running:
        yield running


@pytest.fixture(scope="module")
def small():
    with serving(body_bytes=100_000) as running:
        yield running


def timed_out(server, *pieces, pause_s=0.0):
    """The answer to pieces that come with pauses between them, and after how long it came."""
    began = time.monotonic()
    with server.connect() as client:
        for piece in pieces:
            if select.select([client], [], [], 0)[0]:
                break
            client.sendall(piece)
            time.sleep(pause_s)
        [answer] = answers(client, "GET")
        took_s = time.monotonic() - began
        assert is_closed(client)
    return answer, took_s


def test_headers_that_do_not_come_in_time_end_the_connection(hasty):
    answer, took_s = timed_out(hasty, b"GET /a HTTP/1.1\r\nHost: x\r\nX-a: ")
    assert (answer.status, answer.error["where"]) == (408, "headers")
    assert 0.5 < took_s < 2

    answer, took_s = timed_out(hasty, b"GET /a HTTP/1.1\r\n", *[b"X: y\r\n"] * 100, pause_s=0.05)
    assert answer.status == 408
    assert 0.5 < took_s < 2


def test_a_body_that_stands_still_ends_the_connection(hasty):
    for head in (post(b"/a", b"1234")[:-1], chunked(b"/a", b"1234")[:-9]):
        answer, took_s = timed_out(hasty, head)
        assert (answer.status, answer.error["where"]) == (408, "body")
        assert 0.6 < took_s < 2


def test_a_body_that_trickles_ends_the_connection(hasty):
    answer, took_s = timed_out(hasty, post(b"/a", b"")[:-5] + b"99\r\n\r\n")
    assert answer.status == 408
    pieces = [post(b"/a", 1000 * b"x")[:-1000], *[b"x"] * 1000]
    answer, took_s = timed_out(hasty, *pieces, pause_s=0.05)
    assert (answer.status, answer.error["where"]) == (408, "body")
    assert 2 < took_s < 4


def test_a_body_that_comes_slowly_but_steadily_is_taken(hasty):
    body = 3000 * b"x"
    with hasty.connect() as client:
        client.sendall(post(b"/a", body)[:-3000])
        for start in range(0, 3000, 100):
            time.sleep(0.09)  # 2.7 s in all
            client.sendall(body[start : start + 100])
        [answer] = answers(client, "POST")
    assert len(answer.json["body"]) == 3000


def test_a_request_that_is_begun_behind_another_must_come_in_time_too(hasty):
    with hasty.connect() as client:
        client.sendall(get(b"/slow") + b"GET /half")
        one, other = answers(client, "GET", "GET")
    assert (one.status, other.status) == (200, 408)


def test_a_connection_is_kept_for_as_long_as_is_said_and_no_longer(hasty):
    with hasty.connect() as client:
        for _ in range(2):
            client.sendall(get(b"/a"))
            answers(client, "GET")
            time.sleep(1.2)
        client.sendall(get(b"/a"))
        assert answers(client, "GET")[0].status == 200
        began = time.monotonic()
        assert is_closed(client)
        assert 1.4 < time.monotonic() - began < 3


def test_line_ends_between_requests_are_no_request_that_is_late(hasty):
    with hasty.connect() as client:
        client.sendall(get(b"/a") + b"\r\n")
        answers(client, "GET")
        time.sleep(1)
        client.sendall(b"\r\n" + get(b"/b"))
        assert answers(client, "GET")[0].json["path"] == "/b"


def test_a_client_that_says_nothing_is_let_go(hasty):
    with hasty.connect() as client:
        assert is_closed(client)


@pytest.mark.alone
def test_a_client_that_never_reads_its_answers_is_cut_off_and_keeps_no_other_waiting(hasty):
    with hasty.connect(receive_bytes=4096) as client:
        client.sendall(get(b"/long?20000000") * 3)
        time.sleep(0.2)
        began = time.monotonic()
        assert hasty.exchange(get(b"/a"), ["GET"])[0].status == 200
        assert time.monotonic() - began < 0.5
        assert hasty.eventually_has(1, within_s=0.3)
        assert hasty.eventually_has(0)
    with hasty.connect(receive_bytes=4096) as client:
        client.sendall(get(b"/long?20000000", b"Connection: close"))
        assert hasty.eventually_has(1)
        assert hasty.eventually_has(0)


def test_a_client_that_reads_slowly_gets_all_of_a_long_answer(hasty):
    for headers in ((), (b"Connection: close",)):
        with hasty.connect(receive_bytes=65_536) as client:
            client.sendall(get(b"/long?%d" % (20 * MB), *headers))
            received, began = 0, time.monotonic()
            while received < 20 * MB:
                time.sleep(0.02)
                piece = client.recv(131_072)
                assert piece, f"cut off after {received:,} bytes"
                received += len(piece)
            assert time.monotonic() - began > 2.5  # much longer than it may stand still


def test_a_client_that_leaves_in_mid_answer_leaves_nothing_behind(hasty):
    for reset in (True, False):
        client = hasty.connect()
        client.sendall(get(b"/long?20000000") + get(b"/slow") * 20)
        client.recv(1000)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        assert hasty.eventually_has(0)
    assert hasty.exchange(get(b"/a"), ["GET"])[0].status == 200


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def send_until_refused(client, piece, at_most):
    """Send a piece again and again until an answer comes; how many bytes were sent."""
    sent = 0
    while sent < at_most and not select.select([client], [], [], 0)[0]:
        client.sendall(piece)
        sent += len(piece)
    return sent


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (b"GET / HTTP/1.1\r\n", b"X-a: " + 65_000 * b"a" + b"\r\n"),
        (b"GET / HTTP/1.1\r\nX-a: ", 65_000 * b"a"),
        (b"GET / HTTP/1.1\r\n", b"X: y\r\n" * 1000),
        (b"GET /", 65_000 * b"a"),
        (b"", b"\r\n" * 30_000),
        (chunked(b"/a", b"b")[:-2], b"X-a: " + 65_000 * b"a" + b"\r\n"),
        (chunked(b"/a", b"b")[:-2] + b"X: ", 65_000 * b"a"),
        (chunked(b"/a", b"b")[:-5] + b"1;", 65_000 * b"a"),
    ],
    ids=[
        "headers", "a header", "many headers", "an address", "line ends", "trailers", "a trailer",
        "a chunk's extension",
    ],
)  # fmt: skip
def test_headers_without_end_are_refused_and_take_no_memory(small, begin, piece):
    before = resident_bytes()
    with small.connect() as client:
        client.sendall(begin)
        sent = send_until_refused(client, piece, 100 * MB)
        [answer] = answers(client, "POST")
    assert answer.status == 431
    assert answer.headers["connection"] == "close"
    assert sent < 20 * MB  # what had been sent before the answer was looked for
    assert resident_bytes() - before < 30 * MB


def test_an_address_of_100_kb_and_headers_of_a_megabyte_are_refused(small):
    for data in (
        get(b"/" + 100_000 * b"a"),
        get(b"/", b"X: " + MB * b"a"),
        get(b"/", *[b"X-%d: some value" % number for number in range(10_000)]),
    ):
        assert small.exchange(data, ["GET"])[0].status == 431


def test_ten_thousand_headers_that_are_short_enough_are_read(small):
    began = time.monotonic()
    assert small.exchange(get(b"/", *[b"a:"] * 10_000), ["GET"])[0].status == 200
    assert time.monotonic() - began < 1


def test_a_body_that_says_that_it_is_too_long_is_refused_before_it_is_sent(small):
    with small.connect() as client:
        client.sendall(post(b"/a", b"", b"Expect: 100-continue").replace(b": 0", b": 100001"))
        [answer] = answers(client, "POST")
    assert answer.status == 413
    assert "serving.max_body_mb" in answer.error["what"]


@pytest.mark.parametrize("way", ["length", "chunks"])
def test_a_client_can_read_that_its_body_is_too_long_after_having_sent_it(small, way):
    body = 30 * MB * b"x"
    data = post(b"/a", body) if way == "length" else chunked(b"/a", *[MB * b"x"] * 30)
    small.handled.clear()
    [answer] = small.exchange(data)
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert small.handled == []
    assert small.eventually_has(0)


def test_a_body_of_just_the_limit_is_taken(small):
    got = small.exchange(
        post(b"/a", 100_000 * b"x") + chunked(b"/a", 60_000 * b"x", 40_000 * b"x"),
        ("POST", "POST"),
    )
    assert [len(answer.json["body"]) for answer in got] == [100_000, 100_000]


def test_bodies_that_wait_for_their_turn_are_no_more_than_a_few(small):
    before = resident_bytes()
    with small.connect() as client:
        client.sendall(get(b"/slow"))
        client.settimeout(0.1)
        one = post(b"/slow", 100_000 * b"x")
        with pytest.raises(TimeoutError):
            client.sendall(one * 1000)  # nobody reads it
        assert len(small.http.connections) == 1
    assert resident_bytes() - before < 30 * MB


@pytest.mark.alone
def test_five_thousand_idle_connections_slow_no_other_and_take_little_memory():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 11_000:
        pytest.skip(f"only {hard} files may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 11_000), hard))
    clients = []
    try:
        with serving() as server:
            before = resident_bytes()
            for _ in range(5000):
                clients.append(server.connect())
                clients[-1].sendall(get(b"/a"))
            assert server.eventually_has(5000, within_s=20)
            time.sleep(0.5)
            waits = []
            for _ in range(50):
                began = time.monotonic()
                assert server.exchange(get(b"/a"), ["GET"])[0].status == 200
                waits.append(time.monotonic() - began)
            assert sorted(waits)[25] < 0.02
            assert resident_bytes() - before < 100 * MB
        assert server.stopped_in_s < 3
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_stop_answers_what_was_asked_and_waits_for_nobody_who_is_stuck():
    with serving() as server:
        stuck = [server.connect() for _ in range(5)]
        stuck[0].sendall(post(b"/a", b"12345")[:-2])
        stuck[1].sendall(b"GET / HT")
        stuck[2].sendall(get(b"/a"))  # and never reads
        stuck[3].sendall(chunked(b"/a", b"12345")[:-4])
        asking = server.connect()
        asking.sendall(get(b"/slow") + get(b"/behind"))
        time.sleep(0.1)
        server.stop()
        answer, last = answers(asking, "GET", "GET")
        assert (answer.status, last.json["path"]) == (200, "/behind")
        assert last.headers["connection"] == "close"
        asking.close()
    assert server.stopped_in_s < 1
    for client in stuck:
        client.close()


def test_what_never_ends_is_cut_off_by_a_stop():
    async def never():
        await asyncio.sleep(1000)
        return Answer(200, b"")

    with serving(lambda _request: never()) as server, server.connect() as client:
        client.sendall(get(b"/a"))
        time.sleep(0.1)
        server.stop()
        assert is_closed(client)
    assert 2.9 < server.stopped_in_s < 4
