"""A real server, from the outside: what it takes in, what it ranks, and what it says."""

import json
import time

import httpx
import numpy as np
import pytest
from rank_servers import CONFIG, act, now_ms, person, room, running_server

from liverank.events.event import Ranking
from liverank.events.frame import events_of
from liverank.events.log import Log


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for the tests that do not mind each other's items."""
    with running_server(tmp_path_factory.mktemp("served")) as running:
        yield running


def logged_rankings(directory):
    with Log.open(directory / ".liverank" / "log") as log:
        events = [event for frame in log.read() for event in events_of(frame)]
    return {event.id: event for event in events if isinstance(event, Ranking)}


@pytest.mark.alone
def test_an_event_is_visible_to_rankings_within_a_second(server):
    waits = []
    for number in range(20):
        assert server.send(room(f"seen{number}")).status_code == 202
        began = time.perf_counter()
        while f"seen{number}" not in server.ranked_ids(user="u1", limit=1000):
            assert time.perf_counter() - began < 1
        waits.append(time.perf_counter() - began)
    assert max(waits) < 1


def test_an_ended_item_is_never_served_even_when_it_is_asked_for(server):
    response = server.send_and_fold(room("over"), room("over", "ended"), room("on"))
    assert response.json() == {"accepted": 4, "duplicates": 0, "rejected": []}

    answer = server.rank(user="u1", items=["over", "on", "on", "stranger"])

    assert sorted(item["item"] for item in answer["items"]) == ["on", "stranger"]
    assert answer["dropped"] == {"ended": 1}
    assert "over" not in server.ranked_ids(user="u1", limit=1000)


def test_a_scheduled_item_is_live_from_its_start(server):
    server.send_and_fold(room("later", "scheduled"))
    assert "later" not in server.ranked_ids(user="u1", limit=1000)

    server.send_and_fold(room("later"))
    assert "later" in server.ranked_ids(user="u1", limit=1000)


def test_times_of_events_count_and_not_their_order_nor_a_clock_a_year_ahead(server):
    now, year_ms = now_ms(), 365 * 86_400_000
    old = {**room("late", title="old", host="h1", language="en"), "time": now - 7_200_000}
    new = {**room("late", "updated", title="new", host="h2"), "time": now - 3_600_000}
    server.send({**room("began ahead"), "time": now + year_ms}, room("ended ahead"), new)
    server.send({**room("ended ahead", "ended"), "time": now + year_ms}, old)
    time.sleep(0.01)
    server.send_and_fold({**room("began ahead", "ended"), "time": now + 1000}, room("ended ahead"))

    listed = server.client.get("/v1/items", params={"limit": 1000}).json()["items"]
    live = {item.pop("item"): item for item in listed}
    assert "began ahead" not in live
    assert "ended ahead" in live
    assert live["late"]["since"] == now - 7_200_000
    assert live["late"]["fields"] == {"title": "new", "host": "h2", "language": "en"}
    said = server.client.get("/healthz").json()
    assert said["state"]["clamped"] == 2
    assert (said["memory"], said["state"]["forgotten"]) == (None, 0)


def test_excluded_items_are_left_out_and_counted(server):
    answer = server.rank(user="u1", items=["a", "b", "c"], exclude=["b", "z"])

    assert sorted(item["item"] for item in answer["items"]) == ["a", "c"]
    assert answer["dropped"] == {"excluded": 1}


def test_equals_are_ordered_by_request_id_and_item_not_by_the_order_given(server):
    items = [f"stranger{number}" for number in range(30)]
    one = server.ranked_ids(user="u1", items=items, id="one")

    assert server.ranked_ids(user="u1", items=items[::-1], id="one") == one
    assert server.ranked_ids(user="u1", items=items, id="two") != one


def test_before_any_model_it_ranks_by_most_popular_now_among_people_alike_and_says_so(server):
    server.send(person("ana", language="pt"), person("bob", language="en"))
    server.send(room("english"), room("portuguese"), room("quiet"))
    server.send(*(act("join", "ana", "portuguese", id=f"j{number}") for number in range(3)))
    server.send_and_fold(*(act("join", "bob", "english", id=f"k{number}") for number in range(4)))
    rooms = ["quiet", "portuguese", "english"]

    answer = server.rank(user="bob", items=rooms)
    assert [item["item"] for item in answer["items"]] == ["english", "portuguese", "quiet"]
    assert answer["fallback"] == "popular"
    assert answer["model"] is None
    assert "no bundle was promoted yet" in answer["fallback_reason"]
    assert server.ranked_ids(user="ana", items=rooms) == ["portuguese", "english", "quiet"]


def test_where_nothing_was_joined_the_newest_comes_first(server):
    server.send_and_fold({**room("old"), "time": now_ms() - 60_000}, room("new"))

    answer = server.rank(user="u1", items=["unheard_of", "old", "new"])

    assert [item["item"] for item in answer["items"]] == ["new", "old", "unheard_of"]
    assert answer["fallback"] == "newest"


def test_what_is_live_is_listed_with_its_fields_the_newest_first(server):
    server.send_and_fold({**room("listed", host="h1", topics=["ai"]), "time": now_ms() + 1000})

    answer = server.client.get("/v1/items", params={"limit": 1}).json()

    assert answer["live"] > 1
    assert answer["items"][0]["item"] == "listed"
    assert answer["items"][0]["fields"] == {"host": "h1", "topics": ["ai"]}


def test_a_bad_event_is_told_by_its_index_and_loses_no_other(server):
    good = json.dumps({**room("good"), "id": "once"})
    answer = server.client.post("/v1/events", content=f'{good}\n{{"event":"usr"}}\n{good}')

    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["duplicates"]) == (1, 1)
    [rejected] = answer.json()["rejected"]
    assert rejected["index"] == 1
    assert rejected["reason"].startswith("Invalid value 'usr' - at `$.event`")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "where", "what"),
    [
        ("POST", "/v1/rank", '{"user":', 400, "body", "not valid JSON"),
        ("POST", "/v1/rank", "[]", 422, "$", "Expected `object`, got `array`"),
        ("POST", "/v1/rank", "{}", 422, "$", "missing required field `user`"),
        ("POST", "/v1/rank", '{"user":7}', 422, "$.user", "Expected `str`, got `int`"),
        ("POST", "/v1/rank", '{"user":""}', 422, "$.user", "length >= 1"),
        ("POST", "/v1/rank", '{"user":"u","who":1}', 422, "$", "expected user, surface, items"),
        ("POST", "/v1/rank", '{"user":"u","limit":0}', 422, "$.limit", ">= 1"),
        ("POST", "/v1/rank", '{"user":"u","items":["a",1]}', 422, "$.items[1]", "Expected `str`"),
        ("POST", "/v1/rank", '{"user":"u","fields":{"a":1,"b":{}}}', 422, "$.fields.b", "object"),
        ("POST", "/v1/rank", '{"user":"u","fields":{"a":[1,{}]}}', 422, "$.fields.a[1]", "object"),
        ("POST", "/v1/rank", b"\xff", 400, "body", "not valid JSON"),
        ("GET", "/v1/rank", "", 405, "method", "send a POST"),
        ("POST", "/v1/events", "[{", 400, "body", "The array of events is broken"),
        ("POST", "/v1/events", "  ", 400, "body", "no events"),
        ("POST", "/v1/events", '{"event":"usr"}', 422, "body", "[0] Invalid value 'usr'"),
        ("GET", "/healthz/", "", 404, "GET /healthz/", "Not Found"),
        ("GET", "/v1/items?limit=" + 5000 * "9", "", 422, "?limit", "9` is not a whole number"),
        ("GET", "/v1/items?limit=0", "", 422, "?limit", "`0` is not a whole number"),
        ("GET", "/v1/items?limit=many", "", 422, "?limit", "`many` is not a whole number"),
        ("GET", "/v1/nothing", "", 404, "GET /v1/nothing", "docs/serving.md"),
    ],
)
def test_a_bad_request_is_told_where_and_what(server, method, path, body, status, where, what):
    response = server.client.request(method, path, content=body)

    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error["where"] == where
    assert what in error["what"]


def test_a_body_that_is_too_long_and_a_surface_that_is_not_declared_are_refused(tmp_path):
    config = CONFIG + "[serving]\nmax_body_mb = 1\n[surfaces.tab]\nlimit = 2\n"
    with running_server(tmp_path, config=config) as server:
        long = server.client.post("/v1/rank", content=b" " * 1_000_001)
        other = server.client.post("/v1/rank", json={"user": "u1", "surface": "carousel"})
        two = server.ranked_ids(user="u1", surface="tab", items=["a", "b", "c"])

    assert long.status_code == 413
    assert "max_body_mb" in long.json()["error"]["what"]
    assert other.status_code == 422
    assert "expected default, tab" in other.json()["error"]["what"]
    assert "restart the server" in other.json()["error"]["what"], "it may be declared by now"
    assert len(two) == 2


def test_every_ranking_is_in_the_log_when_the_server_has_stopped(tmp_path):
    with running_server(tmp_path) as server:
        server.send_and_fold(room("r1"), room("r2"))
        answers = [server.rank(user="u1", limit=1, id=f"q{number}") for number in range(300)]
        answers.append(server.rank(user="u2", fields={"device": "ios"}, surface="tab"))
        server.terminate()

    rankings = logged_rankings(tmp_path)
    assert len(rankings) == 301
    for answer in answers:
        ranking = rankings[answer["id"]]
        assert ranking.items == [item["item"] for item in answer["items"]]
        served = np.array([item["score"] for item in answer["items"]])
        assert ranking.scores == np.float32(served).tolist()
        assert ranking.surface == answer["surface"]
        assert ranking.model == answer["fallback"]
    assert set(rankings["q7"].candidates) > {"r1", "r2"}
    assert rankings[answers[-1]["id"]].candidates is None
    assert rankings[answers[-1]["id"]].fields == {"device": "ios"}


def test_a_request_to_upgrade_is_answered_as_if_it_had_not_asked(server):
    asked = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    assert server.client.get("/healthz", headers=asked).json()["ok"]


def test_a_second_server_on_the_same_port_says_what_to_do(tmp_path):
    with running_server(tmp_path) as server:
        port = httpx.URL(server.url).port
        with (
            pytest.raises(AssertionError, match="did not start"),
            running_server(tmp_path, "--port", str(port)),
        ):
            pass
