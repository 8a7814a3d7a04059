"""Compressed bodies: unpacked up to the limit, and refused when they are not what they say."""

import gzip
import os
import resource
import time
import tracemalloc
import zlib

import pytest
import zstandard
from http_servers import chunked, get, post, serving
from hypothesis import given
from hypothesis import strategies as st

from liverank.serving.http.bodies import BodyTooLongError, UnreadableBodyError, decoded_body

MB = 1_000_000
PACK = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}
each_encoding = pytest.mark.parametrize("encoding", PACK)


@pytest.fixture(scope="module")
def server():
    with serving() as running:
        yield running


def packed(encoding, body):
    return post(b"/a", body, b"Content-Encoding: " + encoding.encode())


@each_encoding
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_what_was_packed_is_unpacked_also_in_several_parts(encoding, parts):
    body = b"".join(PACK[encoding](part) for part in parts)
    size = len(b"".join(parts))
    assert decoded_body(body, encoding, most_bytes=size) == b"".join(parts)
    if size:
        with pytest.raises(BodyTooLongError):
            decoded_body(body, encoding, most_bytes=size - 1)


@each_encoding
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_body_that_is_cut_off_anywhere_is_refused(encoding, share):
    body = PACK[encoding](b"one\ntwo\n" * 1000 + os.urandom(500))
    assert decoded_body(body, encoding, most_bytes=MB).startswith(b"one")
    with pytest.raises(UnreadableBodyError, match="ends too early") as refused:
        decoded_body(body[: int(share * len(body))], encoding, most_bytes=MB)
    assert refused.value.status == 400


@each_encoding
def test_a_part_may_end_where_ever_a_slice_of_the_body_does(encoding):
    part = PACK[encoding](os.urandom(65_000))
    for shift in range(-40, 40):
        fill = 65_536 + shift - len(part)
        if fill < 0:
            continue
        body = PACK[encoding](os.urandom(fill)) + part
        assert len(decoded_body(body, encoding, most_bytes=MB)) == 65_000 + fill


@each_encoding
def test_an_encoded_body_is_read_by_the_server(server, encoding):
    body = PACK[encoding](b'{"user":"u1"}')
    header = b"Content-Encoding: " + encoding.upper().encode()
    got = server.exchange(
        packed(encoding, body)
        + chunked(b"/b", body[:9], body[9:], headers=[header])
        + packed(encoding, b"")
        + packed("identity", b"plain"),
        ["POST"] * 4,
    )
    assert [one.json["body"] for one in got] == ['{"user":"u1"}', '{"user":"u1"}', "", "plain"]


@each_encoding
def test_plain_bytes_that_claim_to_be_packed_are_refused_and_the_connection_goes_on(
    server, encoding
):
    one, other = server.exchange(packed(encoding, b'{"a":1}') + get(b"/b"), ["POST", "GET"])
    assert (one.status, one.error["where"]) == (400, "content-encoding")
    assert f"the body is not {encoding}" in one.error["what"]
    assert other.status == 200
    with pytest.raises(UnreadableBodyError):
        decoded_body(PACK[encoding](b"[]") + b"more", encoding, most_bytes=MB)


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "compress", 100 * "x"])
def test_an_encoding_that_is_not_known_is_refused_with_those_that_are(server, encoding):
    one, other = server.exchange(packed(encoding, b"body") + get(b"/b"), ["POST", "GET"])
    assert (one.status, other.status) == (415, 200)
    assert one.error["what"].endswith("send gzip, deflate, zstd, identity")


@each_encoding
def test_a_bomb_is_refused_without_being_unpacked(encoding):
    bomb = PACK[encoding](bytes(400 * MB))
    tracemalloc.start()
    with pytest.raises(BodyTooLongError):
        decoded_body(bomb, encoding, most_bytes=16 * MB)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 50 * MB


def test_zstd_may_not_ask_for_a_long_memory():
    asks = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=asks).compressobj()
    body = packer.compress(os.urandom(1000)) + packer.flush()
    with pytest.raises(UnreadableBodyError, match="memory"):
        decoded_body(body, "zstd", most_bytes=MB)


@each_encoding
def test_a_body_of_countless_empty_parts_is_refused_soon(encoding):
    empty = PACK[encoding](b"")
    began = time.process_time()
    with pytest.raises(UnreadableBodyError, match="more than 1,000 parts"):
        decoded_body(empty * (16 * MB // len(empty)), encoding, most_bytes=16 * MB)
    assert time.process_time() - began < 3
    assert decoded_body(empty * 1000, encoding, most_bytes=1) == b""


@each_encoding
def test_many_bombs_in_one_go_are_refused_one_after_the_other_while_others_are_served(encoding):
    bomb = packed(encoding, PACK[encoding](bytes(20 * MB)))
    with serving() as server:
        server.exchange(get(b"/a"), ["GET"])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with server.connect() as client:
            client.sendall(bomb * 8)
            waits = []
            for _ in range(20):
                began = time.monotonic()
                assert server.exchange(get(b"/a"), ["GET"])[0].status == 200
                waits.append(time.monotonic() - began)
        assert sorted(waits)[10] < 0.1
        assert server.exchange(bomb)[0].status == 413
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert 1000 * (after - before) < 100 * MB
