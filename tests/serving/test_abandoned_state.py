"""The folding process may die while it folds a batch: then state can be read by nobody."""

import time

import pytest
from rank_servers import a_bundle
from test_ranker import BY_POPULARITY, ROOMS, SPEC, folded_of

from liverank.bundle.bundle import load_bundle
from liverank.bundle.files import write_bundle
from liverank.errors import StateBusyError
from liverank.events.event import Interaction, Item
from liverank.features.kernels.memory.offsets import HEADER_VERSION
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.fallback import FallbackLevel
from liverank.serving.ranking.ranker import View, make_ranker, rank
from liverank.serving.state.live_table import LivePublisher


@pytest.mark.parametrize("has_model", [False, True])
def test_the_newest_come_first_at_once_and_the_reason_is_told(tmp_path, has_model):
    folded = folded_of(
        *(Item(time=place, item=room, state="started") for place, room in enumerate(ROOMS)),
        Interaction(time=100, type="join", user="u1", item=ROOMS[0]),
    )
    write_bundle(tmp_path / "one", a_bundle(SPEC))
    by_bundle = make_ranker(FallbackLevel(load_bundle(tmp_path / "one"), None, None), SPEC.layout)
    ranker = by_bundle if has_model else BY_POPULARITY
    state = folded.state
    view = View(state, LivePublisher(folded.live).table, ranker, generation=1)
    request = RankRequest(user="u1", items=["stranger", *ROOMS])

    def ranked():
        return rank(view, Hashes(), request, request_id="q", at_ms=10_000, limit=99)

    assert ranked().fallback == (None if has_model else "popular")
    state.store.arrays.header[HEADER_VERSION] += 1
    state.is_abandoned = lambda: True
    began = time.monotonic()
    without = ranked()

    assert time.monotonic() - began < 0.5
    assert (without.fallback, without.model, without.vectors) == ("newest", None, None)
    assert "its process ended within a batch" in without.reason
    assert without.items == [*ROOMS[::-1], "stranger"]
    assert without.cut == state.seq


def test_where_state_changes_too_fast_for_the_model_popularity_ranks_and_says_why(tmp_path):
    folded = folded_of(
        *(Item(time=place, item=room, state="started") for place, room in enumerate(ROOMS)),
        Interaction(time=100, type="join", user="u1", item=ROOMS[4]),
    )
    write_bundle(tmp_path / "one", a_bundle(SPEC))
    ranker = make_ranker(FallbackLevel(load_bundle(tmp_path / "one"), None, None), SPEC.layout)

    class Hurried:
        """State that only short reads come through."""

        seq = folded.state.seq

        def read_cut(self, program, **arguments):
            if program is ranker.program:
                raise StateBusyError("feature state changes faster than it can be read")
            return folded.state.read_cut(program, **arguments)

    view = View(Hurried(), LivePublisher(folded.live).table, ranker, generation=1)
    request = RankRequest(user="u1", items=ROOMS)
    ranked = rank(view, Hashes(), request, request_id="q", at_ms=10_000, limit=99)

    assert (ranked.fallback, ranked.model, ranked.vectors) == ("popular", None, None)
    assert ranked.reason == "feature state changes faster than it can be read"
    assert ranked.items[0] == ROOMS[4]
    assert ranked.cut == folded.seq
