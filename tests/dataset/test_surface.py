"""A ranking's surface is a feature where there are several."""

import pytest

from liverank.autopilot.gather import look_at
from liverank.config import Config, Label
from liverank.dataset.lists.lists import collect_lists
from liverank.dataset.replay import training_rows
from liverank.events.event import Interaction, Ranking
from liverank.events.frame import frame_of
from liverank.features.spec import derive_spec

CONFIG = Config(label=Label(interaction="join"))
NAME = "request_ranking_surface_level"


def rows_of(surfaces):
    events = [
        Ranking(time=1_000 * place, id=f"q{place}", user="u1", items=["r1", "r2"], surface=surface)
        for place, surface in enumerate(surfaces)
    ]
    events.append(Interaction(time=500, type="join", user="u1", item="r2", ranking="q0"))
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    spec = derive_spec(look_at(lambda: [frame], CONFIG), CONFIG)
    lists = collect_lists([frame], spec.layout, CONFIG)
    return training_rows([frame], spec, lists, max_future_ms=300_000.0)


def test_each_row_tells_its_surface_the_most_frequent_first():
    rows = rows_of(["home", "tab", "tab"])
    column = rows.features[:, rows.names.index(NAME)]
    assert column.tolist() == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]


def test_one_surface_alone_says_nothing_and_is_no_feature():
    with pytest.raises(ValueError, match="not in tuple"):
        rows_of(["tab", "tab"]).names.index(NAME)
