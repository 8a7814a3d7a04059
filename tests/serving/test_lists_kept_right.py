"""What is never in a list, how equals stand, what ranks without a model, and what is lost."""

from functools import partial

import pytest
from rank_servers import a_bundle
from test_ranker import BY_POPULARITY, SPEC, RefusingLog, folded_of, ranked_by

from liverank.bundle import store
from liverank.bundle.bundle import load_bundle
from liverank.bundle.files import write_bundle
from liverank.errors import EventError, LogError
from liverank.events.event import Interaction, Item, ServedRanking
from liverank.features.hashing import hash_id
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking import ranking_log
from liverank.serving.ranking.fallback import FallbackLevel, choose_level
from liverank.serving.ranking.ranker import make_ranker
from liverank.serving.ranking.ranking_log import RankingWriter

ROOMS = [f"r{number}" for number in range(6)]


@pytest.fixture(params=["by a model", "by popularity"])
def ranker(request, tmp_path):
    if request.param == "by popularity":
        return BY_POPULARITY
    write_bundle(tmp_path / "one", a_bundle(SPEC))
    return make_ranker(FallbackLevel(load_bundle(tmp_path / "one"), None, None), SPEC.layout)


def rooms(*events):
    """Six live rooms of one age, and what else happened."""
    return folded_of(*(Item(time=0, item=room, state="started") for room in ROOMS), *events)


def test_an_item_that_has_ended_is_not_served_though_the_request_names_it(ranker):
    folded = rooms(Item(time=5, item="r2", state="ended"), Item(time=6, item="r4", state="ended"))
    named = ranked_by(ranker, folded, RankRequest(user="u1", items=[*ROOMS, "stranger"]))

    assert sorted(named.items) == ["r0", "r1", "r3", "r5", "stranger"]
    assert named.dropped == {"ended": 2}
    assert sorted(named.candidates.all_names()) == sorted(named.items), "nor was it compared with"
    of_all = ranked_by(ranker, folded, RankRequest(user="u1"))
    assert sorted(of_all.items) == ["r0", "r1", "r3", "r5"]


def test_an_excluded_item_is_not_served_and_is_counted_when_all_that_is_live_is_ranked():
    ranked = ranked_by(BY_POPULARITY, rooms(), RankRequest(user="u1", exclude=["r1", "stranger"]))

    assert sorted(ranked.items) == ["r0", "r2", "r3", "r4", "r5"]
    assert ranked.dropped == {"excluded": 1}


def mixed_hash(request_id, item):
    """What orders equals, in Python's own whole numbers."""
    word = ((hash_id(item) ^ hash_id(request_id)) * 0x9E3779B97F4A7C15) % 2**64
    return word ^ (word >> 32)


@pytest.mark.parametrize("items", [None, ROOMS, ROOMS[::-1]], ids=["live", "named", "turned"])
def test_equals_are_ordered_by_a_hash_of_request_id_and_item(items):
    folded = rooms()
    orders = set()
    for request_id in ("q1", "q2", "q3", "q4"):
        request = RankRequest(user="u1", items=items)
        ranked = ranked_by(BY_POPULARITY, folded, request, request_id=request_id)
        assert len(set(ranked.scores.tolist())) == 1
        assert ranked.items == sorted(ROOMS, key=partial(mixed_hash, request_id))
        orders.add(tuple(ranked.items))
    assert len(orders) == 4, "another request has another order"


def test_where_no_candidate_had_a_success_the_latest_start_comes_first():
    folded = folded_of(
        *(Item(time=1000 * place, item=room, state="started") for place, room in enumerate(ROOMS)),
        Interaction(time=6000, type="join", user="u2", item="r0"),
    )
    newest = ranked_by(BY_POPULARITY, folded, RankRequest(user="u1", items=ROOMS[1:]))
    assert (newest.items, newest.fallback) == (ROOMS[:0:-1], "newest")
    assert "none of the candidates had a success yet" in str(newest.reason)

    popular = ranked_by(BY_POPULARITY, folded, RankRequest(user="u1", items=ROOMS))
    assert (popular.items[0], popular.fallback) == ("r0", "popular")


def test_the_bundle_before_the_one_that_does_not_load_ranks_and_says_why(tmp_path):
    old, new = (store.add(tmp_path, a_bundle(SPEC, seed=seed)) for seed in (1, 2))
    for version in (old, new):
        store.promote(tmp_path, version)
    assert choose_level(tmp_path).bundle.version == new

    (store.directory_of(tmp_path, new) / "model.npz").write_bytes(b"broken")
    level = choose_level(tmp_path)
    assert (level.bundle.version, level.fallback, level.promoted) == (old, "previous", new)
    assert "model.npz: changed since it was written" in level.reason

    (store.directory_of(tmp_path, old) / "model.npz").unlink()
    level = choose_level(tmp_path)
    assert (level.bundle, level.fallback) == (None, "popular")


def rankings(count):
    return [ServedRanking(time=7, id=f"q{n}", user="u1", items=["r1"]) for n in range(count)]


class ChoosyLog:
    """A log that takes nothing of a ranking which breaks a rule, and of a batch that holds it."""

    def __init__(self) -> None:
        self.taken = []

    def append_served(self, batch, *, arrived_ms):
        if any(ranking.id == "q1" for ranking in batch):
            raise EventError("q1 is none")
        self.taken += [ranking.id for ranking in batch]


def test_a_ranking_that_the_log_refuses_is_counted_as_lost_and_loses_no_other():
    log = ChoosyLog()
    writer = RankingWriter(log, clock_ms=lambda: 7)
    for ranking in rankings(4):
        writer.put(ranking)
    writer.close()
    assert (writer.lost, writer.logged) == (1, 3)
    assert log.taken == ["q0", "q2", "q3"]


def test_rankings_that_find_no_room_to_wait_are_counted_as_lost(monkeypatch):
    monkeypatch.setattr(ranking_log, "MAX_QUEUED", 2)
    monkeypatch.setattr(ranking_log, "GATHER_S", 60.0)
    writer = RankingWriter(RefusingLog(LogError("no luck")), clock_ms=lambda: 7)
    for ranking in rankings(5):
        writer.put(ranking)
    assert (writer.queued, writer.lost) == (2, 3)
    writer.close()
    assert (writer.queued, writer.lost) == (0, 5)
