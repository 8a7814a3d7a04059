"""A server that is asked more than it can do answers in time, by popularity, or not at all."""

import json
import random

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rank_clients import clients
from rank_servers import CONFIG, act, room, running_server
from test_served_equals_replayed import SPEC, promote

DEADLINE_S = 0.2
LONG = [f"r{number}" for number in range(3000)]


def metrics_of(server):
    """Every sample that the server exposes: its value by its name and labels."""
    text = server.text("/metrics").decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(metrics, name, **labels):
    return sum(
        value for (its, *of), value in metrics.items() if its == name and labels.items() <= set(of)
    )


def a_long_request():
    return {"user": f"u{random.randrange(50)}", "items": LONG, "deadline_ms": 1000 * DEADLINE_S}


@pytest.mark.timeout(150)
@pytest.mark.alone
def test_at_far_more_than_it_can_do_what_is_answered_is_in_time_and_the_rest_is_refused(tmp_path):
    promote(tmp_path, SPEC)
    with running_server(tmp_path) as server:
        server.send_and_fold(*map(room, LONG[:500]), act("join", "u1", "r1"))
        for _ in range(20):  # it learns what a long list takes
            server.rank(user="u1", items=LONG)
        before = metrics_of(server)
        with clients(server.url, a_long_request, count=64) as asking:
            asking.wait_for_more(300, seconds=60)
        after = metrics_of(server)

        def grown(name, **labels):
            return total(after, name, **labels) - total(before, name, **labels)

        statuses = [one.status for one in asking.asked]
        assert set(statuses) <= {200, 503}
        refused = [one for one in asking.asked if one.status == 503]
        assert {one.retry_after for one in refused} <= {"1"}
        assert all("overloaded" in one.answer["error"]["what"] for one in refused)
        hurried = [one for one in asking.answered if one.answer["model"] is None]
        assert hurried, "not all by the model"
        reasons = {one.answer["fallback_reason"] for one in hurried}
        assert all("the server is busy" in why or "the model needs about" in why for why in reasons)
        assert grown("liverank_requests_late_total") == len(hurried)
        assert grown("liverank_requests_shed_total") == len(refused)
        assert grown("liverank_requests_total", route="rank", status="503") == len(refused)
        assert grown("liverank_requests_total", route="rank", status="200") == len(asking.answered)
        answered = grown("liverank_rank_seconds_count")
        in_time = grown("liverank_rank_seconds_bucket", le="0.2")
        assert answered == len(asking.answered)
        assert in_time > 0.8 * answered, "late by no more than the ranking that was under way"
        after_it = server.rank(user="u1", items=["r1", "r2"], deadline_ms=5000)
        assert after_it["fallback"] is None, "it recovers at once"


def test_every_rung_of_the_ladder_is_reached_by_what_a_request_asks(tmp_path):
    with running_server(tmp_path) as server:
        assert server.rank(user="nobody")["items"] == [], "no candidates at all"
        assert server.rank(user="nobody", items=[])["items"] == []
        server.send_and_fold(room("r1"), room("r2"), act("join", "u1", "r1"))
        unknown = server.rank(user="nobody", items=["x", "y"])
        assert (unknown["fallback"], len(unknown["items"])) == ("newest", 2)
        assert "none of the candidates had a success yet" in unknown["fallback_reason"]
        stranger = server.rank(user="nobody", items=["r1", "r2"])
        assert (stranger["fallback"], stranger["items"][0]["item"]) == ("popular", "r1")
        version = promote(tmp_path, SPEC)
        server.wait_for(lambda _: server.ask("/readyz").get("model") == version)
        for request in ({"items": []}, {"items": ["x", "y"]}, {"items": ["r1"]}, {}):
            answer = server.rank(user="nobody", **request)
            while answer["model"] is None:  # the other worker takes it a moment later
                answer = server.rank(user="nobody", **request)
            assert answer["fallback"] is None
            assert len(answer["items"]) == len(request.get("items", [1] * len(answer["items"])))


def test_a_request_may_say_its_deadline_and_a_surface_another(tmp_path):
    config = CONFIG + '\n[surfaces.fast]\ndeadline = "0.001ms"\n'
    promote(tmp_path, SPEC)
    with running_server(tmp_path, config=config) as server:
        server.send_and_fold(room("r1"))
        slow = server.client.post("/v1/rank", json={"user": "u", "surface": "fast"})
        assert "of the 0 ms of the deadline had passed" in slow.json()["fallback_reason"]
        asked = {"user": "u", "surface": "fast", "deadline_ms": 5000}
        assert server.client.post("/v1/rank", json=asked).json()["fallback"] is None
        for wrong in (0, -1, "soon"):
            refused = server.client.post("/v1/rank", json={"user": "u", "deadline_ms": wrong})
            assert refused.status_code == 422
            assert json.loads(refused.text)["error"]["where"] == "$.deadline_ms"
