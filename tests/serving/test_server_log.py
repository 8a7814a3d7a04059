"""The server's own log: what is told, how often, in which words, and that docs and code agree."""

import json
import logging
import re
import time
from pathlib import Path

import msgspec
import pytest

from liverank.serving.http.exchange import Answer, Request
from liverank.serving.http.messages import Health
from liverank.serving.processes.board import ALARMS, ROUTES, STATUSES, Board
from liverank.serving.server_log.alarms import Alarms
from liverank.serving.server_log.events import EVENTS, LOGGER, write_event
from liverank.serving.server_log.fallbacks import QUIET_S, Fallback, Fallbacks
from liverank.serving.server_log.lines import Line, line_of, text_of
from liverank.serving.server_log.refusals import EVERY_S, REJECTED, Refusals
from liverank.serving.server_log.requests import MOST_SLOW_A_MINUTE, RequestLog

ROOT = Path(__file__).resolve().parents[2]
WELL = Health(
    ok=True, log=None, bundle=None, processes=None, rankings=None, experiments=None,
    rankings_lost=0, lag_s=0.0, snapshot=None, snapshot_seq=None, memory=None, state=None, pids={},
)  # fmt: skip


@pytest.fixture
def told(caplog):
    """What was told since it was last asked: events with their fields."""
    caplog.set_level(logging.INFO, LOGGER)

    def told():
        events = [(one.event, one.fields) for one in caplog.records if one.name == LOGGER]
        caplog.clear()
        return events

    return told


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, LOGGER)
    return lambda: [line_of(one, "fold") for one in caplog.records]


def test_the_docs_name_every_event_with_its_level_and_code_tells_no_other():
    text = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
    table = text.split("## The server's log", 1)[1].split("\n## ", 1)[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", table, re.M))
    assert documented == {
        name: logging.getLevelName(level).lower() for name, level in EVENTS.items()
    }
    sources = [
        *(ROOT / "src/liverank/serving").rglob("*.py"),
        *(ROOT / "src/liverank/autopilot").rglob("*.py"),
        ROOT / "src/liverank/cli/commands/serve.py",
    ]
    code = "\n".join(file.read_text(encoding="utf-8") for file in sources)
    used = set(re.findall(r'\bwrite_(?:process_)?event\(\s*(?:[^"\n]+, )?"(\w+)"', code))
    assert used | {"other"} == set(EVENTS)


def test_a_line_is_json_of_one_line_with_its_time_whatever_it_is_told(lines):
    write_event(
        "refused", 'a "word"\nand \x1b[31m half \ud83d an emoji ü', example="x" * 10_000, count=3
    )
    [line] = lines()
    data = msgspec.json.encode(line)
    said = json.loads(data)
    assert b"\n" not in data
    assert len(data) < 4096, "one write to a pipe keeps it whole"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said["time"])
    assert (said["level"], said["event"], said["process"]) == ("warning", "refused", "fold")
    assert said["message"] == 'a "word"\\nand \\x1b[31m half \\ud83d an emoji ü'
    assert said["fields"]["count"] == 3
    assert "\n" not in text_of(line)
    assert msgspec.json.decode(data, type=Line) == line


def test_a_fault_is_told_with_its_traceback_in_one_line(lines):
    try:
        raise RuntimeError("on purpose")
    except RuntimeError:
        write_event("fault", "GET / met a fault", is_fault=True)
    [line] = lines()
    assert "on purpose" in line.fields["traceback"]
    assert "on purpose" in text_of(line)
    assert "\n" not in text_of(line)


def test_what_libraries_say_is_told_as_other(caplog):
    logging.getLogger("somebody").warning("take %s", "care")
    line = line_of(caplog.records[0], "supervisor")
    assert (line.event, line.level, line.message) == ("other", "warning", "take care")


def test_a_fallback_is_told_when_it_begins_and_once_it_has_ended_with_its_count(told):
    last = {"popular": Fallback("q7", "home", "no bundle was promoted yet")}
    fallbacks = Fallbacks(last, [100, 0, 40, 0])
    fallbacks.look([100, 0, 40, 0], now_s=0)
    assert told() == []
    fallbacks.look([100, 0, 41, 0], now_s=1)
    [(event, fields)] = told()
    assert event == "fallback_began"
    assert fields == {
        "rung": "popular", "reason": "no bundle was promoted yet", "request_id": "q7",
        "surface": "home",
    }  # fmt: skip
    fallbacks.look([100, 0, 60, 0], now_s=2)
    fallbacks.look([100, 0, 60, 0], now_s=2 + 10 * QUIET_S)
    assert told() == [], "nobody asked since, so it may go on"
    fallbacks.look([101, 0, 61, 0], now_s=100)
    fallbacks.look([150, 0, 61, 0], now_s=100 + QUIET_S - 0.1)
    assert told() == []
    fallbacks.look([151, 0, 61, 0], now_s=100 + QUIET_S)
    assert told() == [("fallback_ended", {"rung": "popular", "count": 21, "seconds": 99})]
    fallbacks.look([152, 0, 62, 0], now_s=200)
    fallbacks.end()
    assert [event for event, _ in told()] == ["fallback_began", "fallback_ended"]


def test_refusals_are_told_by_kind_at_once_and_then_once_a_minute_with_their_number(told):
    row = Board(1).workers[0]
    rank, events = ROUTES.index("rank"), ROUTES.index("events")
    s422, s503 = STATUSES.index(422), STATUSES.index(503)
    row["requests"][rank][s422] = 5  # another worker's, that died
    refusals = Refusals(row, {"rank 422": "$.user: required"})
    refusals.look(now_s=0)
    assert told() == []
    row["requests"][rank][s422] += 1
    row["requests"][ROUTES.index("health")][s503] += 9  # an answer, not a refusal
    row["requests"][rank][STATUSES.index(200)] += 9
    refusals.look(now_s=1)
    kind = {"kind": "rank 422", "example": "$.user: required"}
    assert told() == [("refused", {**kind, "count": 1})]
    row["requests"][rank][s422] += 1000
    row["requests"][events][s503] += 2
    row["events_rejected"] += 3
    refusals.look(now_s=2)
    assert told() == [
        ("refused", {"kind": "events 503", "count": 2, "example": None}),
        ("refused", {"kind": REJECTED, "count": 3, "example": None}),
    ]
    refusals.look(now_s=0.9 + EVERY_S)
    assert told() == []
    refusals.look(now_s=1 + EVERY_S)
    assert told() == [("refused", {**kind, "count": 1000})]
    row["requests"][rank][s422] += 4
    refusals.look(now_s=2 + EVERY_S, is_last=True)
    assert told() == [("refused", {**kind, "count": 4})]


def test_an_alarm_is_told_by_one_worker_and_its_end_by_another_where_the_first_has_died(told):
    board, said, now = Board(2), [WELL], [1_000_000]
    first, second = (Alarms(board, place, lambda: said[0], lambda: now[0]) for place in (0, 1))
    board.workers["pid"] = (71, 72)
    board.workers["beat_ms"] = now[0]

    def look(seconds):
        now[0] += 1000 * seconds
        for place, one in enumerate((first, second)):
            if board.workers["pid"][place]:
                board.workers["beat_ms"][place] = now[0]
                one.look(now_s=now[0] / 1000)
        return told()

    assert look(1) == []
    said[0] = msgspec.structs.replace(WELL, ok=False, bundle="it does not load")
    assert look(1) == [("alarm", {"alarm": "bundle", "what": "it does not load"})]
    assert look(1) == [], "it goes on"
    board.workers["pid"][0] = 0
    said[0] = msgspec.structs.replace(said[0], processes="worker 0 is missing")
    assert look(7) == [("alarm", {"alarm": "processes", "what": "worker 0 is missing"})]
    said[0] = WELL
    assert look(1) == [
        ("alarm_ended", {"alarm": "bundle", "seconds": 9.0}),
        ("alarm_ended", {"alarm": "processes", "seconds": 1.0}),
    ]


def test_alarms_are_all_that_makes_health_false():
    for name in ALARMS:
        assert getattr(WELL, name, "") is None
    assert set(ALARMS) == {"log", "bundle", "processes", "rankings", "experiments"}


def a_request(took_s, path="/v1/rank"):
    return Request("POST", path, "user=u1", b'{"user":"u1"}', time.perf_counter() - took_s)


def test_slow_requests_are_told_with_their_id_but_not_each_of_very_many(told):
    log = RequestLog(slow_s=0.5)
    answer = Answer(200, b'{"id":"q1","surface":"default","items":[]}')
    log.ended(a_request(0.4), answer, "rank")
    log.ended(a_request(9), Answer(200, b"{}"), "users")
    assert told() == [], "an erasure takes as long as a fold"
    for _ in range(MOST_SLOW_A_MINUTE + 7):
        log.ended(a_request(0.6), answer, "rank")
    slow = told()
    assert len(slow) == MOST_SLOW_A_MINUTE
    event, fields = slow[0]
    assert (event, fields["route"], fields["request_id"]) == ("slow_request", "rank", "q1")
    assert 600 <= fields["ms"] < 5000


def test_the_access_log_tells_each_request_and_names_no_user(told):
    log = RequestLog(slow_s=60, has_access_log=True)
    log.ended(a_request(0, "/v1/users/ann"), Answer(200, b'{"user":"ann"}'), "users")
    log.ended(a_request(0), Answer(422, b'{"error":{"where":"$","what":"no"}}'), "rank")
    log.refused(431)
    events = told()
    assert [fields["status"] for _, fields in events] == [200, 422, 431]
    assert events[0][1]["path"] == "/v1/users/..."
    assert not re.search("ann|u1", str(events))
