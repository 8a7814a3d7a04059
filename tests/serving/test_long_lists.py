"""A real server over more live items than it logs: what it compared is learned from, or nothing."""

import numpy as np
import pytest
from rank_servers import CONFIG, SCHEMA, a_bundle, act, room, running_server

from liverank.autopilot.gather import gather, lists_to_train
from liverank.bundle import store
from liverank.config import parse_config
from liverank.dataset.replay import training_rows
from liverank.events.event import Ranking
from liverank.events.frame import events_of
from liverank.events.log import Log
from liverank.features.hashing import hash_ids
from liverank.features.spec import derive_spec
from liverank.serving.ranking.ranking_log import ALWAYS_LOGGED

LIVE = ALWAYS_LOGGED + 60
SPEC = derive_spec(SCHEMA, parse_config(CONFIG))
REQUESTS = 60


def serve_and_join(site, *, log_vectors):
    """Rank all that is live, let the first of each list be joined; the log's frames."""
    version = store.add(site / ".liverank", a_bundle(SPEC))
    store.promote(site / ".liverank", version)
    table = f"\n[serving]\nlog_candidates = 0.0\nlog_vectors = {log_vectors}\n"
    with running_server(site, config=CONFIG + table) as server:
        rooms = [
            room(f"r{number}", host=f"h{number % 9}", topics=[f"t{number % 5}"], language="en")
            for number in range(LIVE - 1)
        ]
        server.send_and_fold(*rooms)  # and its marker is live too
        for number in range(REQUESTS):
            answer = server.rank(id=f"q{number}", user=f"u{number % 8}", limit=12)
            assert answer["model"] == version
            server.send(
                act(
                    "join",
                    f"u{number % 8}",
                    answer["items"][0]["item"],
                    ranking=answer["id"],
                    id=f"i{number}",
                )
            )
        server.terminate()
    with Log.open(site / ".liverank/log") as log:
        return list(log.read())


def rankings_in(frames):
    events = [event for frame in frames for event in events_of(frame)]
    return [event for event in events if isinstance(event, Ranking)]


@pytest.mark.timeout(240)
def test_lists_that_logged_what_was_compared_are_learned_from_as_they_were_served(tmp_path):
    frames = serve_and_join(tmp_path / "site", log_vectors=0.85)
    rankings = rankings_in(frames)
    whole = {ranking.at_ms: ranking for ranking in rankings if ranking.candidates is not None}
    cut = [ranking for ranking in rankings if ranking.candidates is None]
    assert len(rankings) == REQUESTS
    assert LIVE > ALWAYS_LOGGED
    assert len(whole) > len(cut) > 0
    assert {ranking.candidate_count for ranking in cut} == {LIVE}
    assert {ranking.candidate_count for ranking in whole.values()} == {None}

    found = gather(lambda: frames, parse_config(CONFIG))
    assert "candidates" in found.spec.names
    assert sorted(found.lists.reads.at.tolist()) == sorted(map(float, whole))
    assert found.lists.notes[0].startswith(f"{len(cut)} of {REQUESTS} rankings do not name all")

    rows = training_rows(frames, SPEC, found.lists, max_future_ms=300_000.0)
    column = SPEC.names.index("candidates")
    assert (rows.features[:, column] == LIVE).all()
    items = found.lists.reads.items[found.lists.seen]
    for row, item, at_ms in zip(rows.features, items, rows.at_ms.tolist(), strict=True):
        ranking = whole[at_ms]
        read = np.frombuffer(ranking.vectors, "<f4").reshape(LIVE, -1)
        place = hash_ids(ranking.scored).tolist().index(item)
        # all but where it stood: a server scores every item as if it stood first
        told = [name != "position" for name in SPEC.names]
        np.testing.assert_array_equal(row[told], read[place][told])


@pytest.mark.timeout(240)
def test_where_no_list_logged_it_comparisons_are_left_out_of_what_is_learned(tmp_path):
    frames = serve_and_join(tmp_path / "site", log_vectors=0.0)
    found = gather(lambda: frames, parse_config(CONFIG))

    assert len(found.lists) == REQUESTS
    assert not {feature.kind for feature in found.spec.features} & {"in_list"}
    assert "candidates" not in found.spec.names
    assert found.lists.notes[0].startswith("no feature compares candidates within their list")

    # what would have been learned from without the count: another number than was served
    lists = lists_to_train(lambda: frames, SPEC.layout, parse_config(CONFIG))
    rows = training_rows(frames, SPEC, lists, max_future_ms=300_000.0)
    assert (rows.features[:, SPEC.names.index("candidates")] == 12).all()
