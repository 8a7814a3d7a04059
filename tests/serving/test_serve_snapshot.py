"""A real server has snapshots taken while it ranks, and starts from them as if it never stopped."""

import json
import random
import shutil
import time

import pytest
from rank_servers import CONFIG, a_bundle, a_spec, act, person, room, running_server

from liverank.bundle import store
from liverank.cli import main
from liverank.config import parse_config
from liverank.errors import ConfigError
from liverank.events.log import Log
from liverank.serving.state.log_fold import fold_log
from liverank.serving.state.snapshots import load_newest

OFTEN = CONFIG + '\n[serving]\nsnapshot_every = "300ms"\nlog_vectors = 1.0\n'
NEVER = CONFIG + '\n[serving]\nsnapshot_every = "never"\nlog_vectors = 1.0\n'
SPEC = a_spec()
SETTINGS = parse_config(OFTEN)
ROOMS = [f"r{number}" for number in range(12)]


def some_events(chance, count=60):
    events = []
    for number in range(count):
        user, item = f"u{chance.randrange(9)}", chance.choice(ROOMS)
        events += [
            act(chance.choice(["join", "leave"]), user, item),
            person(user, language=chance.choice(["en", "pt"])),
            room(item, chance.choice(["started", "updated"]), host=f"h{number % 4}"),
        ]
    return events


def health(server):
    return server.client.get("/healthz").json()


def await_snapshot(server, beyond=0):
    """Wait until there is a snapshot that holds more than these events; its seq."""
    end = time.monotonic() + 40
    while (health(server)["snapshot_seq"] or 0) <= beyond:
        assert time.monotonic() < end, health(server)
        time.sleep(0.02)
    return health(server)["snapshot_seq"]


def await_trouble(server, *, is_there):
    end = time.monotonic() + 40
    while (health(server)["snapshot"] is not None) != is_there:
        assert time.monotonic() < end, health(server)
        time.sleep(0.02)


def folder_of(directory):
    return directory / ".liverank" / "snapshots"


def assert_started_from_a_snapshot_as_from_the_whole_log(directory):
    with Log.open(directory / ".liverank" / "log") as log:
        start = load_newest(log, SPEC.layout, SETTINGS, folder_of(directory))
        assert start is not None
        began = start.folded.seq
        folded = fold_log(log, SPEC.layout, SETTINGS, start=start.folded)
        clean = fold_log(log, SPEC.layout, SETTINGS)
    assert 0 < began <= clean.seq == folded.seq
    assert folded.state.sizes == clean.state.sizes
    for name, array in clean.state.store.used().items():
        if name != "header":
            assert array.tobytes() == folded.state.store.used()[name].tobytes(), name
    assert folded.live.pack() == clean.live.pack()


@pytest.fixture
def promoted(tmp_path):
    """A project whose bundle reads every feature."""
    root = tmp_path / ".liverank"
    store.promote(root, store.add(root, a_bundle(SPEC)))
    return tmp_path


def test_a_killed_server_starts_from_its_snapshot_and_served_equals_replayed(promoted, capsys):
    chance = random.Random(3)
    seq = 0
    for _ in range(2):
        with running_server(promoted, config=OFTEN) as server:
            for number in range(20):
                server.send_and_fold(*some_events(chance, 5))
                assert server.rank(user=f"u{number % 9}", items=ROOMS, limit=12)["items"]
            seq = await_snapshot(server, beyond=seq)
            server.send_and_fold(*some_events(chance))
            said = health(server)
            assert said["ok"]
            assert said["snapshot"] is None
            assert said["state"]["rows"] > 20
            assert said["state"]["bytes"] > 10_000
            assert {said["state"][key] for key in ("swept", "evicted", "lost", "clamped")} == {0}
            server.kill()
        assert_started_from_a_snapshot_as_from_the_whole_log(promoted)
    capsys.readouterr()
    config = str(promoted / "liverank.toml")
    assert main(["replay", "--check", "--json", "--config", config]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["mismatches"] == 0
    assert report["rankings"] >= 40


def test_a_server_ranks_the_same_from_a_snapshot_and_from_the_whole_log(promoted):
    with running_server(promoted, config=OFTEN) as server:
        server.send_and_fold(*some_events(random.Random(4)))
        await_snapshot(server)
        server.send_and_fold(*some_events(random.Random(5)))
        server.terminate()
    listed = {}
    for way in ("snapshot", "replay"):
        if way == "replay":
            shutil.rmtree(folder_of(promoted))
        with running_server(promoted, config=NEVER) as server:
            items = server.client.get("/v1/items").json()["items"]
            listed[way] = items
            assert (health(server)["snapshot_seq"] is None) == (way == "replay")
            server.kill()
    assert listed["snapshot"] == listed["replay"]
    assert len(listed["replay"]) > 5


def test_a_damaged_snapshot_is_told_and_the_server_starts_all_the_same(promoted, capsys):
    config = str(promoted / "liverank.toml")
    with running_server(promoted, config=NEVER) as server:
        server.send_and_fold(*some_events(random.Random(4)))
        server.terminate()
    assert main(["snapshot", "--config", config, "--json"]) == 0
    taken = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert taken["written"]
    (part,) = folder_of(promoted).glob("*/state")
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    with running_server(promoted, config=NEVER) as server:
        assert server.client.get("/readyz").json()["seq"] >= taken["seq"]
        assert server.rank(user="u1", items=ROOMS)["model"] is not None


def test_erasing_removes_snapshots_and_those_of_later_do_not_know_the_user(promoted):
    with running_server(promoted, config=OFTEN) as server:
        for number in range(2):
            user = f"person-{number}"
            server.send_and_fold(room(f"of {user}", host=user), *some_events(random.Random(number)))
            before = await_snapshot(server)
            assert server.client.delete(f"/v1/users/{user}").status_code == 200
            for path in folder_of(promoted).rglob("*"):
                assert not path.is_file() or user.encode() not in path.read_bytes(), path
            server.send_and_fold(*some_events(random.Random(9)))
            await_snapshot(server, beyond=before)
        server.terminate()
    assert_started_from_a_snapshot_as_from_the_whole_log(promoted)


def test_a_snapshot_that_fails_is_told_and_taken_again_when_it_can_be(promoted):
    folder = folder_of(promoted)
    with running_server(promoted, config=OFTEN) as server:
        folder.write_text("in the way")
        server.send_and_fold(*some_events(random.Random(9)))
        await_trouble(server, is_there=True)
        said = health(server)
        assert "cannot be written" in said["snapshot"]
        assert said["ok"], "it ranks on"
        folder.unlink()
        await_snapshot(server)
        await_trouble(server, is_there=False)


def test_the_command_says_what_it_did(promoted, capsys):
    config = str(promoted / "liverank.toml")
    (promoted / "liverank.toml").write_text(CONFIG)
    assert main(["snapshot", "--config", config]) == 1
    assert "there is no log here to make a snapshot of" in capsys.readouterr().err
    with running_server(promoted, config=NEVER) as server:
        server.send_and_fold(*some_events(random.Random(4)))
        server.terminate()
    for expected in (
        "Wrote a snapshot of",
        "No snapshot was written: nothing is new since the last one",
    ):
        assert main(["snapshot", "--config", config]) == 0
        assert expected in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("value", "told"),
    [("forever", 'it must be finite, e.g. "1h", or "never"'), ("soon", "expected a duration")],
)
def test_how_often_is_a_duration_or_never(value, told):
    with pytest.raises(ConfigError, match=told):
        parse_config(f'[label]\ninteraction = "join"\n[serving]\nsnapshot_every = "{value}"')
