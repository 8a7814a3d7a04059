"""Counts by hour against plain definitions that read one event after the other."""

from collections import Counter, defaultdict

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import watched_world as watched
from liverank.autopilot.monitoring.counts import scored
from liverank.autopilot.monitoring.counts.fields import FieldSample, type_of
from liverank.autopilot.monitoring.counts.hours import HOUR_MS, HOURS, HourTable
from liverank.autopilot.monitoring.counts.people import KEPT, BusyPeople
from liverank.autopilot.monitoring.counts.scored import ScoredLists
from liverank.autopilot.monitoring.counts.streams import count_streams, with_hours
from liverank.config import Config, Label
from liverank.events.event import Event, Interaction, Ranking, event_name
from liverank.events.frame import frame_of

pytestmark = pytest.mark.usefixtures("any_time")
LONG_AGO = 100 * 24 * HOUR_MS
COUNTS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 900), st.integers(1, 5)), max_size=60
)


@given(COUNTS, st.integers(1, HOURS))
def test_a_table_holds_the_counts_of_the_last_fifteen_days(
    counts: list[tuple[str, int, int]], hours: int
) -> None:
    table, plain, newest = HourTable(), Counter[tuple[str, int]](), -1
    for name, hour, count in counts:
        newest = max(newest, hour)
        table.add((name,), hour, count)
        plain[name, hour] += count if hour > newest - HOURS else 0
    for name in ("a", "b"):
        for last in (newest, newest - 5):
            wanted = [
                plain[name, hour] if newest - HOURS < hour else 0
                for hour in range(last - hours + 1, last + 1)
            ]
            assert table.until((name,), last, hours).tolist() == wanted


def world_frame(days: int = 2) -> tuple[list[Event], pl.DataFrame]:
    parts = watched.steps(5, 150, days)
    return [event for _, part in parts for event in part], watched.frame(parts)


def test_streams_are_counted_by_hour_of_arrival() -> None:
    events, frame = world_frame()
    table = HourTable()
    for begin in range(0, len(frame), 1000):
        count_streams(with_hours(frame[begin : begin + 1000]), table, watched.config())
    plain: Counter[tuple[str, str, int]] = Counter()
    for event, arrived in zip(events, frame["arrived"], strict=True):
        stream = event.type if isinstance(event, Interaction) else event_name(event)
        plain[event_name(event), stream, arrived // HOUR_MS] += 1
    for (kind, stream, hour), count in plain.items():
        counted = table.until(("events", kind, stream), hour, 1)[0]
        assert counted == (0 if kind == "autopilot" else count)
    joins = sum(count for (_, stream, _), count in plain.items() if stream == "join")
    newest = frame["arrived"].max() // HOUR_MS  # type: ignore[operator]
    assert table.until(("label", "join"), newest, HOURS - 1).sum() == joins > 40
    delays = sum(table.until(name, newest, HOURS - 1).sum() for name in table.names("delay"))
    assert table.until(("delay", "interaction", "join", "0"), newest, HOURS - 1).sum() == joins
    assert delays == len([e for e in events if event_name(e) not in ("ranking", "autopilot")])


def test_the_past_that_is_imported_counts_at_its_own_time() -> None:
    join = Interaction(time=LONG_AGO, type="join", user="u", item="r")
    late = Interaction(time=LONG_AGO + 70 * HOUR_MS, type="join", user="u", item="r")
    frame = frame_of([join, late], seqs=[1, 2], arrived_ms=LONG_AGO + 72 * HOUR_MS)
    table = HourTable()
    count_streams(with_hours(frame), table, Config(label=Label(interaction="join")))
    hours = table.until(("label", "join"), LONG_AGO // HOUR_MS + 72, 73)
    assert np.flatnonzero(hours).tolist() == [0, 72]
    assert [name[3] for name in table.names("delay")] == ["4"]  # the import has no delay


def test_an_imported_event_of_the_future_counts_as_it_arrives() -> None:
    joins = [
        Interaction(time=LONG_AGO + 60_000 * number, type="join", user="u", item="r")
        for number in range(150)
    ]
    wrong = Interaction(time=LONG_AGO + 5000 * HOUR_MS, type="join", user="u", item="r")
    arrived_ms = LONG_AGO + 72 * HOUR_MS
    frame = frame_of([*joins, wrong], seqs=list(range(1, 152)), arrived_ms=arrived_ms)
    table = HourTable()
    count_streams(with_hours(frame), table, Config(label=Label(interaction="join")))
    hours = table.until(("label", "join"), LONG_AGO // HOUR_MS + 72, 73)
    assert (hours.sum(), hours[-1], table.dropped) == (151, 1, 0)


def test_the_busiest_people_of_each_hour_are_kept_whatever_the_frames() -> None:
    events, frame = world_frame()
    people = BusyPeople()
    for begin in range(0, len(frame), 777):
        people.add(with_hours(frame[begin : begin + 777]))
    plain: defaultdict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for event, arrived in zip(events, frame["arrived"], strict=True):
        if isinstance(event, Interaction | Ranking):
            stream = event.type if isinstance(event, Interaction) else "ranking"
            plain[arrived // HOUR_MS, stream][event.user] += 1
    for (hour, stream), counts in plain.items():
        kept = people.busiest(hour)[stream]
        order = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
        assert kept == dict(order[:KEPT])


def test_lists_are_resolved_when_their_labels_are_known() -> None:
    events, frame = world_frame()
    table, lists = HourTable(), ScoredLists(watched.config())
    lists.add(with_hours(frame), table)
    newest = int(frame["arrived"].max()) // HOUR_MS  # type: ignore[arg-type]
    for hour in range(newest - 60, newest + 1):
        lists.resolve(hour, table)
    scores = {
        (e.id, item): score
        for e in events
        if isinstance(e, Ranking)
        for item, score in zip(e.items, e.scores or [], strict=True)
    }
    hour_of = {
        e.id: arrived // HOUR_MS
        for e, arrived in zip(events, frame["arrived"], strict=True)
        if isinstance(e, Ranking)
    }
    acts = [e for e in events if isinstance(e, Interaction) and (e.ranking, e.item) in scores]
    pairs = {(e.ranking, e.item) for e in acts if e.type in ("impression", "join")}
    hits = {(e.ranking, e.item) for e in acts if e.type == "join"}
    due = newest - lists.lag_h
    for hour in range(due - 20, due + 1):
        predicted = sum(scores[one] for one in pairs if hour_of[one[0]] == hour)
        observed = sum(hour_of[one[0]] == hour for one in hits)
        assert table.until(("predicted", watched.VERSION), hour, 1)[0] == pytest.approx(predicted)
        assert table.until(("observed", watched.VERSION), hour, 1)[0] == observed


def test_the_lists_of_busy_hours_that_are_read_do_not_depend_on_the_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    most = 4
    monkeypatch.setattr(scored, "MANY", most)
    _, frame = world_frame()
    newest = int(frame["arrived"].max()) // HOUR_MS  # type: ignore[arg-type]
    found, whole = [], 0.0
    for size in (len(frame), 997, 60):
        table, lists = HourTable(), ScoredLists(watched.config())
        for begin in range(0, len(frame), size):
            lists.add(with_hours(frame[begin : begin + size]), table)
            assert max(map(len, lists._lists.values()), default=0) <= most
        lists.resolve(newest, table)
        rows = {
            name: table.until(name, newest, HOURS - 1).round(6).tolist()
            for kind in ("predicted", "observed", "score")
            for name in table.names(kind)
        }
        found.append({name: row for name, row in rows.items() if any(row)})
        held = [part for parts in lists._acts.values() for part in parts]
        ids = pl.concat(list(lists._lists.values()))["ranking"]
        assert pl.concat(held)["ranking"].is_in(ids.to_list()).all()
        whole = sum(sum(row) for name, row in rows.items() if name[0] == "score")
    assert found[0] == found[1] == found[2]
    assert {name[0] for name in found[0]} == {"predicted", "observed", "score"}
    scores = frame.filter(pl.col("scores").is_not_null())["scores"].list.len().sum()
    assert whole == pytest.approx(scores, rel=0.3)  # a list stands for those that are not read


def test_fields_are_counted_by_type_and_categories_by_value() -> None:
    events, frame = world_frame()
    table = HourTable()
    FieldSample(watched.config()).add(with_hours(frame), table)
    newest = int(frame["arrived"].max()) // HOUR_MS  # type: ignore[arg-type]
    plain: Counter[tuple[str, ...]] = Counter()
    for event in events:
        kind = {"item": "items", "user": "users"}.get(event_name(event))
        for name, value in event.fields.items() if kind else ():  # type: ignore[union-attr]
            plain["type", f"{kind}.{name}", type_of(value) or ""] += 1
            if name == "language":
                plain["value", f"{kind}.language", str(value)] += 1
    wanted = {one: count for one, count in plain.items() if one[2]}
    assert {one: table.until(one, newest, HOURS - 1).sum() for one in wanted} == wanted
    assert {one[1] for one in wanted} >= {"items.topics", "items.language", "users.language"}
