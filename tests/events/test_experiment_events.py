"""Events of experiments in the log: they are found among all others."""

import pytest
from test_log import click

from liverank.events.event import ExperimentChange, User
from liverank.events.frame import SCHEMA, events_of, frame_of
from liverank.events.log import Log
from liverank.events.sources.read_events import read_events

pytestmark = pytest.mark.usefixtures("any_time")

STARTED = ExperimentChange(time=5, experiment="tab", action="started", fields={"ramp": 10})
DECIDED = ExperimentChange(
    time=9, experiment="tab", action="decided", fields={"decision": "ship", "variant": "ana"}
)


def changes(log: Log) -> list[tuple[int, int, ExperimentChange]]:
    return [tuple(one) for one in log.experiment_changes()]


def test_they_are_found_in_the_tail_and_in_segments_with_their_seqs(tmp_path):
    with Log.open(tmp_path) as log:
        log.append([click("1"), STARTED, click("2")], arrived_ms=7)
        assert changes(log) == [(2, 7, STARTED)]
        log.compact()
        log.append([click("3"), DECIDED], arrived_ms=8)
        assert changes(log) == [(2, 7, STARTED), (5, 8, DECIDED)]
        log.compact()
        assert changes(log) == [(2, 7, STARTED), (5, 8, DECIDED)]


def test_erasing_a_user_of_a_variants_name_leaves_the_decision(tmp_path):
    with Log.open(tmp_path) as log:
        log.append([STARTED, User(time=1, user="ana"), DECIDED], arrived_ms=7)
        log.erase("ana", at_ms=10)
        assert changes(log) == [(1, 7, STARTED), (3, 7, DECIDED)]
        log.compact()
        log.append([DECIDED, User(time=1, user="bea")], arrived_ms=8)
        log.compact()
        log.erase("bea", at_ms=10)
        assert changes(log) == [(1, 7, STARTED), (3, 7, DECIDED), (4, 8, DECIDED)]


def test_a_log_from_before_the_kind_has_none(tmp_path):
    columns = [name for name in SCHEMA if name not in ("experiment", "action", "seq")]
    with Log.open(tmp_path) as log:
        log.append([click("1")], arrived_ms=7)
        log.compact()
        (segment,) = (tmp_path / "segments").glob("*.parquet")
        frame_of([click("1")], arrived_ms=7).select(columns).write_parquet(segment)
        assert changes(log) == []


def test_they_are_imported_from_json_lines_as_they_were_sent(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text(
        '{"event":"experiment","time":1796115600000,"experiment":"tab","action":"started",'
        '"fields":{"ramp":10}}\n{"event":"experiment","time":1796115600000,"experiment":"tab",'
        '"action":"begun"}\n'
    )
    (piece,) = read_events([path])
    (event,) = events_of(piece.frame)
    (reason,) = piece.rejected["reason"]
    assert reason.endswith("expected one of started, ramped, stopped, decided")
    assert event == ExperimentChange(
        time=1796115600000, experiment="tab", action="started", fields={"ramp": 10}, id=event.id
    )
