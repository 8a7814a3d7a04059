"""What is a request, where it ends, and in which order requests are answered."""

import time

import pytest
from http_servers import answers, chunked, get, is_closed, post, serving
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def test_a_request_that_comes_a_byte_at_a_time_is_read(server):
    with server.connect() as client:
        for byte in post(b"/a?b=c", b"body"):
            client.sendall(bytes([byte]))
        [answer] = answers(client, "POST")
    assert answer.json == {"method": "POST", "path": "/a", "query": "b=c", "body": "body"}


def test_pipelined_requests_are_answered_in_order_also_where_one_takes_long(server):
    paths = [b"/slow" if number in (20, 60) else b"/%d" % number for number in range(100)]
    got = server.exchange(b"".join(map(get, paths)), ["GET"] * 100)
    assert [answer.json["path"].encode() for answer in got] == paths


def test_requests_that_wait_for_an_answer_that_takes_long_are_taken_up_again(server):
    paths = [b"/slow", *(b"/%d" % number for number in range(5000))]
    got = server.exchange(b"".join(map(get, paths)), ["GET"] * len(paths))
    assert [answer.json["path"].encode() for answer in got] == paths


@pytest.mark.alone
def test_a_client_that_has_said_all_still_gets_its_answers(server):
    with server.connect() as client:
        client.sendall(get(b"/slow") + get(b"/b"))
        client.shutdown(1)
        got = answers(client, "GET", "GET")
        began = time.monotonic()
        assert is_closed(client)
    assert [answer.json["path"] for answer in got] == ["/slow", "/b"]
    assert time.monotonic() - began < 0.5  # there is nothing to wait for


def test_a_request_that_its_client_ends_too_early_is_refused(server):
    with server.connect() as client:
        client.sendall(get(b"/a") + post(b"/cut", b"12345")[:-1])
        client.shutdown(1)
        one, other = answers(client, "GET", "POST")
        assert is_closed(client)
    assert (one.status, other.status) == (200, 400)
    assert "ended too early" in other.error["what"]
    assert "/cut" not in server.handled


def test_a_body_may_come_in_chunks_with_extensions_and_trailers(server):
    plain = chunked(b"/a", b"one", b"two", trailers=b"Sum: 7\r\nContent-Encoding: br\r\n")
    extended = plain.replace(b"3\r\n", b"3;why=not\r\n")
    got = server.exchange(plain + extended + get(b"/b"), ("POST", "POST", "GET"))
    assert [answer.json["body"] for answer in got] == ["onetwo", "onetwo", ""]


def test_a_client_that_waits_for_a_word_before_its_body_gets_it_in_its_turn(server):
    ask = post(b"/b", b"1234", b"Expect: 100-continue")
    with server.connect() as client:
        client.sendall(get(b"/slow") + ask[:-4])
        with client.makefile("rb") as file:
            head = [file.readline() for _ in range(4)]
            assert head[0] == b"HTTP/1.1 200 OK\r\n"
            length = int(dict(line.split(b": ") for line in head[1:])[b"content-length"])
            assert file.readline() == b"\r\n"
            assert b"/slow" in file.read(length)
            assert file.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert file.readline() == b"\r\n"
        client.sendall(ask[-4:])
        [answer] = answers(client, "POST")
    assert answer.json["body"] == "1234"


def test_a_client_that_does_not_wait_for_the_word_gets_none(server):
    assert server.exchange(post(b"/", b"1", b"Expect: 100-continue"))[0].json["body"] == "1"
    old = post(b"/", b"1", b"Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0")
    with server.connect() as client:
        client.sendall(old[:-1])
        time.sleep(0.1)
        client.sendall(old[-1:])
        assert client.recv(15) == b"HTTP/1.1 200 OK"


def test_http_1_0_closes_unless_it_is_asked_to_stay(server):
    with server.connect() as client:
        client.sendall(get(b"/a", version=b"1.0"))
        [answer] = answers(client, "GET")
        assert answer.headers["connection"] == "close"
        assert is_closed(client)
    with server.connect() as client:
        for path in (b"/a", b"/b"):
            client.sendall(get(path, b"Connection: keep-alive", version=b"1.0"))
            [answer] = answers(client, "GET")
            assert answer.headers["connection"] == "keep-alive"
        assert answer.json["path"] == "/b"


def test_a_client_that_asks_to_close_is_told_and_closed(server):
    with server.connect() as client:
        client.sendall(get(b"/a", b"Connection: close") + get(b"/after"))
        [answer] = answers(client, "GET")
        assert answer.headers["connection"] == "close"
        assert is_closed(client)
    assert "/after" not in server.handled


def test_head_gets_the_headers_of_get_and_no_body(server):
    data = get(b"/a", method=b"HEAD") + get(b"/b")
    one, other = server.exchange(data, ("HEAD", "GET"))
    assert one.body == b""
    assert int(one.headers["content-length"]) == len('{"method": "HEAD", "path": "/a"') + len(
        ', "query": "", "body": ""}'
    )
    assert other.json["path"] == "/b"


def test_a_refusal_after_head_has_a_body_again(server):
    one, other = server.exchange(get(b"/a", method=b"HEAD") + b"\x16\x03\x01", ("HEAD", "GET"))
    assert (one.status, one.body) == (200, b"")
    assert (other.status, other.error["where"]) == (400, "request")


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.0, HTTP/1.1"])
def test_a_request_to_upgrade_is_answered_in_http_1_1_with_its_body(server, protocol):
    asks = (b"Connection: Upgrade", b"Upgrade: " + protocol)
    pieces = [
        get(b"/a", *asks),
        post(b"/b", b"12", *asks),
        chunked(b"/c", b"34", headers=asks),
        get(b"/d"),
    ]
    got = server.exchange(b"".join(pieces), ("GET", "POST", "POST", "GET"))
    assert [(answer.json["path"], answer.json["body"]) for answer in got] == [
        ("/a", ""), ("/b", "12"), ("/c", "34"), ("/d", "")
    ]  # fmt: skip


def test_thousands_of_upgrades_in_one_go_are_answered(server):
    data = get(b"/a", b"Connection: Upgrade", b"Upgrade: h2c") * 3000
    got = server.exchange(data, ["GET"] * 3000)
    assert {answer.status for answer in got} == {200}


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"http://liverank:8080/livez?a=1", "/livez", "a=1"),
        (b"http://liverank:8080", "/", ""),
        (b"/v1/users/a%2Fb", "/v1/users/a/b", ""),
        (b"/v1/users/a%0D%0Ab%00c", "/v1/users/a\r\nb\0c", ""),
        (b"/%E2%82%AC", "/€", ""),
        (b"/a%3Fb?c%3F#d", "/a?b", "c%3F"),
        (b"/100%", "/100%", ""),
        (b"//v1/rank", "//v1/rank", ""),
        (b"/v1/../livez", "/v1/../livez", ""),
    ],
)
def test_a_path_is_what_its_escapes_say(server, target, path, query):
    [answer] = server.exchange(get(target), ["GET"])
    assert (answer.json["path"], answer.json["query"]) == (path, query)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(post(b"/x", b"ab", b"Content-Length: 3"), id="two lengths"),
        pytest.param(post(b"/x", b"ab", b"Content-Length: 2"), id="a length twice"),
        pytest.param(post(b"/x", b"ab").replace(b": 2", b": 2, 2"), id="a list of lengths"),
        pytest.param(post(b"/x", b"ab").replace(b": 2", b": +2"), id="a length with a sign"),
        pytest.param(post(b"/x", b"ab").replace(b": 2", b": -2"), id="a negative length"),
        pytest.param(post(b"/x", b"ab").replace(b": 2", b": 0x2"), id="a hexadecimal length"),
        pytest.param(
            post(b"/x", b"ab").replace(b": 2", b": 2" + 20 * b"0"), id="a length beyond 64 bits"
        ),
        pytest.param(
            post(b"/x", b"ab").replace(b"Length:", b"Length :"), id="a space before the colon"
        ),
        pytest.param(chunked(b"/x", b"ab", headers=[b"Content-Length: 2"]), id="length and chunks"),
        pytest.param(
            post(b"/x", b"0\r\n\r\n", b"Transfer-Encoding: chunked"), id="chunks and length"
        ),
        pytest.param(
            chunked(b"/x", b"ab", headers=[b"Transfer-Encoding: chunked"]), id="chunks twice"
        ),
        pytest.param(chunked(b"/x").replace(b": chunked", b": gzip, chunked"), id="chunks in gzip"),
        pytest.param(chunked(b"/x").replace(b": chunked", b": chunked, gzip"), id="gzip in chunks"),
        pytest.param(chunked(b"/x").replace(b": chunked", b": xchunked"), id="unknown encoding"),
        pytest.param(chunked(b"/x").replace(b": chunked", b": identity"), id="identity"),
        pytest.param(chunked(b"/x", b"ab").replace(b"HTTP/1.1", b"HTTP/1.0"), id="chunks in 1.0"),
        pytest.param(chunked(b"/x", trailers=b"Content-Length: 5\r\n"), id="a length in trailers"),
        pytest.param(
            chunked(b"/x", b"ab").replace(b"2\r\n", b"2x\r\n"), id="a chunk with a bad size"
        ),
        pytest.param(
            chunked(b"/x", b"ab").replace(b"2\r\nab", b"1\r\nab"), id="a chunk longer than it says"
        ),
        pytest.param(get(b"/x", b"A: b", b" c"), id="a folded header"),
        pytest.param(get(b"/x").replace(b"\r\n", b"\n"), id="line ends without CR"),
        pytest.param(get(b"/x", b"A: b\rContent-Length: 3"), id="CR alone"),
        pytest.param(get(b"/x", b"A: b\0c"), id="a zero byte"),
        pytest.param(get("/é".encode()), id="raw bytes in the path"),
        pytest.param(get(b"/x y"), id="a space in the path"),
        pytest.param(get(b"/v1/users/%FF"), id="escapes that are no UTF-8"),
        pytest.param(get(b"/v1/users/%ED%A0%80"), id="half a character"),
        pytest.param(get(b"x:443", method=b"CONNECT"), id="a tunnel"),
        pytest.param(get(b"/x", method=b"GRAB"), id="an unknown method"),
        pytest.param(bytes.fromhex("16030100a5010000a10303") + bytes(150), id="a hello of TLS"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="SSH"),
        pytest.param(bytes(100), id="zeros"),
    ],
)
def test_what_others_may_read_otherwise_is_refused_and_nothing_after_it_is_read(server, data):
    server.handled.clear()
    with server.connect() as client:
        client.sendall(data + get(b"/smuggled"))
        [answer] = answers(client, "GET")
        assert answer.status == 400
        assert answer.headers["connection"] == "close"
        assert answer.error["what"]
        assert is_closed(client)
    assert server.handled == []


def test_versions_that_are_not_spoken_are_refused(server):
    for version in (b"2.0", b"0.9"):
        [answer] = server.exchange(get(b"/", version=version), ["GET"])
        assert answer.status == 505


def test_what_is_refused_waits_for_the_answers_before_it(server):
    one, other = server.exchange(get(b"/slow") + b"no http", ("GET", "GET"))
    assert (one.json["path"], other.status) == ("/slow", 400)


def test_a_fault_of_ours_is_an_answer_and_the_connection_goes_on(server, caplog):
    one, other = server.exchange(get(b"/broken") + get(b"/b"), ("GET", "GET"))
    assert (one.status, other.status) == (500, 200)
    assert "on purpose" in caplog.text


_TOKEN = st.binary(max_size=2000)
_REQUESTS = st.one_of(
    st.builds(post, st.just(b"/a"), _TOKEN),
    st.builds(lambda chunks: chunked(b"/b", *filter(None, chunks)), st.lists(_TOKEN, max_size=4)),
    st.builds(lambda number: get(b"/%d?q" % number), st.integers(0, 9999)),
    st.just(get(b"/c", b"Connection: Upgrade", b"Upgrade: h2c")),
    st.just(post(b"/d", b"xy", b"Connection: Upgrade", b"Upgrade: h2c")),
)


@settings(max_examples=60)
@given(st.lists(_REQUESTS, min_size=1, max_size=6), st.data())
def test_however_bytes_are_split_the_answers_are_the_same(server, requests, data):
    wire = b"".join(requests)
    places = st.integers(0, len(wire))
    cuts = sorted(data.draw(st.lists(places, max_size=8)))
    methods = [request.split(b" ", 1)[0].decode() for request in requests]

    with server.connect() as client:
        client.setsockopt(6, 1, 1)  # TCP_NODELAY
        for start, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
            client.sendall(wire[start:end])
            time.sleep(0.0005)
        split = answers(client, *methods)

    apart = [server.exchange(one, [how])[0] for one, how in zip(requests, methods, strict=True)]
    assert [(one.status, one.body) for one in split] == [(one.status, one.body) for one in apart]
