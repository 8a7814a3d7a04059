"""Ids for events of files that have none, so that importing a file twice is harmless.

An id is a hash of the event's content, with a number where a file holds the same event more than
once: two equal rows of one file are two events, but importing the file again adds none. Equal
events have equal times, so equal ids are neighbours wherever events are sorted by time. Invariant:
ids depend on the file's content alone, not on its name, its order or what else is imported with it.
"""

import polars as pl
import xxhash

from liverank.events.row_text import row_text

OF_FILE = "of_file"
"""Column of frames on their way into a log: the number of the file that holds the event, where the
event's ``id`` was made from its content and is not numbered yet; null where the file had an id."""

_CONTENT = (
    "event", "time", "user", "item", "state", "relation", "target", "active", "type", "ranking",
    "value", "fields",
)  # fmt: skip
_DIGITS = 20  # 80 bits: two of a billion events agree by chance once in two million logs


def with_content_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """Give each event without an id one made of its content, the same for equal events.

    >>> from liverank.events.event import User
    >>> from liverank.events.frame import frame_of
    >>> twice = frame_of([User(time=0, user="u1"), User(time=0, user="u1")])
    >>> first, second = with_content_ids(twice)["id"]
    >>> first == second, first[0]
    (True, '~')
    """
    bare = frame.filter(pl.col("id").is_null())
    if bare.is_empty():
        return frame
    texts = bare.select(
        pl.concat_str(
            [pl.col(name).cast(pl.String).fill_null("\x00") for name in _CONTENT], separator="\x1f"
        )
    ).to_series()
    digests = pl.Series("id", list(map(xxhash.xxh3_128_hexdigest, map(str.encode, texts))))
    ids = ("~" + digests.str.slice(0, _DIGITS)).alias("id")
    if bare.height == frame.height:
        return frame.with_columns(ids)
    rows = frame.select(pl.arg_where(pl.col("id").is_null())).to_series()
    return frame.with_columns(frame["id"].scatter(rows, ids))


def with_numbers(ids: pl.Series, bare: pl.Series) -> pl.Series:
    """Number equal content ids of one file: ``-2`` is appended to the second, and so on.

    ``bare``, bool[n], marks the ids that were made of content; the others stay.

    >>> with_numbers(pl.Series(["~a", "~a", "~a"]), pl.Series([True, False, True])).to_list()
    ['~a', '~a', '~a-2']
    """
    if not ids.filter(bare).is_duplicated().any():
        return ids
    given = pl.DataFrame({"id": ids, "bare": bare})
    time = pl.int_range(1, pl.len() + 1).over("id", "bare")
    numbered = pl.when(pl.col("bare") & (time > 1)).then(row_text("{}-{}", "id", time))
    return given.select(numbered.otherwise("id").alias("id")).to_series()


class Numbering:
    """Numbers the equal content ids of each file, given all events in import order.

    >>> frame = pl.DataFrame({"id": ["~a", "~a", "~b"], OF_FILE: [0, 0, 0]})
    >>> numbering = Numbering()
    >>> [numbering.number(part)["id"].to_list() for part in (frame[:1], frame[1:])]
    [['~a'], ['~a-2', '~b']]
    """

    def __init__(self) -> None:
        self._last: str | None = None
        self._times: dict[int, int] = {}
        """How often each file has contained the event with the last id, by file number."""

    def number(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The next events with their final ids, without the column OF_FILE."""
        bare = frame.select("id", OF_FILE).with_row_index("row").drop_nulls(OF_FILE)
        if bare.is_empty():
            return frame.drop(OF_FILE)
        ids = bare["id"]
        is_repeated = (ids == ids.shift(1)).any() or ids[0] == self._last
        if is_repeated:
            times = pl.int_range(1, pl.len() + 1).over("id", OF_FILE)
            if self._times:
                before = pl.col(OF_FILE).replace_strict(
                    self._times, default=0, return_dtype=pl.Int64
                )
                times += pl.when(pl.col("id") == self._last).then(before).otherwise(0)
            bare = bare.with_columns(times=times)
            numbered = pl.when(pl.col("times") > 1).then(row_text("{}-{}", "id", "times"))
            final = bare.select(numbered.otherwise("id").alias("id")).to_series()
            frame = frame.with_columns(frame["id"].scatter(bare["row"], final))
        else:
            bare = bare.with_columns(times=1)
        if ids[-1] != self._last:
            self._last, self._times = ids[-1], {}
        last = bare.filter(pl.col("id") == self._last).group_by(OF_FILE).agg(pl.max("times"))
        self._times |= dict(last.iter_rows())
        return frame.drop(OF_FILE)
