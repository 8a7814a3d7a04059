"""An erased user does not come back: by the same file, by late events, or in others' fields."""

import hashlib

import pytest
from test_log import click, read
from test_log_erase import ANA, everything_of, mentions_of, traces_of

from liverank.events.event import Edge, Interaction, Item, User
from liverank.events.frame import frame_of
from liverank.events.log import Log

NOON = 1_795_428_000_000


def test_the_same_file_brings_an_erased_user_back_neither_whole_nor_by_name(tmp_path):
    file = frame_of([*everything_of(ANA), *mentions_of(ANA)])
    with Log.open(tmp_path) as log:
        log.import_frame(file, arrived_ms=1)
        log.erase(ANA, at_ms=NOON)
        before = [event for _, event in read(log)]
        imported = log.import_frame(file, arrived_ms=2)
        assert (imported.accepted, imported.duplicates, imported.suppressed) == (3, 1, 5)
        again = [event for _, event in read(log)][len(before) :]
        assert again == [event for event in before if event.id != "kept"]
    assert not traces_of(ANA, tmp_path)


def test_a_user_whom_the_log_never_knew_is_refused_when_they_come(tmp_path):
    with Log.open(tmp_path) as log:
        log.erase("ana", at_ms=NOON)
        assert log.generation() == 1
        imported = log.import_frame(frame_of(everything_of("ana")), arrived_ms=1)
        assert (imported.accepted, imported.suppressed) == (0, 5)


def test_an_import_is_refused_whatever_its_time_until_they_are_allowed(tmp_path):
    later = frame_of([User(time=NOON + 1, user="ana"), User(time=NOON, user="bob")])
    with Log.open(tmp_path) as log:
        log.erase("ana", at_ms=NOON)
        assert log.import_frame(later, arrived_ms=1).suppressed == 1
        assert log.allow_erased("bob") is False
        assert log.allow_erased("\udcff") is False
        assert log.allow_erased("ana") is True
        assert log.import_frame(later, arrived_ms=1).suppressed == 0
    with Log.open(tmp_path) as log:
        assert log.import_frame(later, arrived_ms=1).suppressed == 0


def test_what_happened_up_to_the_erasure_is_refused_and_what_happens_later_is_taken_in(tmp_path):
    def batch(time: int) -> list[object]:
        return [
            Interaction(time=time, type="join", user="ana", item="r1"),
            Edge(time=time, user="bob", relation="follow", target="ana"),
            Item(time=time, item="r1", fields={"host": "ana", "speakers": ["bob", "ana"]}),
            Interaction(time=time, type="join", user="bob", item="ana"),
        ]

    with Log.open(tmp_path) as log:
        log.erase("ana", at_ms=NOON)
        taken = log.append(batch(NOON), arrived_ms=NOON + 5)
        assert (taken.seqs, taken.duplicates, taken.suppressed) == ([None, None, 1, 2], 0, (0, 1))
        assert read(log)[0][1].fields == {"speakers": ["bob"]}
        taken = log.append(batch(NOON + 1), arrived_ms=NOON + 5)
        assert (taken.seqs, taken.suppressed) == ([3, 4, 5, 6], ())
        assert [event for _, event in read(log, 3)] == batch(NOON + 1)


def test_the_id_of_a_refused_event_is_not_taken(tmp_path):
    with Log.open(tmp_path) as log:
        log.erase("ana", at_ms=NOON)
        theirs = Interaction(time=1, type="click", user="ana", item="r1", id="a")
        assert log.append([theirs, click("a")], arrived_ms=1).seqs == [None, 1]


@pytest.mark.parametrize("later", [0, 1])
def test_of_two_erasures_the_later_moment_counts(tmp_path, later):
    with Log.open(tmp_path) as log:
        for at_ms in ([NOON, 5], [5, NOON])[later]:
            log.erase("ana", at_ms=at_ms)
        assert log.append([User(time=NOON, user="ana")], arrived_ms=1).suppressed == (0,)


def test_another_process_goes_by_the_list_at_once(tmp_path):
    with Log.open(tmp_path) as log, Log.open(tmp_path) as other:
        other.append([click("a")], arrived_ms=1)
        log.erase("ana", at_ms=NOON)
        assert other.append([User(time=1, user="ana")], arrived_ms=1).suppressed == (0,)


def test_the_list_holds_no_trace_of_an_id_and_no_two_logs_hold_the_same(tmp_path):
    hashes = []
    for name in ("one", "other"):
        with Log.open(tmp_path / name) as log:
            log.append([click("a"), User(time=0, user=ANA)], arrived_ms=1)
            log.erase(ANA, at_ms=NOON)
            with log._database.reading() as connection:
                hashes += [row[0] for row in connection.execute("SELECT hash FROM suppressed")]
        assert not traces_of(ANA, tmp_path / name)
    assert hashes[0] != hashes[1]
    plain = [hashlib.blake2b(ANA.encode(), digest_size=16), hashlib.sha256(ANA.encode())]
    assert not {one.digest()[:16] for one in plain} & set(hashes)
