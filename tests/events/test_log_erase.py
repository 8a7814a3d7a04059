"""Erasing a user from the log: what goes, what stays, and that no byte is left."""

import tempfile
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_event import events
from test_log import click, read

from liverank.errors import EventError, LogBusyError, LogCorruptError
from liverank.events.event import (
    Edge,
    Event,
    ExperimentChange,
    Interaction,
    Item,
    Ranking,
    ServedRanking,
    User,
    dedup_id,
)
from liverank.events.frame import frame_of
from liverank.events.log import EraseResult, Log

ANA = 'ana of the long id / ñ "quoted"'


def without(user: str, events: list[tuple[int, Event]]) -> list[tuple[int, Event]]:
    """What a log holds after an erasure, by its plain definition."""
    left = []
    for seq, event in events:
        if getattr(event, "user", None) == user or getattr(event, "target", None) == user:
            continue
        if not isinstance(event, Edge | ExperimentChange):
            fields = {}
            for name, value in event.fields.items():
                if isinstance(value, list):
                    fields[name] = [one for one in value if one != user]
                elif value != user:
                    fields[name] = value
            event = msgspec.structs.replace(event, fields=fields)
        left.append((seq, event))
    return left


def everything_of(user: str) -> list[Event]:
    return [
        User(time=1, user=user, fields={"language": "en"}, id=f"of {user}"),
        Edge(time=2, user=user, relation="follow", target="bob"),
        Edge(time=3, user="bob", relation="follow", target=user),
        Ranking(time=4, id=f"rq {user}", user=user, items=["r1"]),
        Interaction(time=5, type="join", user=user, item="r1", ranking=f"rq {user}"),
    ]


def mentions_of(user: str) -> list[Event]:
    return [
        Item(time=6, item="r1", fields={"host": user, "speakers": ["bob", user], "seats": 3}),
        Item(time=6, item="r2", fields={"host": user}),
        User(time=7, user="bob", fields={"invited_by": user, "language": "en"}),
        click("kept"),
    ]


def bytes_under(directory: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(directory.rglob("*")) if file.is_file())


def traces_of(user: str, directory: Path) -> bool:
    """Whether a byte sequence of the id, plain or as in JSON, is in any file."""
    found = bytes_under(directory)
    return user.encode() in found or msgspec.json.encode(user)[1:-1] in found


@pytest.mark.parametrize("place", ["tail", "segment", "both"])
def test_their_events_go_and_their_name_in_the_fields_of_others(tmp_path, place):
    batch = [*everything_of(ANA), *mentions_of(ANA)]
    with Log.open(tmp_path) as log:
        if place != "tail":
            log.import_frame(frame_of(batch), arrived_ms=1)
        if place != "segment":
            again = [msgspec.structs.replace(one, id=f"{n}") for n, one in enumerate(batch)]
            log.append(again, arrived_ms=2)
        assert traces_of(ANA, tmp_path)

        erased = log.erase(ANA, at_ms=0)

        times = 2 if place == "both" else 1
        assert erased == EraseResult(rows=5 * times, segments=place != "tail", scrubbed=3 * times)
        left = [msgspec.structs.replace(event, id=None) for _, event in read(log)]
        assert left == times * [
            Item(time=6, item="r1", fields={"speakers": ["bob"], "seats": 3}),
            Item(time=6, item="r2"),
            User(time=7, user="bob", fields={"language": "en"}),
            click(None),
        ]
        assert [seq for seq, _ in read(log)] == [6, 7, 8, 9, 15, 16, 17, 18][: 4 * times]
        assert not traces_of(ANA, tmp_path)
        assert log.last_seq() == 9 * times
        assert log.stats().rows == 4 * times
        log.verify()


def test_an_item_may_have_the_id_of_a_user(tmp_path):
    room = Item(time=1, item="same", state="started")
    joined = Interaction(time=2, type="join", user="bob", item="same")
    with Log.open(tmp_path) as log:
        log.append([room, joined, User(time=3, user="same")], arrived_ms=1)
        assert log.erase("same", at_ms=0) == EraseResult(rows=1, segments=0, scrubbed=0)
        assert [event for _, event in read(log)] == [room, joined]


def test_their_ids_are_forgotten_and_seqs_are_not_used_again(tmp_path):
    batch = [*everything_of("ana"), click("kept")]
    with Log.open(tmp_path) as log:
        log.append(batch, arrived_ms=1)
        log.compact()
        log.erase("ana", at_ms=0)
        assert log.append([batch[0], click("kept")], arrived_ms=2).seqs == [7, None]
        assert log.erase("ana", at_ms=0).rows == 1
        assert log.last_seq() == 7
    with Log.open(tmp_path) as log:
        assert log.append(batch[:1], arrived_ms=3).seqs == [8]


def test_each_change_of_the_past_begins_a_generation_and_nothing_else_does(tmp_path):
    with Log.open(tmp_path) as log:
        identity = log.identity()
        log.append([click("a"), *everything_of("ana")], arrived_ms=1)
        log.import_frame(frame_of([*mentions_of("bea"), *everything_of("ana")]), arrived_ms=1)
        log.compact()
        log.expire(0)
        assert log.erase("nobody", at_ms=0) == EraseResult(0, 0, 0)
        assert log.generation() == 1
        log.erase("ana", at_ms=0)
        assert log.generation() == 2
        assert log.erase("ana", at_ms=0) == EraseResult(0, 0, 0)
        assert log.generation() == 2
        log.erase("bea", at_ms=0)
        assert log.generation() == 3, "fields changed"
        log.expire(10**15)
        assert log.generation() == 4
    with Log.open(tmp_path) as log:
        assert (log.generation(), log.identity()) == (4, identity)
    with Log.open(tmp_path / "other") as other:
        assert other.identity() != identity


@pytest.mark.parametrize("user", ["", "x" * 513, "\udcff"])
def test_what_is_no_id_is_refused(tmp_path, user):
    with Log.open(tmp_path) as log, pytest.raises(EventError, match="a user to erase is"):
        log.erase(user, at_ms=0)


few = st.sampled_from(["u1", "u2", 'é\n"', "\\", "1"])
values = few | st.integers(0, 3) | st.none() | st.booleans()
few_fields = st.dictionaries(few, values | st.lists(few | st.integers(0, 3), max_size=3))
few_events = st.one_of(
    events,
    st.builds(Item, time=st.just(1), item=few, fields=few_fields),
    st.builds(User, time=st.just(1), user=few, fields=few_fields, id=st.none() | few),
    st.builds(Edge, time=st.just(1), user=few, relation=few, target=few),
    st.builds(Ranking, time=st.just(1), id=few, user=few, items=st.just([]), fields=few_fields),
    st.builds(Interaction, time=st.just(1), type=few, user=few, item=few, fields=few_fields),
)
steps = st.one_of(
    st.tuples(st.sampled_from(["append", "import"]), st.lists(few_events, max_size=6)),
    st.tuples(st.sampled_from(["compact", "reopen"]), st.none()),
    st.tuples(st.just("erase"), st.tuples(few, st.integers(-1, 2))),
    st.tuples(st.just("allow"), few),
)


def taken_in(event: Event, erased: dict[str, int], *, any_time: bool) -> Event | None:
    """What the suppression list leaves of a new event, by its plain definition."""
    gone = [user for user, at_ms in erased.items() if any_time or event.at_ms <= at_ms]
    left: list[tuple[int, Event]] = [(0, event)]
    for user in gone:
        left = without(user, left)
    return left[0][1] if left else None


@settings(max_examples=150)
@given(st.lists(steps, max_size=9), few, st.integers(1, 4), st.integers(1, 5))
def test_a_log_after_erasures_is_a_list_without_them(then, last, segment_rows, batch_rows):
    held: list[tuple[int, Event]] = []
    erased_at: dict[str, int] = {}
    known: set[str] = set()
    seq = 0
    with tempfile.TemporaryDirectory() as directory:
        log = Log.open(Path(directory), segment_rows=segment_rows)
        for step, given_ in [*then, ("erase", (last, 1))]:
            if step in ("append", "import"):
                refused = 0
                for sent in given_:
                    event = taken_in(sent, erased_at, any_time=step == "import")
                    if event is None:
                        refused += 1
                        continue
                    key = dedup_id(event)
                    if key is None or key not in known:
                        seq += 1
                        held.append((seq, event))
                        known |= {key} - {None}
                if step == "append":
                    assert len(log.append(given_, arrived_ms=1).suppressed) == refused
                else:
                    imported = log.import_frame(frame_of(given_), arrived_ms=1)
                    assert imported.suppressed == refused
                    assert imported.accepted + imported.duplicates + refused == len(given_)
            elif step == "allow":
                assert log.allow_erased(given_) == (erased_at.pop(given_, None) is not None)
            elif step == "compact":
                log.compact()
                assert log.stats().tail_rows == 0
            elif step == "reopen":
                log.close()
                log = Log.open(Path(directory), segment_rows=segment_rows)
            else:
                user, at_ms = given_
                erased_at[user] = max(at_ms, erased_at.get(user, at_ms))
                left = without(user, held)
                generation = log.generation()
                erased = log.erase(user, at_ms=at_ms)
                assert erased.rows == len(held) - len(left)
                assert erased.scrubbed == len([pair for pair in left if pair not in held])
                assert log.generation() == generation + (left != held)
                held = left
                known = {key for _, event in held if (key := dedup_id(event)) is not None}
            assert read(log, batch_rows=batch_rows) == held
            assert log.last_seq() == seq
            assert log.stats().rows == len(held)
        for start in range(seq + 2):
            assert read(log, start, to_seq=start + 2, batch_rows=batch_rows) == [
                pair for pair in held if start <= pair[0] <= start + 2
            ]
        again = [event for _, event in held if dedup_id(event) is not None]
        refused = len([one for one in again if taken_in(one, erased_at, any_time=False) is None])
        assert log.append(again, arrived_ms=2).duplicates == len(again) - refused
        log.verify()
        log.close()


def test_a_read_goes_on_across_an_erasure(tmp_path):
    with Log.open(tmp_path, segment_rows=10) as log:
        both = [
            Interaction(time=0, type="click", user=("ana", "bob")[n % 2], item="r1")
            for n in range(60)
        ]
        log.import_frame(frame_of(both[:40]), arrived_ms=1)
        log.append(both[40:], arrived_ms=1)
        reading = log.read(batch_rows=5)
        seqs = next(reading)["seq"].to_list()
        log.erase("ana", at_ms=0)
        for frame in reading:
            assert frame.height <= 5
            assert frame["user"].unique().to_list() == ["bob"]
            seqs += frame["seq"].to_list()
        assert seqs == [1, 2, 3, 4, 5, *range(6, 61, 2)]


def test_a_long_gap_is_read_over_in_one_step(tmp_path):
    with Log.open(tmp_path) as log:
        log.append([User(time=0, user="ana")] * 5000, arrived_ms=1)
        log.append([click("last")], arrived_ms=1)
        log.append([User(time=0, user="ana")] * 5000, arrived_ms=1)
        log.erase("ana", at_ms=0)
        assert [frame["seq"].to_list() for frame in log.read(batch_rows=1)] == [[5001]]
        log.compact()
        assert [frame["seq"].to_list() for frame in log.read(batch_rows=1)] == [[5001]]


def test_appends_go_on_meanwhile(tmp_path):
    with Log.open(tmp_path, segment_rows=50) as log, Log.open(tmp_path) as other:
        log.import_frame(
            frame_of([User(time=0, user=f"x{n % 9}") for n in range(2000)]), arrived_ms=1
        )
        stop = threading.Event()
        appended: list[int | None] = []

        def append() -> None:
            while not stop.is_set():
                appended.extend(other.append([click(None)], arrived_ms=1).seqs)

        thread = threading.Thread(target=append)
        thread.start()
        rows = sum(log.erase(f"x{n}", at_ms=0).rows for n in range(8))
        stop.set()
        thread.join()
        assert rows == sum(1 for n in range(2000) if n % 9 != 8)
        assert [seq for seq, event in read(log) if isinstance(event, Interaction)] == appended


def test_a_damaged_segment_is_named_and_nothing_is_erased(tmp_path):
    with Log.open(tmp_path) as log:
        log.import_frame(frame_of(everything_of("ana")), arrived_ms=1)
        log.append(everything_of("ana")[-1:], arrived_ms=1)
        [file] = tmp_path.glob("segments/*.parquet")
        whole = file.read_bytes()
        file.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        with pytest.raises(LogCorruptError, match=file.name):
            log.erase("ana", at_ms=0)
        file.write_bytes(whole)
        assert len(read(log)) == 6


def test_while_somebody_goes_on_reading_the_bytes_stay_and_the_next_open_takes_them(tmp_path):
    log, other = Log.open(tmp_path, busy_s=0.05), Log.open(tmp_path)
    with log, other:
        log.append([*everything_of(ANA), click("kept")], arrived_ms=1)
        with other._database.reading() as connection:
            connection.execute("SELECT * FROM tail").fetchone()
            with pytest.raises(LogBusyError, match="are erased, but their bytes are not off"):
                log.erase(ANA, at_ms=0)
            Log.open(tmp_path, busy_s=0.05).close()
        assert traces_of(ANA, tmp_path)
        Log.open(tmp_path).close()
        assert not traces_of(ANA, tmp_path)
        assert [event.id for _, event in read(other)] == ["kept"]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_log_of_an_earlier_format_is_taken_over(tmp_path, version):
    later = {1: ("salt", "generation", "identity", "erasing"), 2: ("salt",), 3: ()}[version]
    tables = ["blocks", "block_ids", *(["suppressed"] if version < 3 else [])]
    with Log.open(tmp_path) as log:
        log.append([*everything_of("ana"), click("kept")], arrived_ms=1)
        with log._database.writing() as connection:
            for table in tables:
                connection.execute(f"DROP TABLE {table}")
            for column in later:
                connection.execute(f"ALTER TABLE state DROP COLUMN {column}")
            connection.execute(f"PRAGMA user_version = {version}")
    with Log.open(tmp_path) as log:
        assert (log.generation(), len(log.identity())) == (1, 32)
        served = ServedRanking(time=0, id="q", user="ana", items=["r1"])
        assert log.append_served([served], arrived_ms=1).accepted == 1
        assert log.erase("ana", at_ms=0).rows == 6
        assert [event.id for _, event in read(log)] == ["kept"]
