"""What happened last night, by the log of a real server, and by the doctor who reads it."""

import json
import os
import signal
import time

import pytest
from rank_servers import CONFIG, a_bundle, a_spec, act, room, running_server

from liverank.bundle import store
from liverank.cli import main

SLOW = CONFIG + '[serving]\nslow_request = "25ms"\n'


def events_of(file):
    """Every line is an event."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def wait_for(server, event, within_s=20, **fields):
    """The first event of that name with these fields."""
    until = time.monotonic() + within_s
    while True:
        for one in events_of(server.stderr):
            if one["event"] == event and fields.items() <= one["fields"].items():
                return one
        assert time.monotonic() < until, server.said()
        time.sleep(0.05)


@pytest.mark.timeout(200)
def test_a_night_is_told_in_its_order_and_the_doctor_says_what_to_do(tmp_path, capsys):
    root = tmp_path / ".liverank"
    with running_server(tmp_path, "--log-format", "json", "--access-log", config=SLOW) as server:
        server.send_and_fold(room("r1"), act("join", "ann", "r1"))
        first = server.rank(user="ann", id="q1", items=[f"r{number}" for number in range(100_000)])
        assert first["fallback"] == "popular"
        began = wait_for(server, "fallback_began", rung="popular", request_id="q1")
        assert "no bundle was promoted yet" in began["message"]
        assert wait_for(server, "slow_request", request_id="q1")["fields"]["ms"] >= 25

        refused = server.client.post("/v1/rank", json={"user": ""})
        assert refused.status_code == 422
        assert "$.user" in wait_for(server, "refused", kind="rank 422")["fields"]["example"]
        server.send(room("r2"), {"event": "item"})
        wait_for(server, "refused", kind="events rejected", count=1)

        version = store.add(root, a_bundle(a_spec()))
        store.promote(root, version)
        wait_for(server, "bundle_served", bundle=version, before=None)
        server.wait_for(lambda said: server.rank(user="ann")["model"] == version)
        killed = server.pids()["worker-1"]
        os.kill(killed, signal.SIGKILL)
        ended = wait_for(server, "process_ended", of="worker-1", pid=killed)
        assert (ended["process"], ended["fields"]["how"]) == ("supervisor", "signal 9")

        pointer = root / "bundles/current.json"
        content = pointer.read_bytes()
        pointer.write_text("{garbage")
        wait_for(server, "alarm", alarm="bundle")
        pointer.write_bytes(content)
        wait_for(server, "alarm_ended", alarm="bundle")
        assert server.client.delete("/v1/users/ann").status_code == 200
        assert wait_for(server, "erased")["fields"]["rows"] > 1
        server.terminate()

    events = events_of(server.stderr)
    names = [one["event"] for one in events]
    assert [names[0], names[-1]] == ["start", "end"]
    assert names.index("ready") < names.index("fallback_began") < names.index("bundle_served")
    processes = {one["process"] for one in events}
    assert {"supervisor", "fold"} < processes <= {"supervisor", "fold", "worker-0", "worker-1"}
    assert names.count("process_stopped") == 3
    assert events[-1]["fields"]["rankings_lost"] == 0
    requests = [one["fields"] for one in events if one["event"] == "request"]
    assert "q1" in [one["request_id"] for one in requests]
    assert '"ann"' not in server.said(), "an erased user is in no log"

    assert main(["doctor", server.url, "--log", str(server.stderr), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    whats = "\n".join(one["what"] for one in told["findings"])
    for part in (
        "no server answers", "1 times (worker-1, signal 9)", "/healthz complained of `bundle`",
        "rankings were by `popular`", "refused (rank 422)", "slow requests",
    ):  # fmt: skip
        assert part in whats
    assert any("bundle " + version in line for line in told["happened"])
    assert "1 erasures" in told["happened"]


def test_text_is_the_default_and_a_quiet_life_holds_no_complaint(tmp_path):
    with running_server(tmp_path) as server:
        server.send_and_fold(room("r1"), act("join", "u1", "r1"))
        server.terminate()
    lines = server.said().splitlines()
    assert next(line.split()[3] for line in lines if "process" not in line) == "start:"
    assert {line.split()[1] for line in lines} == {"info"}
    assert not any("request" in line.split()[3] for line in lines), "no access log"


def a_log(tmp_path, *events):
    lines = [
        json.dumps(
            {
                "time": f"2026-11-29T01:00:{number:02d}.000Z",
                "level": "info",
                "event": name,
                "process": "supervisor",
                "message": f"{name} happened",
                "fields": fields,
            }
        )
        for number, (name, fields) in enumerate(events)
    ]
    file = tmp_path / "liverank.log"
    file.write_text("not json\n" + "\n".join(lines) + "\n")
    return file


def examined(capsys, file):
    main(
        [
            "doctor",
            "http://127.0.0.1:1",
            "--config",
            str(file / "none"),
            "--log",
            str(file),
            "--json",
        ]
    )
    told = json.loads(capsys.readouterr().out)
    return told["happened"], [
        (one["severity"], one["what"], one["do"])
        for one in told["findings"]
        if "no server answers" not in one["what"]
    ]


def test_a_server_that_was_killed_is_told_by_its_next_start(tmp_path, capsys):
    file = a_log(tmp_path, ("start", {}), ("ready", {}), ("start", {}), ("end", {}), ("start", {}))
    happened, [(severity, what, do)] = examined(capsys, file)
    assert severity == "warning"
    assert "the server was killed before its restart at 2026-11-29T01:00:02.000Z" in what
    assert "dmesg" in do
    assert happened[0] == "2026-11-29T01:00:00.000Z supervisor: start happened"
    assert len(happened) == 5


def test_a_process_that_ends_again_and_again_is_an_error_and_an_alarm_without_end_goes_on(
    tmp_path, capsys
):
    ended = ("process_ended", {"of": "fold", "how": "signal 9"})
    alarm = ("alarm", {"alarm": "log", "what": "the disk is full"})
    file = a_log(tmp_path, ended, ended, ended, alarm)
    _, found = examined(capsys, file)
    severity, what, _ = found[0]
    assert severity == "error"
    assert "(fold, signal 9)" in what
    assert "(it has not ended)" in found[1][1]
    assert "the disk is full" in found[1][1]


def test_a_file_that_holds_no_event_is_told_with_what_to_do(tmp_path, capsys):
    file = tmp_path / "some.txt"
    file.write_text("nothing\nof the kind\n")
    _, [(severity, what, do)] = examined(capsys, file)
    assert severity == "error"
    assert "no line is an event" in what
    assert "--log-format json" in do
    assert "No such file" in examined(capsys, tmp_path / "none.txt")[1][0][1]
