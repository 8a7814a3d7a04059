"""Appending served rankings: a batch becomes a block, one row of the tail's file.

The slow step, encoding the batch, is done before the write lock is taken, on the assumption that
all rankings are accepted; it is repeated only where one is refused.
Invariant: a batch is on disk as a whole when ``append`` returns, or not there at all.
"""

import sqlite3
import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import zstandard

from liverank.errors import EventError
from liverank.events.event import ServedRanking, check_ranking
from liverank.events.log.storage.blocks import KIND, MOST_ROWS, Block, insert_block
from liverank.events.log.storage.database import Database, last_seq_of
from liverank.events.log.storage.ids import Ids, SegmentIds, ids_of
from liverank.events.log.storage.served_codec import LEVEL
from liverank.events.log.storage.tail import in_tail
from liverank.events.log.suppression import screened


class RankingAppendResult(NamedTuple):
    """Result of appending served rankings; accepted ones get consecutive seqs, in their order.

    ``first_seq`` is None when none was accepted.
    """

    first_seq: int | None
    accepted: int
    duplicates: int
    suppressed: int
    """Number of rankings refused because the user was erased."""


class ServedAppender:
    """The write side of a log for served rankings. Thread-safe.

    ``known`` is used under the write lock.
    """

    def __init__(self, database: Database, known: SegmentIds) -> None:
        self._database = database
        self._known = known
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        self._compressing = threading.Lock()

    def append(self, rankings: Sequence[ServedRanking], *, arrived_ms: int) -> RankingAppendResult:
        """See ``Log.append_served``."""
        if not rankings:
            return RankingAppendResult(None, 0, 0, 0)
        try:
            for ranking in rankings:
                check_ranking(ranking)
            ids = ids_of([KIND + one.id for one in rankings])
            blocks = self._blocks(rankings, arrived_ms)
        except (ValueError, OverflowError) as error:
            raise EventError(f"A ranking cannot be stored: {error}") from None
        with self._database.writing() as connection:
            kept, indices, suppressed = self._admitted(connection, rankings, ids)
            if kept is not rankings:
                ids = Ids([ids.texts[index] for index in indices], ids.hashes[indices])
                blocks = self._blocks(kept, arrived_ms)
            last = last_seq_of(connection)
            seq = last
            for number, block in enumerate(blocks):
                hashes = ids.hashes[number * MOST_ROWS : (number + 1) * MOST_ROWS]
                insert_block(connection, block.placed(seq + 1), hashes)
                seq += block.rows
            connection.execute("UPDATE state SET last_seq = ?", (seq,))
        duplicates = len(rankings) - len(kept) - suppressed
        return RankingAppendResult(last + 1 if kept else None, len(kept), duplicates, suppressed)

    def _blocks(self, rankings: Sequence[ServedRanking], arrived_ms: int) -> list[Block]:
        with self._compressing:
            return [
                Block.of(
                    rankings[start : start + MOST_ROWS], self._compressor, arrived_ms=arrived_ms
                )
                for start in range(0, len(rankings), MOST_ROWS)
            ]

    def _admitted(
        self, connection: sqlite3.Connection, rankings: Sequence[ServedRanking], ids: Ids
    ) -> tuple[Sequence[ServedRanking], list[int], int]:
        """The rankings to append, their indices in the batch, and how many are of erased users.

        Returns ``rankings`` itself where all of them are accepted unchanged.
        """
        self._known.refresh(connection)
        known = in_tail(connection, ids) | self._known.find(ids)
        screened_ones = screened(connection, rankings)
        texts = set(ids.texts)
        if screened_ones is rankings and not known.any() and len(texts) == len(rankings):
            return rankings, list(range(len(rankings))), 0
        held = {ids.texts[index] for index in np.flatnonzero(known).tolist()}
        kept: list[ServedRanking] = []
        indices: list[int] = []
        suppressed = 0
        for index, (text, ranking) in enumerate(zip(ids.texts, screened_ones, strict=True)):
            if ranking is None:
                suppressed += 1
            elif text not in held:
                held.add(text)
                kept.append(ranking)
                indices.append(index)
        return kept, indices, suppressed
