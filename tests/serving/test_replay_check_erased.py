"""After an erasure, ``replay --check`` compares what it can and says why it skips the rest."""

import threading
import time

from rank_servers import act, person, room, running_server
from test_served_equals_replayed import SERVER, SPEC, promote, replay_check

from liverank.dataset.served import EARLIER
from liverank.events.event import Ranking
from liverank.events.frame import events_of
from liverank.events.log import Log

ROOMS = [f"r{number}" for number in range(6)]


def a_world() -> list[dict]:
    people = [person(f"u{number}", language="en") for number in range(3)]
    rooms = [room(item, host="u0", topics=["t1"]) for item in ROOMS]
    joins = [act("join", f"u{n % 3}", ROOMS[n % 6], id=f"i{n}") for n in range(30)]
    return [*people, *rooms, *joins]


def rankings_in(site) -> dict[str, tuple[int, int | None]]:
    """The seq and the generation of each ranking in the log, by its id."""
    with Log.open(site / ".liverank/log") as log:
        return {
            event.id: (seq, event.generation)
            for frame in log.read()
            for seq, event in zip(frame["seq"].to_list(), events_of(frame), strict=True)
            if isinstance(event, Ranking)
        }


def test_rankings_before_an_erasure_are_skipped_and_those_after_it_compared(tmp_path):
    site = tmp_path / "site"
    promote(site, SPEC)
    with running_server(site, config=SERVER) as server:
        server.send_and_fold(*a_world())
        for number in range(5):
            server.rank(user="u1", items=ROOMS, id=f"before{number}")
        response = server.client.delete("/v1/users/u2")
        assert response.json()["erased_rows"] == 11
        server.send_and_fold(act("join", "u1", "r1"))
        for number in range(7):
            server.rank(user="u1", items=ROOMS, id=f"after{number}")
        server.terminate()
    told = replay_check(site)
    assert (told["ok"], told["rankings"], told["mismatches"]) == (True, 7, 0)
    assert told["skipped"] == {EARLIER: 5}


def test_a_ranking_between_an_erasure_and_the_refold_is_skipped(tmp_path):
    site = tmp_path / "site"
    promote(site, SPEC)
    with running_server(site, config=SERVER) as server:
        server.send_and_fold(*a_world())
        stop = threading.Event()

        def ask() -> None:
            number = 0
            while not stop.is_set():
                server.rank(user="u1", items=ROOMS, id=f"q{number}")
                number += 1

        asking = threading.Thread(target=ask)
        asking.start()
        with Log.open(site / ".liverank/log") as log:
            log.erase("u2", at_ms=int(time.time() * 1000))
            erased_at = log.last_seq()
        deadline = time.monotonic() + 30
        while 2 not in {generation for _, generation in rankings_in(site).values()}:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        stop.set()
        asking.join()
        server.terminate()
    rankings = rankings_in(site)
    skipped = [seq for seq, generation in rankings.values() if generation == 1]
    assert max(skipped) > erased_at, "some were made between the erasure and the refold"
    told = replay_check(site)
    assert (told["ok"], told["mismatches"]) == (True, 0)
    assert told["rankings"] == len(rankings) - len(skipped) > 0
    assert told["skipped"] == {EARLIER: len(skipped)}
