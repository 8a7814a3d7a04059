"""Ids for events of files that carry none, so that importing a file twice is harmless.

An id is a hash of what the event says, with a number where a file says the very same more than
once: two equal rows of one file are two events, the same file again is no event.
Invariant: ids depend on the file's content alone, not on its name, its order or what else is
imported with it.
"""

import polars as pl
import xxhash

_CONTENT = (
    "event", "time", "user", "item", "state", "relation", "target", "active", "type", "ranking",
    "value", "fields",
)  # fmt: skip
_DIGITS = 20  # 80 bits: two of a billion events agree by chance once in two million logs


def with_content_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """Give each event of one file that has no id one that tells its content.

    >>> from liverank.events.event import User
    >>> from liverank.events.frame import frame_of
    >>> twice = frame_of([User(time=0, user="u1"), User(time=0, user="u1")])
    >>> first, second = with_content_ids(twice)["id"]
    >>> second == first + "-2"
    True
    """
    bare = frame.filter(pl.col("id").is_null())
    if bare.is_empty():
        return frame
    texts = bare.select(
        pl.concat_str(
            [pl.col(name).cast(pl.String).fill_null("\x00") for name in _CONTENT], separator="\x1f"
        )
    ).to_series()
    digest = xxhash.xxh3_128_hexdigest
    ids = pl.Series("id", ["~" + digest(text.encode())[:_DIGITS] for text in texts])
    repeated = ids.is_duplicated()
    if repeated.any():
        time = pl.int_range(1, pl.len() + 1).over("id")
        numbered = pl.when(time == 1).then("id").otherwise(pl.format("{}-{}", "id", time))
        ids = ids.scatter(
            repeated.arg_true(), ids.filter(repeated).to_frame().select(numbered).to_series()
        )
    places = frame.select(pl.arg_where(pl.col("id").is_null())).to_series()
    return frame.with_columns(frame["id"].scatter(places, ids))
