"""Rankings that led to a success, counted in pieces, are those that training would label."""

import polars as pl
import pytest
from event_worlds import NOON, worlds
from hypothesis import given
from hypothesis import strategies as st

from liverank.config import Config, parse_config
from liverank.dataset.labels import labelled
from liverank.dataset.labels.labels import label_items, long_stays, successes_of
from liverank.errors import DatasetError
from liverank.events.checks.shown import Shown
from liverank.events.event import Interaction, Ranking
from liverank.events.frame import frame_of

CONFIG = parse_config(
    """
[label]
interaction = "join"
within = "20ms"

[labels.paid]
interaction = "join"
min_value = 5
within = "24h"

[labels.stay]
interaction = "join"
min_duration = "10ms"
within = "24h"
"""
)


def count_plainly(events: pl.DataFrame, config: Config, name: str) -> int | str:
    """The rankings that a label is of: those whose items training would label, each id once."""
    rankings = (
        events.filter(pl.col("event") == "ranking")
        .unique("id", keep="first", maintain_order=True)
        .with_row_index("list")
    )
    items = rankings.select("list", "id", "user", "time", item="items").explode(
        "item", empty_as_null=False
    )
    leaves = events.filter(pl.col("type") == config.presence.leave)
    label = config.heads[name]
    try:
        successes = long_stays(successes_of(events, label), leaves, label)
    except DatasetError as error:
        return str(error)
    rows = pl.Series(label_items(items, successes, label) == 1)
    return items.filter(rows)["list"].n_unique()


def count_in_pieces(frames: list[pl.DataFrame], config: Config, name: str) -> int | str:
    shown = Shown()
    counted = labelled.LabelledRankings(config, shown)
    for frame in frames:
        shown.feed(frame)
        counted.feed(frame)
    try:
        return counted.count(name)
    except DatasetError as error:
        return str(error)


@given(worlds(), st.sampled_from([1, 3, 2_000_000]), st.sampled_from(sorted(CONFIG.heads)))
def test_pieces_give_the_count_of_the_whole(
    frames: list[pl.DataFrame], at_once: int, name: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labelled, "_AT_ONCE", at_once)
        found = count_in_pieces(frames, CONFIG, name)
    assert found == count_plainly(pl.concat(frames), CONFIG, name)


def test_a_success_may_come_long_before_its_ranking_does() -> None:
    ranking = Ranking(time=NOON, id="q1", user="u1", items=["a", "b"])
    named = Interaction(time=NOON + 5, type="join", user="u9", item="a", ranking="q1")
    unnamed = Interaction(time=NOON + 5, type="join", user="u1", item="b")
    for success in (named, unnamed):
        pieces = [frame_of([success]), frame_of([ranking])]
        (first, *_) = CONFIG.heads
        assert count_in_pieces(pieces, CONFIG, first) == 1
