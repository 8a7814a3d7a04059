"""Experiments in a real server: who gets what, how it is ranked, and what is logged of it."""

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from rank_servers import CONFIG, a_bundle, a_spec, act, person, room, running_server

from liverank.bundle import store
from liverank.cli import main
from liverank.config import parse_config
from liverank.events.event import Ranking
from liverank.events.frame import events_of
from liverank.events.log import Log
from liverank.experiments.assignment.buckets import bucket_of

SPEC = a_spec()
SERVED, OTHER = a_bundle(SPEC), a_bundle(SPEC, seed=1)
EXPERIMENTS = f"""
[serving]
log_vectors = 1.0

[experiments.pop]
surface = "pop"
start = "2026-01-01T00:00:00Z"
holdout = 0.1
variants = {{ a = {{ rank = "popular" }}, b = {{ rank = "popular" }} }}

[experiments.kinds]
surface = "kinds"
start = "2026-01-01T00:00:00Z"
ramp = 0

[experiments.kinds.variants]
model = {{ rank = "model" }}
random = {{ rank = "random" }}
bundle = {{ rank = "bundle:{OTHER.manifest.version}" }}
weights = {{ weights = {{ join = -1.0, popular = 0.0 }} }}
mixed = {{ rank = "interleave:popular,model" }}

[experiments.kinds.forced]
of-model = "model"
of-random = "random"
of-bundle = "bundle"
of-weights = "weights"
of-mixed = "mixed"

[experiments.target]
surface = "target"
start = "2026-01-01T00:00:00Z"
variants = {{ a = {{ rank = "popular" }}, b = {{ rank = "model" }} }}
target = {{ language = ["pt"] }}

[experiments.homes]
surface = "homes"
unit = "fields.home"
start = "2026-01-01T00:00:00Z"
variants = {{ a = {{ rank = "popular" }}, b = {{ rank = "popular" }} }}

[experiments.later]
surface = "later"
ramp = 20
holdout = 0.2
variants = {{ a = {{ rank = "popular" }}, b = {{ rank = "random" }} }}
"""
WHOLE = CONFIG + EXPERIMENTS
CONFIGURED = parse_config(WHOLE).experiments
USERS = [f"user{number}" for number in range(400)]
ROOMS = [f"room{number}" for number in range(8)]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place: Path = tmp_path_factory.mktemp("experiments")
    root = place / ".liverank"
    for packed in (OTHER, SERVED):
        store.add(root, packed)
    store.promote(root, SERVED.manifest.version)
    return place


@pytest.fixture(scope="module")
def server(place):
    with running_server(place, config=WHOLE) as server:
        server.send_and_fold(*(room(name, language="en") for name in ROOMS))
        yield server


def plain_variant(name: str, unit: str, *, ramp: float = 100) -> str | None:
    """The label of a unit of a running experiment, by the definition."""
    experiment = CONFIGURED[name]
    if bucket_of(f"{name}:ramp", unit) >= 100 * ramp:
        return None
    if bucket_of(f"{name}:holdout", unit) < 10_000 * experiment.holdout:
        return f"{name}:holdout"
    return f"{name}:{'a' if bucket_of(name, unit) < 5000 else 'b'}"


def rankings_of(place: Path) -> dict[str, Ranking]:
    time.sleep(0.3)  # they are logged a moment after they are answered
    with Log.open(place / ".liverank" / "log") as log:
        events = [event for frame in log.read() for event in events_of(frame)]
    return {event.id: event for event in events if isinstance(event, Ranking)}


def test_users_get_their_variants_and_the_log_says_so(server, place):
    answers = {user: server.rank(user=user, surface="pop", id=f"pop-{user}") for user in USERS}
    labels = {user: answer["variant"] for user, answer in answers.items()}
    assert labels == {user: plain_variant("pop", user) for user in USERS}
    assert set(Counter(labels.values())) == {"pop:a", "pop:b", "pop:holdout"}
    logged = rankings_of(place)
    assert {user: logged[f"pop-{user}"].variant for user in USERS} == labels
    assert server.rank(user="user1")["variant"] is None, "another surface"


def test_asking_who_gets_what_tells_why_and_is_no_exposure(server, place):
    before = len(rankings_of(place))
    for user in USERS[:20]:
        answer = server.ask(f"/v1/experiments/pop/assignment?user={user}")
        assert answer["label"] == plain_variant("pop", user)
        assert answer["bucket"] == bucket_of("pop", user)
        assert answer["why"] == ("holdout" if "holdout" in answer["label"] else "assigned")
    assert server.ask("/v1/experiments/kinds/assignment?user=of-random")["why"] == "forced"
    assert server.ask("/v1/experiments/kinds/assignment?user=u1")["why"] == "not_in_ramp"
    later = server.ask("/v1/experiments/later/assignment?user=u1")
    assert (later["why"], later["variant"]) == ("not_running", None)
    assert server.client.get("/v1/experiments/none/assignment?user=u1").status_code == 404
    assert server.client.get("/v1/experiments/pop/assignment").status_code == 422
    assert server.client.get("/v1/experiments/homes/assignment?user=u1").status_code == 422
    assert server.client.post("/v1/experiments/pop/assignment?user=u1").status_code == 405
    assert server.client.get("/v1/experiments/pop").status_code == 404
    assert len(rankings_of(place)) == before


def test_each_way_to_rank_is_what_it_says(server, place):
    server.send_and_fold(*(act("join", f"j{number}", ROOMS[2]) for number in range(9)))
    lists = {}
    for kind in ("model", "random", "bundle", "weights", "mixed"):
        answer = server.rank(user=f"of-{kind}", surface="kinds", items=ROOMS, id=f"k-{kind}")
        assert answer["variant"] == f"kinds:{kind}!"
        assert (answer["fallback"], answer["fallback_reason"]) == (None, None), answer
        lists[kind] = [item["item"] for item in answer["items"]]
        assert sorted(lists[kind]) == ROOMS
    logged = rankings_of(place)
    assert logged["k-model"].model == logged["k-weights"].model == SERVED.manifest.version
    assert logged["k-bundle"].model == OTHER.manifest.version
    assert logged["k-random"].model == "random"
    assert logged["k-random"].propensities == [1 / 8] * 8
    assert logged["k-mixed"].model == "interleave:popular,model"
    assert sorted(set(logged["k-mixed"].fields["_teams"])) == ["A", "B"]
    assert len(logged["k-mixed"].fields["_teams"]) == 8

    by_weights = server.rank(user="of-weights", surface="kinds", items=ROOMS)["items"]
    by_model = server.rank(user="of-weights", items=ROOMS)["items"]
    scores = {item["item"]: item["score"] for item in by_model}
    for item in by_weights:
        assert item["score"] == pytest.approx(-scores[item["item"]], rel=0.02), "ages differ"
    explained = server.rank(user="of-bundle", surface="kinds", items=ROOMS[:2], explain=True)
    assert set(explained["items"][0]["features"]) == set(SPEC.names)


def test_random_lists_are_uniform_and_follow_from_the_request_id(server):
    firsts: Counter[str] = Counter()
    for number in range(400):
        asked = {"user": "of-random", "surface": "kinds", "items": ROOMS[:4], "id": f"r{number}"}
        firsts[server.rank(**asked)["items"][0]["item"]] += 1
    assert server.ranked_ids(**asked) == server.ranked_ids(**asked)
    expected = 100
    assert sum((firsts[one] - expected) ** 2 / expected for one in ROOMS[:4]) < 16.3  # p = 0.001


def test_only_users_whose_fields_are_known_to_be_in_the_target_take_part(server):
    server.send_and_fold(person("ana", language="pt"), person("eve", language="en"))
    assert server.rank(user="ana", surface="target")["variant"] in ("target:a", "target:b")
    assert server.rank(user="eve", surface="target")["variant"] is None
    assert server.rank(user="unheard-of", surface="target")["variant"] is None
    eve = server.ask("/v1/experiments/target/assignment?user=eve")
    assert (eve["why"], eve["unknown"]) == ("not_in_target", [])
    unheard = server.ask("/v1/experiments/target/assignment?user=unheard-of")
    assert (unheard["why"], unheard["unknown"]) == ("not_in_target", ["language"])


def test_everybody_of_a_unit_gets_the_same_and_a_request_without_one_is_in_no_variant(server):
    for home in ("h1", "h2", "h3", "h4"):
        labels = {
            server.rank(user=user, surface="homes", fields={"home": home})["variant"]
            for user in ("u1", "u2", "u3")
        }
        assert labels == {plain_variant("homes", home)}
        asked = server.ask(f"/v1/experiments/homes/assignment?unit={home}")
        assert {asked["label"]} == labels
    assert server.rank(user="u1", surface="homes")["variant"] is None


def test_each_variants_list_of_the_most_popular_is_fed_by_its_own_users(server):
    of_a = [user for user in USERS if plain_variant("pop", user) == "pop:a"]
    of_b = [user for user in USERS if plain_variant("pop", user) == "pop:b"]
    server.send_and_fold(room("of a"), room("of b"), room("of nobody"))
    server.send_and_fold(
        *(act("join", user, "of a") for user in of_a[:40]),
        *(act("join", user, "of b") for user in of_b[:40]),
    )
    rooms = ["of a", "of b", "of nobody"]
    for user, first in ((of_a[50], "of a"), (of_b[50], "of b")):
        items = server.rank(user=user, surface="pop", items=rooms)["items"]
        assert items[0]["item"] == first
        assert items[0]["score"] == pytest.approx(40, rel=0.01)
        assert [item["score"] for item in items[1:]] == [0, 0]


def run(place: Path, *words: str) -> None:
    assert main(["experiment", *words, "--config", str(place / "liverank.toml")]) == 0


def wait_until_labels_are(server, wanted: dict[str, str | None]) -> float:
    began = time.monotonic()
    while True:
        labels = {user: server.rank(user=user, surface="later")["variant"] for user in wanted}
        if labels == wanted:
            return time.monotonic() - began
        assert time.monotonic() - began < 10, labels
        time.sleep(0.05)


def test_a_running_server_follows_start_ramp_and_decision_without_a_restart(server, place, capsys):
    users = USERS[:60]
    assert {server.rank(user=user, surface="later")["variant"] for user in users} == {None}
    run(place, "start", "later")
    at_20 = {user: plain_variant("later", user, ramp=20) for user in users}
    assert wait_until_labels_are(server, at_20) < 5
    run(place, "start", "later", "--ramp", "60")
    at_60 = {user: plain_variant("later", user, ramp=60) for user in users}
    wait_until_labels_are(server, at_60)
    assert all(at_60[user] == label for user, label in at_20.items() if label is not None)
    run(place, "stop", "later", "--decision", "ship", "--variant", "b", "--reason", "more joins")
    held = {user: label for user, label in at_60.items() if label == "later:holdout"}
    assert held
    wait_until_labels_are(server, dict.fromkeys(users, "later:b") | held)
    capsys.readouterr()
    run(place, "status", "later", "--json")
    (status,) = json.loads(capsys.readouterr().out.splitlines()[-1])["experiments"].values()
    assert (status["state"], status["shipped"], status["reason"]) == ("shipped", "b", "more joins")


def test_a_folding_process_that_dies_is_replaced_by_one_that_counts_the_same(server):
    of_a = next(user for user in USERS if plain_variant("pop", user) == "pop:a")
    asked = {"surface": "pop", "items": ["of a", "of b"], "user": of_a}
    before, view = server.rank(**asked)["items"], server.pids()["fold"]
    os.kill(view, signal.SIGKILL)
    server.wait_for(lambda said: said["ok"] and said["pids"].get("fold") not in (None, view))
    after = server.rank(**asked)["items"]
    assert [item["item"] for item in after] == [item["item"] for item in before]
    assert after[0]["score"] == pytest.approx(before[0]["score"], rel=0.02)


def test_what_models_read_for_any_variant_is_what_a_replay_reads(place, server, capsys):
    time.sleep(0.3)
    assert main(["replay", "--check", "--config", str(place / "liverank.toml"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["ok"], said
    assert said["rankings"] > 50, said


def test_what_is_served_after_a_restart_is_as_before(place, server):
    of_a = [user for user in USERS if plain_variant("pop", user) == "pop:a"]
    asked = {"surface": "pop", "items": ["of a", "of b"], "user": of_a[60]}
    before = server.rank(**asked)["items"]
    shipped = server.rank(user="user1", surface="later")["variant"]
    server.terminate()
    with running_server(place, config=WHOLE) as again:
        after = again.rank(**asked)["items"]
        assert [item["item"] for item in after] == [item["item"] for item in before]
        assert after[0]["score"] == pytest.approx(before[0]["score"], rel=0.02)
        assert again.rank(user="user1", surface="later")["variant"] == shipped
        again.client.delete(f"/v1/users/{of_a[0]}")
        erased = again.rank(**asked)["items"][0]["score"]
        assert erased == pytest.approx(after[0]["score"] - 1, rel=0.02)
        assert again.health()["experiments"] is None
