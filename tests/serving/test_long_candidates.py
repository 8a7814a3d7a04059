"""Lists that are longer than what is looked up at once are as short ones are."""

import numpy as np
import pytest
import zstandard
from test_ranker import folded_of

from liverank.events.event import Item, ServedRanking, check_ranking
from liverank.events.log.storage.served_codec import decode_rankings, encode_rankings
from liverank.features.hashing import hash_id
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.candidates import Hashes, candidates_of
from liverank.serving.state.live_table import LivePublisher

COUNT = 20_001
NAMES = [f"r{number}" for number in range(COUNT)]


def test_a_long_list_with_repeats_is_each_item_once_in_the_order_of_the_request():
    ended = Item(time=5, item="r7", state="ended")
    live = LivePublisher(folded_of(ended).live).table
    hashes = Hashes()
    request = RankRequest(user="u1", items=[*NAMES, *NAMES[::3]], exclude=["r9000"])
    found, dropped = candidates_of(request, live, hashes, at_ms=10)

    expected = [name for name in NAMES if name not in ("r7", "r9000")]
    assert dropped == {"ended": 1, "excluded": 1}
    assert found.all_names() == expected
    assert found.hashes.tolist() == [hash_id(name) for name in expected]
    longest = [f"x{number}" for number in range(100_001)]
    assert hashes.of(longest).tolist() == [hash_id(name) for name in longest]
    assert "x0" not in hashes, "a long list takes the place of no other"
    for count in (0, 1, 8_192, 8_193, len(expected)):
        places = np.random.default_rng(count).permutation(len(expected))[:count].tolist()
        assert found.names(places) == [expected[place] for place in places]


def test_a_long_ranking_is_stored_as_it_is_and_a_repeat_in_it_found():
    scores = np.linspace(1, 0, COUNT, dtype=np.float32)
    ranking = ServedRanking(
        time=7, id="q", user="u", items=NAMES[::-1], candidates=NAMES, scores=scores
    )
    check_ranking(ranking)
    [(_, stored)] = decode_rankings(encode_rankings([ranking], zstandard.ZstdCompressor(1)))
    assert (stored.items, stored.candidates) == (NAMES[::-1], NAMES)
    assert stored.scores == scores.tolist()

    with pytest.raises(ValueError, match=r"got `r5` again - at `\$.items\[20001\]`"):
        check_ranking(ServedRanking(time=7, id="q", user="u", items=[*NAMES, "r5"]))
    with pytest.raises(ValueError, match="Expected one of `candidates`, got `x`"):
        check_ranking(ServedRanking(time=7, id="q", user="u", items=["x"], candidates=NAMES))
