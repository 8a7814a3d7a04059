"""Messages reach every channel once, whatever some of the channels do meanwhile."""

import json
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest
from receivers import web_server

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.alarms.channels.webhook import Webhook
from liverank.autopilot.alarms.delivery import MOST_WAITING, Delivery, Retry
from liverank.autopilot.alarms.look import look
from liverank.autopilot.alarms.message import Message
from liverank.autopilot.alarms.outbox import MOST_GIVEN_UP, undelivered_in
from liverank.autopilot.history.state import AutopilotState, state_of, steps_in
from liverank.cli import main
from liverank.config_autopilot import Alarms
from liverank.errors import LogFullError, NotificationError
from liverank.events.log import Log

FAST = Retry(first_pause_s=0.01, longest_pause_s=0.05)


def message(number: int) -> Message:
    return Message(kind="test", id=f"m{number}", at_ms=number, title=f"{number}", paragraphs=())


class Receiver:
    """A channel that refuses the first attempts, and records what it accepted."""

    def __init__(self, name: str = "receiver", refusals: int = 0) -> None:
        self.name = name
        self.refusals = refusals
        self.accepted: list[str] = []
        self.may_go = threading.Event()
        self.may_go.set()

    def send(self, message: Message) -> None:
        self.may_go.wait(20)
        if self.refusals:
            self.refusals -= 1
            raise NotificationError("not now")
        self.accepted.append(message.id)


def wait_until(claim) -> None:
    until_s = time.monotonic() + 10
    while not claim():
        assert time.monotonic() < until_s
        time.sleep(0.005)


def test_a_server_that_fails_twice_gets_each_message_once_and_in_order(tmp_path) -> None:
    with web_server(answers=[500, 503]) as server:
        delivery = Delivery([Webhook(server.url)], tmp_path / "file", retry=FAST)
        for number in range(3):
            delivery.send(message(number))
        assert delivery.close(wait_s=10)
    assert [json.loads(body)["id"] for body in server.bodies] == ["m0", "m1", "m2"]
    assert undelivered_in(tmp_path / "file") == ()


def test_a_server_that_hangs_blocks_neither_the_caller_nor_other_channels(tmp_path) -> None:
    with web_server(answers=["hang", "hang"], hang_s=0.3) as server:
        other = Receiver()
        hanging = Webhook(server.url, timeout_s=0.2)
        delivery = Delivery([hanging, other], tmp_path / "file", retry=FAST)
        began_s = time.monotonic()
        delivery.send(message(1))
        assert time.monotonic() - began_s < 0.15
        wait_until(lambda: other.accepted)
        assert server.bodies == []
        assert delivery.close(wait_s=10)
    assert [json.loads(body)["id"] for body in server.bodies] == ["m1"]


def test_what_waits_is_kept_for_the_next_process_and_sent_once(tmp_path) -> None:
    file = tmp_path / "file"
    broken, fine = Receiver("broken", refusals=10**9), Receiver("fine")
    delivery = Delivery([broken, fine], file, retry=FAST)
    delivery.send(message(1))
    delivery.send(message(2))
    wait_until(lambda: len(fine.accepted) == 2 and "not now" in str(delivery.undelivered()))
    assert not delivery.close(wait_s=0.05)
    assert [(one.channel, one.message.id) for one in undelivered_in(file)] == [
        ("broken", "m1"),
        ("broken", "m2"),
    ]
    mended = Receiver("broken")
    assert Delivery([mended, fine], file, retry=FAST).close(wait_s=10)
    assert mended.accepted == ["m1", "m2"]
    assert fine.accepted == ["m1", "m2"]
    assert undelivered_in(file) == ()


def test_a_killed_process_loses_no_message_that_it_was_given(tmp_path) -> None:
    file = tmp_path / "file"
    code = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_alarm_delivery import Delivery, Receiver, message
channel = Receiver("slow")
channel.may_go.clear()
delivery = Delivery([channel], Path({str(file)!r}))
delivery.send(message(1))
delivery.send(message(2))
print("given", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"given\n"
        process.kill()
    channel = Receiver("slow")
    assert Delivery([channel], file).close(wait_s=10)
    assert channel.accepted == ["m1", "m2"]


def test_messages_of_a_channel_that_the_config_no_longer_has_are_forgotten(tmp_path) -> None:
    file = tmp_path / "file"
    delivery = Delivery([Receiver("old", refusals=10**9)], file, retry=FAST)
    delivery.send(message(1))
    delivery.close(wait_s=0.05)
    assert Delivery([Receiver("new")], file).undelivered() == ()


def test_a_message_is_given_up_after_the_stated_time_and_the_next_one_is_sent(
    tmp_path, caplog
) -> None:
    channel = Receiver(refusals=10**9)
    retry = Retry(first_pause_s=0.01, longest_pause_s=0.01, give_up_after_s=0.1)
    delivery = Delivery([channel], tmp_path / "file", retry=retry)
    delivery.send(message(1))
    wait_until(lambda: any(one.given_up for one in delivery.undelivered()))
    channel.refusals = 0
    delivery.send(message(2))
    assert delivery.close(wait_s=10)
    assert channel.accepted == ["m2"]
    [left] = undelivered_in(tmp_path / "file")
    assert (left.message.id, left.why, left.given_up) == ("m1", "not now", True)
    lines = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert lines[0].endswith("not now; it is tried again")
    assert lines[1].endswith("not now; it is given up")
    assert Delivery([channel], tmp_path / "file").close(wait_s=10)
    assert channel.accepted == ["m2"], "what was given up is not tried by the next process"


def test_the_same_message_does_not_wait_twice(tmp_path) -> None:
    channel = Receiver()
    channel.may_go.clear()
    delivery = Delivery([channel], tmp_path / "file")
    for _ in range(5):
        delivery.send(message(1))
    channel.may_go.set()
    assert delivery.close(wait_s=10)
    assert channel.accepted == ["m1"]


def test_a_queue_is_bounded_and_says_what_it_gave_up(tmp_path) -> None:
    channel = Receiver()
    channel.may_go.clear()
    delivery = Delivery([channel], tmp_path / "file")
    for number in range(MOST_WAITING + MOST_GIVEN_UP + 5):
        delivery.send(message(number))
    channel.may_go.set()
    assert delivery.close(wait_s=20)
    given_up = [one.message.at_ms for one in undelivered_in(tmp_path / "file")]
    assert channel.accepted[0] == "m0"
    assert len(channel.accepted) == MOST_WAITING
    assert given_up == list(range(6, MOST_GIVEN_UP + 6))


def test_a_file_that_cannot_be_written_stops_no_message(tmp_path, caplog) -> None:
    channel = Receiver(refusals=2)
    delivery = Delivery([channel], tmp_path / "none" / "file", retry=FAST)
    delivery.send(message(1))
    assert delivery.close(wait_s=10)
    assert channel.accepted == ["m1"]
    assert any("cannot be written" in record.message for record in caplog.records)


def test_many_threads_may_send(tmp_path) -> None:
    channel = Receiver(refusals=7)
    delivery = Delivery([channel], tmp_path / "file", retry=FAST)

    def send_ten(first: int) -> None:
        for number in range(first, first + 10):
            delivery.send(message(number))

    threads = [threading.Thread(target=send_ten, args=(10 * part,)) for part in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert delivery.close(wait_s=20)
    assert sorted(channel.accepted) == sorted(f"m{number}" for number in range(100))


def test_a_look_logs_what_changed_and_then_sends_it_once(tmp_path) -> None:
    at_ms = 1_750_000_000_000
    disk = Alarm(
        key="disk", kind="disk", title="The disk is full in 2 days", cause="", consequence="",
        next_step="", since_ms=at_ms,
    )  # fmt: skip
    channel = Receiver()
    delivery = Delivery([channel], tmp_path / "file")
    for hour in range(4):
        with Log.open(tmp_path / "log") as log:  # each look may be of another process
            seen = [disk] if hour < 3 else []
            look(
                log,
                state_of(steps_in(log)),
                seen,
                Alarms(repeat="2h"),
                at_ms=at_ms + hour * 3_600_000,
                delivery=delivery,
            )
            actions = [step.action for step in steps_in(log)]
    assert delivery.close(wait_s=10)
    assert actions == ["alarm_raised", "alarm_raised", "alarm_quiet"]
    assert channel.accepted == [
        f"alarm_raised:disk:{at_ms}",
        f"alarm_repeated:disk:{at_ms + 7_200_000}",
    ]


def test_a_full_disk_keeps_no_critical_alarm_from_people_and_repeats_it_seldom(tmp_path) -> None:
    at_ms = 1_750_000_000_000
    disk = Alarm(
        key="disk", kind="disk", title="The disk is full", cause="", consequence="",
        next_step="", since_ms=at_ms, severity="critical",
    )  # fmt: skip
    memory = msgspec.structs.replace(disk, key="memory", kind="memory", severity="warning")

    class FullLog:
        def append(self, events, *, arrived_ms) -> None:
            raise LogFullError("the disk is full")

    channel = Receiver()
    delivery = Delivery([channel], tmp_path / "file")
    for minute in range(0, 180, 10):
        with pytest.raises(LogFullError):
            look(
                FullLog(),  # type: ignore[arg-type]
                AutopilotState(),
                [disk, memory],
                Alarms(repeat="2h"),
                at_ms=at_ms + minute * 60_000,
                delivery=delivery,
            )
    assert delivery.close(wait_s=10)
    assert channel.accepted == [f"alarm_raised:disk:{at_ms + after}" for after in (0, 7_200_000)]


@pytest.fixture
def project(tmp_path):
    file = tmp_path / "liverank.toml"
    file.write_text('[label]\ninteraction = "join"\n[autopilot]\n')
    return file


def test_the_command_tests_every_channel_and_says_what_came_back(project, capsys) -> None:
    with web_server(answers=[500]) as bad, web_server() as good:
        project.write_text(
            '[label]\ninteraction = "join"\n[autopilot.alarms]\n'
            f'webhook = "{bad.url}"\nslack = "{good.url}"\ncommand = ["false"]\n'
        )
        assert main(["autopilot", "alarms", "--test", "--json", "--config", str(project)]) == 1
        assert len(good.bodies) == 1
    out, err = capsys.readouterr()
    found = json.loads(out)["channels"]
    assert [(one["channel"].split(" (")[0], one["ok"]) for one in found] == [
        ("the server's log", True),
        ("webhook", False),
        ("slack", True),
        ("command", False),
    ]
    assert "answered 500" in found[1]["why"]
    assert "SECRET" not in out + err


def test_status_shows_what_was_not_sent(project, capsys) -> None:
    (project.parent / ".liverank").mkdir()
    file = project.parent / ".liverank" / "undelivered.json"
    delivery = Delivery([Receiver("slack (a.b)", refusals=10**9)], file, retry=FAST)
    delivery.send(message(7))
    delivery.close(wait_s=0.05)
    assert main(["autopilot", "status", "--config", str(project)]) == 0
    assert "Not sent yet: 7, to slack (a.b): " in capsys.readouterr().out
