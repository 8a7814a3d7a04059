"""Ids made of the content of events."""

import polars as pl

from liverank.events.content_ids import OF_FILE, Numbering


def test_equal_ids_are_numbered_however_a_frame_lies_in_memory():
    ids = ["~an id that is too long to be stored in the view itself"] * 5
    whole = pl.DataFrame(
        {"id": ids, OF_FILE: [0, 0, 1, 1, 0]}, schema_overrides={OF_FILE: pl.Int64}
    )
    pieces = pl.concat([whole[:1], whole[1:2], whole[2:]], rechunk=False)
    first, expected = ids[0], ["", "-2", "", "-2", "-3"]
    for frame in (whole, pieces):
        numbered = Numbering().number(frame)["id"].to_list()
        assert numbered == [first + suffix for suffix in expected]
