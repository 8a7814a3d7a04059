"""The real server, spoken to by clients that are odd, slow, stuck, or many."""

import gzip
import json
import resource
import socket
import time

import httpx
import pytest
import zstandard
from http_servers import answers, get, is_closed, post
from rank_servers import CONFIG, person, room, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("served"), "--workers", "1") as running:
        running.send_and_fold(room("r1"))
        yield running


def connect(server, host=None):
    url = httpx.URL(server.url)
    return socket.create_connection((host or url.host, url.port), timeout=30)


@pytest.fixture(scope="module", autouse=True)
def idle(server):
    """A connection that said something before the first test, and nothing since; and when."""
    with connect(server) as client:
        client.sendall(get(b"/livez"))
        assert answers(client, "GET")[0].status == 200
        yield client, time.monotonic()


def asked(server, *requests):
    """The answers to requests of one connection, in order."""
    with connect(server) as client:
        client.sendall(b"".join(requests))
        return answers(client, *[request.split(b" ", 1)[0].decode() for request in requests])


ROUTES = {
    "/v1/rank": "POST",
    "/v1/events": "POST",
    "/v1/users/u1": "DELETE",
    "/v1/items": "GET, HEAD",
    "/healthz": "GET, HEAD",
    "/livez": "GET, HEAD",
    "/readyz": "GET, HEAD",
    "/metrics": "GET, HEAD",
}


@pytest.mark.parametrize("path", ROUTES)
def test_each_route_says_which_methods_it_allows(server, path):
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        if method in ROUTES[path]:
            continue
        answer = server.client.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, ROUTES[path]), method
        if method != "HEAD":
            assert answer.json()["error"]["where"] == "method"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/rank/", "//v1/rank", "/V1/rank", "/v1/users"])
def test_what_is_no_route_is_told_so_whatever_the_method(server, path):
    for method in (b"GET", b"POST", b"DELETE", b"OPTIONS"):
        [answer] = asked(server, get(path.encode(), method=method))
        assert (answer.status, answer.error["where"]) == (404, f"{method.decode()} {path}")


def test_head_is_get_without_a_body(server):
    for path in ("/v1/items", "/livez", "/readyz"):
        head, whole = server.client.head(path), server.client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == whole.headers["content-type"]
        if path != "/readyz":
            assert head.headers["content-length"] == whole.headers["content-length"]


@pytest.mark.parametrize("user", ["a/b", "a\r\nb", "a?b#c", "50%", "é€😀", " "])
def test_a_user_of_any_name_can_be_named_in_a_path(server, user):
    server.send_and_fold(person(user))
    path = "/v1/users/" + "".join(f"%{byte:02x}" for byte in user.encode())
    [answer] = asked(server, get(path.encode(), method=b"DELETE"))
    assert answer.json == {"user": user, "erased_rows": 1}


def test_a_name_that_is_no_text_is_refused(server):
    [answer] = asked(server, get(b"/v1/users/%FF", method=b"DELETE"))
    assert answer.status == 400
    assert "UTF-8" in answer.error["what"]
    [answer] = asked(server, get(b"/v1/users/", method=b"DELETE"))
    assert answer.status in (404, 422)


def test_requests_of_one_connection_are_answered_in_order_also_when_events_take_longer(server):
    rank = post(b"/v1/rank", b'{"user":"u1","items":["r1"]}')
    events = post(
        b"/v1/events", json.dumps([person(f"u{number}") for number in range(50)]).encode()
    )
    requests = [events if number % 10 == 5 else rank for number in range(100)]
    got = asked(server, *requests)
    assert [answer.status for answer in got] == [
        202 if request is events else 200 for request in requests
    ]
    assert all(("accepted" in got[place].json) == (place % 10 == 5) for place in range(100))


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)]
)
def test_packed_events_and_rankings_are_taken_and_a_header_that_lies_is_told(
    server, encoding, pack
):
    header = {"content-encoding": encoding}
    event, request = json.dumps(person("packed")).encode(), b'{"user":"u1"}'

    sent = server.client.post("/v1/events", content=pack(event), headers=header)
    ranked = server.client.post("/v1/rank", content=pack(request), headers=header)
    lied = server.client.post("/v1/events", content=event, headers=header)

    assert (sent.status_code, sent.json()["accepted"]) == (202, 1)
    assert ranked.status_code == 200
    assert (lied.status_code, lied.json()["error"]["where"]) == (400, "content-encoding")


def test_refusals_of_the_protocol_are_counted(server):
    def refused(status):
        name = f'liverank_requests_total{{route="other",status="{status}"}} '
        lines = server.client.get("/metrics").text.splitlines()
        return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))

    before = refused(400), refused(431)
    asked(server, b"GET nonsense\r\n\r\n")
    asked(server, get(b"/", b"X: " + 70_000 * b"a"))
    assert (refused(400), refused(431)) == (before[0] + 1, before[1] + 1)


def test_how_long_connections_are_kept_is_said_by_the_config(tmp_path):
    with (
        running_server(tmp_path, config=CONFIG + '[serving]\nkeep_alive = "1s"\n') as server,
        connect(server) as client,
    ):
        client.sendall(get(b"/livez"))
        answers(client, "GET")
        began = time.monotonic()
        assert is_closed(client)
        assert 0.9 < time.monotonic() - began < 2.5


def test_any_address_of_ipv6_is_any_address_of_ipv4_too(tmp_path):
    if not socket.has_dualstack_ipv6():
        pytest.skip("no dual-stack sockets here")
    with running_server(tmp_path, "--host", "::") as server:
        for host in ("::1", "127.0.0.1"):
            with connect(server, host) as client:
                client.sendall(get(b"/livez"))
                assert answers(client, "GET")[0].status == 200


def test_a_stop_is_soon_over_whatever_clients_do_and_leaves_no_traceback(tmp_path):
    with running_server(tmp_path) as server:
        server.send_and_fold(room("r1"))
        stuck = [connect(server) for _ in range(30)]
        upload = post(b"/v1/events", b"[" + 1000 * b" ")
        for number, client in enumerate(stuck):
            kinds = (upload[:-900], upload[:30], get(b"/livez"), get(b"/v1/items") * 50, b"")
            client.sendall(kinds[number % len(kinds)])
        time.sleep(0.3)
        began = time.monotonic()
        server.terminate()
        took_s = time.monotonic() - began
        for client in stuck:
            client.close()
    assert took_s < 8
    assert "Traceback" not in server.said()
    assert {line.split()[1] for line in server.said().splitlines()} == {"info"}


def answers_rankings(client):
    try:
        return client.post("/v1/rank", json={"user": "u1"}).status_code == 200
    except httpx.TransportError:
        return False


def test_clients_that_never_finish_their_headers_do_not_keep_others_out(tmp_path):
    with running_server(tmp_path, "--workers", "1") as server:
        worker = server.client.get("/healthz").json()["pids"]["worker-0"]
        server.client.close()
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (150, 150))
        slow = []
        for _ in range(200):
            client = connect(server)
            client.sendall(b"POST /v1/rank HTTP/1.1\r\nHost: x\r\nX-a: ")
            slow.append(client)
        with httpx.Client(base_url=server.url) as client:
            began = time.monotonic()
            while not answers_rankings(client):  # the slow have 10 s
                assert time.monotonic() - began < 20
                time.sleep(0.2)
            assert client.get("/healthz").json()["ok"]
        for client in slow:
            client.close()


def test_connections_are_kept_for_longer_than_5_s(idle):
    client, since = idle
    time.sleep(max(0.0, since + 6 - time.monotonic()))
    client.sendall(get(b"/livez"))
    assert answers(client, "GET")[0].status == 200
