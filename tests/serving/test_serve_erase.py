"""A real server forgets a user: over HTTP, and when another process erased them."""

import threading
import time
from urllib.parse import quote

import pytest
from rank_servers import act, person, room, running_server

from liverank.cli import main
from liverank.events.log import Log


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The folder of a project, and its server."""
    directory = tmp_path_factory.mktemp("served")
    with running_server(directory) as running:
        yield directory, running


def erase(server, user):
    response = server.client.delete(f"/v1/users/{quote(user, safe='')}")
    assert response.status_code == 200, response.text
    return response.json()


def bytes_of(directory):
    files = (directory / ".liverank" / "log").rglob("*")
    return b"".join(file.read_bytes() for file in files if file.is_file())


@pytest.mark.parametrize(
    "user", ["ana", "a/b", "/a//b/", "ñ ü?&#%2F+", "line\nend", 'quo"te\\', "x" * 512]
)
def test_when_it_answers_the_user_is_in_neither_the_log_nor_what_ranks(served, user):
    directory, server = served
    server.send_and_fold(
        person(user, language="pt"),
        room("hosted", host=user, speakers=[user, "bob"]),
        room("joined"),
        *(act("join", user, "joined", id=f"{number}{user[:9]}") for number in range(5)),
    )
    asked = ["hosted", "joined", "stranger"]
    answer = server.rank(user=user, items=asked)
    assert answer["fallback"] == "popular"
    assert answer["items"][0]["item"] == "joined"

    erased = erase(server, user)

    assert erased == {"user": user, "erased_rows": 7}, "with the ranking that was just answered"
    assert server.rank(user="bob", items=asked)["fallback"] == "newest", "no join is known"
    listed = {one["item"]: one["fields"] for one in server.client.get("/v1/items").json()["items"]}
    assert listed["hosted"] == {"speakers": ["bob"]}
    assert user.encode() not in bytes_of(directory)
    assert erase(server, user) == {"user": user, "erased_rows": 0}


def test_what_they_did_before_is_refused_and_what_they_do_after_is_taken_in(served):
    _, server = served
    early = person("returning", language="pt")
    server.send_and_fold(early)
    erase(server, "returning")
    response = server.send({"event": "nothing"}, early, room("other"), act("join", "ana", "other"))
    told = response.json()
    assert (response.status_code, told["accepted"], told["duplicates"]) == (202, 2, 0)
    assert [one["index"] for one in told["rejected"]] == [0, 1]
    assert "an erased user" in told["rejected"][1]["reason"]
    response = server.send(early)
    assert response.status_code == 422
    assert "every event was refused: [0] it belongs to an erased user" in response.text
    assert server.send(person("returning")).json()["accepted"] == 1


def test_what_is_no_user_is_refused(served):
    _, server = served
    for path, status in [("", 422), ("x" * 513, 422)]:
        response = server.client.delete(f"/v1/users/{path}")
        assert response.status_code == status
        assert "expected 1 to 512 characters" in response.json()["error"]["what"]
    response = server.client.get("/v1/users/ana")
    assert response.status_code == 405
    assert "send a DELETE" in response.json()["error"]["what"]


def test_snapshots_go_too(served):
    directory, server = served
    folder = directory / ".liverank" / "snapshots"
    (folder / "one").mkdir(parents=True)
    (folder / "one" / "part").write_bytes(b"state")
    erase(server, "nobody")
    assert list(folder.iterdir()) == []


def test_events_and_rankings_go_on_and_none_is_lost_while_users_are_erased(tmp_path):
    with running_server(tmp_path) as server:
        for number in range(4):
            server.send(*(act("join", f"gone{number}", "r0") for _ in range(200)))
        server.send_and_fold(room("r0"))
        stop = threading.Event()
        kept: list[str] = []
        failures: list[object] = []

        def send() -> None:
            while not stop.is_set():
                name = f"kept{len(kept)}"
                if server.send(act("join", "stays", "r0", id=name)).status_code != 202:
                    failures.append(name)
                kept.append(name)
                if not server.rank(user="stays", items=["r0"])["items"]:
                    failures.append("an empty list")

        thread = threading.Thread(target=send)
        thread.start()
        askers = [threading.Thread(target=erase, args=(server, f"gone{n}")) for n in range(4)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        stop.set()
        thread.join()
        server.send_and_fold()
        assert server.client.get("/healthz").json()["ok"]
        server.terminate()
    with Log.open(tmp_path / ".liverank" / "log") as log:
        rows = [row for frame in log.read() for row in frame.select("event", "user", "id").rows()]
    assert not failures
    assert [key for kind, user, key in rows if (kind, user) == ("interaction", "stays")] == kept
    assert not any((user or "").startswith("gone") for _, user, _ in rows)
    assert sum(kind == "ranking" for kind, _, _ in rows) == len(kept)


def test_a_user_erased_by_another_process_is_forgotten_within_seconds(tmp_path, capsys):
    with running_server(tmp_path) as server:
        server.send_and_fold(room("r1"), act("join", "ana", "r1"))
        assert server.rank(user="bob", items=["r1", "r2"])["fallback"] == "popular"

        config = str(tmp_path / "liverank.toml")
        assert main(["erase", "ana", "--config", config, "--yes"]) == 0

        end = time.monotonic() + 20
        while server.rank(user="bob", items=["r1", "r2"])["fallback"] == "popular":
            assert time.monotonic() < end
            time.sleep(0.05)
        server.send_and_fold(act("join", "ana", "r1"))
        assert server.rank(user="bob", items=["r1", "r2"])["fallback"] == "popular"
