"""Requests as bytes: the server's own decoders read them, and candidates are drawn evenly."""

from collections import Counter

import msgspec
from load_plans import plan
from scipy import stats

from liverank.events.event import Interaction
from liverank.events.wire import decode_event
from liverank.loadtest.requests import EventRequests, RankRequests
from liverank.serving.http.messages import RankRequest


def parts(request):
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert int(headers["content-length"]) == len(body)
    return lines[0], headers, body


def test_a_ranking_request_is_one_that_the_server_reads():
    line, headers, body = parts(RankRequests(plan(surface='ta"b')).make())
    request = msgspec.json.decode(body, type=RankRequest)
    assert line == "POST /v1/rank HTTP/1.1"
    assert headers["host"] == "127.0.0.1:1"
    assert request.user in ("u1", 'u"2')
    assert (request.surface, request.limit) == ('ta"b', 3)
    assert len(set(request.items)) == len(request.items) == 5


def test_every_item_and_every_user_is_drawn_equally_often():
    requests = RankRequests(plan())
    items, users = Counter(), Counter()
    for _ in range(3000):
        request = msgspec.json.decode(parts(requests.make())[2])
        assert len(set(request["items"])) == 5
        items.update(request["items"])
        users[request["user"]] += 1
    assert set(items) == set(plan().items)
    assert stats.chisquare(list(items.values())).pvalue > 0.001
    assert stats.chisquare(list(users.values())).pvalue > 0.001


def test_more_candidates_than_items_means_all_of_them_and_none_means_all_that_is_live():
    every = msgspec.json.decode(parts(RankRequests(plan(candidates=99)).make())[2])
    assert sorted(every["items"]) == sorted(plan().items)
    assert "items" not in msgspec.json.decode(parts(RankRequests(plan(candidates=None)).make())[2])


def test_a_fixed_body_is_sent_as_it_is():
    assert parts(RankRequests(plan(body='{"user":"é"}')).make())[2] == '{"user":"é"}'.encode()


def test_processes_draw_different_requests_and_a_seed_the_same_ones():
    first, again, other = (RankRequests(plan(worker=worker)) for worker in (0, 0, 1))
    made = [[requests.make() for _ in range(20)] for requests in (first, again, other)]
    assert made[0] == made[1] != made[2]


def test_a_batch_of_events_is_interactions_with_ids_of_their_own():
    requests = EventRequests(plan(events_batch=7), now_ms=lambda: 1234)
    ids = set()
    for _ in range(30):
        line, _, body = parts(requests.make())
        events = [decode_event(row) for row in body.splitlines()]
        assert line == "POST /v1/events HTTP/1.1"
        assert len(events) == 7
        for event in events:
            assert isinstance(event, Interaction)
            assert event.time == 1234
            assert event.type in ("impression", "join")
            assert event.user in plan().users
            assert event.item in plan().items
            ids.add(event.id)
    assert len(ids) == 30 * 7
