"""Candidates that were scored and not served are read with their list, and never learned from."""

import numpy as np

from liverank.config import parse_config
from liverank.dataset.lists.lists import collect_lists
from liverank.events.event import Interaction, Ranking
from liverank.events.frame import frame_of
from liverank.events.schema.schema import Schema
from liverank.features.hashing import hash_ids
from liverank.features.layout.derived_layout import layout_of

CONFIG = parse_config('[label]\ninteraction = "join"')
LAYOUT = layout_of(Schema(interactions=("join",)), CONFIG)


def lists_of(*events):
    return collect_lists([frame_of(events, seqs=range(1, len(events) + 1))], LAYOUT, CONFIG)


def test_candidates_follow_the_served_items_unseen_without_label_or_position():
    lists = lists_of(
        Ranking(
            time=5, id="q1", user="u1", items=["b", "a"], candidates=["a", "b", "c", "d"], cut=0
        ),
        Ranking(time=6, id="q2", user="u1", items=["c"]),
        Interaction(time=7, type="join", user="u1", item="a", ranking="q1"),
        Interaction(time=7, type="join", user="u1", item="d", ranking="q1"),
    )

    assert lists.reads.offsets.tolist() == [0, 4, 5]
    assert lists.reads.items[[0, 1, 4]].tolist() == hash_ids(["b", "a", "c"]).tolist()
    assert set(lists.reads.items[2:4]) == set(hash_ids(["c", "d"]))
    assert lists.labels.tolist() == [0, 1, 0, 0, 0]
    assert lists.seen.tolist() == [True, True, False, False, True]
    assert lists.reads.positions[[0, 1, 4]].tolist() == [0, 1, 0]
    assert np.isnan(lists.reads.positions[2:4]).all()


def test_a_ranking_that_does_not_say_its_candidates_is_read_over_its_items():
    lists = lists_of(Ranking(time=5, id="q1", user="u1", items=["b", "a"]))

    assert lists.sizes.tolist() == [2]
