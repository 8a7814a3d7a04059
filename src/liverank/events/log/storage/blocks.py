"""Blocks: the served rankings of one batch, stored as one row of the tail's file.

A block covers the seqs of its batch, from ``first_seq`` to ``last_seq``. An index holds the 64-bit
XXH3 hashes of the dedup ids in all blocks.
Invariant: a matching hash is confirmed against the block's own ids, so a collision never drops a
ranking; and a block's digest is checked before it is decoded.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl
import xxhash
import zstandard

from liverank.errors import LogCorruptError
from liverank.events.event import Ranking, ServedRanking
from liverank.events.frame import frame_of_columns
from liverank.events.log.storage.ids import Hashes, Ids, ids_of
from liverank.events.log.storage.segments import corrupt
from liverank.events.log.storage.served_codec import (
    LEVEL,
    decode_columns,
    decode_ids,
    decode_rankings,
    encode_rankings,
    may_name,
)

KIND = "ranking:"
"""Prefix of the dedup ids of rankings."""
MOST_ROWS = 1024
"""Maximum number of rankings in a block; a larger batch is split into several."""

_PER_QUERY = 500
_COLUMNS = "last_seq, first_seq, arrived, rows, oldest, newest, digest, body"


class Block(NamedTuple):
    """A row of ``blocks``. Times are in Unix ms; ``digest`` is the XXH3-64 of ``body``, signed."""

    last_seq: int
    first_seq: int
    arrived_ms: int
    rows: int
    oldest_ms: int
    newest_ms: int
    """The newest time; a time after the arrival counts as the arrival."""
    digest: int
    body: bytes

    @classmethod
    def of(
        cls,
        rankings: Sequence[ServedRanking | Ranking],
        compressor: zstandard.ZstdCompressor,
        *,
        arrived_ms: int,
        positions: Sequence[int] | None = None,
    ) -> Self:
        """A block that has no seqs yet; ``first_seq`` is 0."""
        body = encode_rankings(rankings, compressor, positions=positions)
        times = [one.at_ms for one in rankings]
        return cls(
            last_seq=len(rankings) - 1 if positions is None else positions[-1],
            first_seq=0,
            arrived_ms=arrived_ms,
            rows=len(rankings),
            oldest_ms=min(times),
            newest_ms=max(min(time, arrived_ms) for time in times),
            digest=_digest(body),
            body=body,
        )

    def placed(self, first_seq: int) -> Self:
        """The block with this seq as that of its first ranking."""
        return self._replace(
            first_seq=first_seq, last_seq=first_seq + self.last_seq - self.first_seq
        )

    def rankings(self, first_seq: int, last_seq: int) -> list[tuple[int, Ranking]]:
        """The rankings in a range of seqs, ends included, with their seqs."""
        first, last = first_seq - self.first_seq, last_seq - self.first_seq
        return [(self.first_seq + at, one) for at, one in decode_rankings(self.body, first, last)]

    def frame(self, first_seq: int, last_seq: int, columns: Sequence[str]) -> pl.DataFrame:
        """The rankings in a range of seqs, ends included, as ``columns`` of SCHEMA."""
        first, last = first_seq - self.first_seq, last_seq - self.first_seq
        positions, given = decode_columns(self.body, columns, first, last)
        given |= {
            "event": ["ranking"] * len(positions),
            "seq": [self.first_seq + position for position in positions],
            "arrived": [self.arrived_ms] * len(positions),
        }
        return frame_of_columns(given, len(positions), columns)

    def ids(self) -> list[tuple[int, str]]:
        """The dedup ids of the rankings, with their seqs."""
        return [(self.first_seq + index, KIND + key) for index, key in decode_ids(self.body)]


def blocks_between(
    connection: sqlite3.Connection, first_seq: int, last_seq: int
) -> Iterator[Block]:
    """The blocks that overlap a range of seqs, in order. Raises LogCorruptError."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM blocks WHERE last_seq >= ? ORDER BY last_seq",  # noqa: S608
        (first_seq,),
    )
    for row in rows:
        block = Block(*row)
        if block.first_seq > last_seq:
            break
        if _digest(block.body) != block.digest:
            raise _damaged(connection, block)
        yield block


def block_at(connection: sqlite3.Connection, seq: int) -> tuple[int, int] | None:
    """The first and the last seq of the block that holds a seq; None where none does."""
    found = connection.execute(
        "SELECT first_seq, last_seq FROM blocks WHERE last_seq >= ? ORDER BY last_seq LIMIT 1",
        (seq,),
    ).fetchone()
    return found if found is not None and found[0] <= seq else None


def insert_block(connection: sqlite3.Connection, block: Block, hashes: Hashes) -> None:
    """Insert a block that has its seqs; ``hashes`` are those of its dedup ids (``ids_of``)."""
    connection.execute("INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", block)
    connection.executemany(
        "INSERT OR IGNORE INTO block_ids VALUES (?, ?)",
        [(key, block.last_seq) for key in hashes.view(np.int64).tolist()],
    )


def delete_blocks(connection: sqlite3.Connection, first_seq: int, last_seq: int) -> int:
    """Delete the blocks that end in a range of seqs (inclusive); returns how many rankings."""
    within = (first_seq, last_seq)
    rows: int = connection.execute(
        "SELECT coalesce(sum(rows), 0) FROM blocks WHERE last_seq BETWEEN ? AND ?", within
    ).fetchone()[0]
    if rows:
        connection.execute("DELETE FROM block_ids WHERE block BETWEEN ? AND ?", within)
        connection.execute("DELETE FROM blocks WHERE last_seq BETWEEN ? AND ?", within)
    return rows


def in_blocks(connection: sqlite3.Connection, ids: Ids) -> npt.NDArray[np.bool_]:
    """Which of the dedup ids belong to a ranking of a block: bool[n]."""
    found = np.zeros(len(ids.texts), bool)
    positions = [index for index, text in enumerate(ids.texts) if text.startswith(KIND)]
    keys = ids.hashes.view(np.int64)[positions].tolist()
    likely: dict[int, set[int]] = {}
    for start in range(0, len(keys), _PER_QUERY):
        some = keys[start : start + _PER_QUERY]
        holes = ", ".join("?" * len(some))
        for key, block in connection.execute(
            f"SELECT hash, block FROM block_ids WHERE hash IN ({holes})",  # noqa: S608
            some,
        ):
            likely.setdefault(block, set()).add(key)
    for last_seq, hashes in likely.items():
        (block,) = blocks_between(connection, last_seq, last_seq)
        held = {key for _, key in block.ids()}
        for index, key in zip(positions, keys, strict=True):
            if key in hashes and ids.texts[index] in held:
                found[index] = True
    return found


def ids_in_blocks_after(connection: sqlite3.Connection, seq: int) -> Iterator[list[str]]:
    """The dedup ids of rankings with a seq after ``seq``, block by block."""
    for block in blocks_between(connection, seq + 1, 1 << 62):
        yield [key for at, key in block.ids() if at > seq]


def check_blocks(connection: sqlite3.Connection) -> None:
    """Compare every block with its digest. Raises LogCorruptError."""
    for _ in blocks_between(connection, 0, 1 << 62):
        pass


def blocks_naming(connection: sqlite3.Connection, user: str) -> list[Block]:
    """All blocks that name a user, and possibly others. Raises LogCorruptError."""
    return [one for one in blocks_between(connection, 0, 1 << 62) if may_name(one.body, user)]


def rewrite_block(
    connection: sqlite3.Connection, block: Block, kept: Sequence[tuple[int, Ranking]]
) -> None:
    """Replace a block by one with only its remaining rankings; they keep their seqs."""
    keys = ids_of([key for _, key in block.ids()]).hashes.view(np.int64).tolist()
    connection.executemany(
        "DELETE FROM block_ids WHERE hash = ? AND block = ?",
        [(key, block.last_seq) for key in keys],
    )
    connection.execute("DELETE FROM blocks WHERE last_seq = ?", (block.last_seq,))
    if kept:
        first = kept[0][0]
        kept_block = Block.of(
            [ranking for _, ranking in kept],
            zstandard.ZstdCompressor(level=LEVEL),
            arrived_ms=block.arrived_ms,
            positions=[seq - first for seq, _ in kept],
        )
        hashes = ids_of([KIND + ranking.id for _, ranking in kept]).hashes
        insert_block(connection, kept_block.placed(first), hashes)


def _digest(body: bytes) -> int:
    return xxhash.xxh3_64_intdigest(body) - (1 << 63)


def _damaged(connection: sqlite3.Connection, block: Block) -> LogCorruptError:
    file = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    return corrupt(
        file,
        f"the rankings from seq {block.first_seq} to {block.last_seq} are not what was written",
    )
