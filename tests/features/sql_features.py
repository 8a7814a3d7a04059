"""The oracle: every feature as plain SQL, computed by DuckDB.

Each query says what docs/features.md says, slowly. Invariant: nothing here knows how the kernels
compute.
"""

import duckdb
import sql_counts
import sql_facts
from sql_counts import Table

from liverank.features.kinds.attribute import Attribute, Level
from liverank.features.kinds.audience import Audience, AudienceShare, Difference
from liverank.features.kinds.context import Context, Local
from liverank.features.kinds.count import Count
from liverank.features.kinds.fatigue import Fatigue
from liverank.features.kinds.following import Followed, FollowedHere, FollowedLatest
from liverank.features.kinds.lifecycle import Age, Kept, LifeLeft, LifeState
from liverank.features.kinds.listwise import AboveMean, AboveMeanSd, Gap, Rank
from liverank.features.kinds.match import Same, Share
from liverank.features.kinds.momentum import Momentum
from liverank.features.kinds.next_item import NextCount, NextShare
from liverank.features.kinds.rate import Rate
from liverank.features.kinds.recency import Ago
from liverank.features.kinds.total import Average, Total
from liverank.features.kinds.visits import Visits
from liverank.features.layout.layout import Layout


def gap(of: Gap, table: Table, layout: Layout) -> str:
    return f"""
    SELECT read, item, CASE WHEN max(value) OVER list > 0
        THEN (max(value) OVER list - value) / max(value) OVER list
        WHEN value IS NOT NULL THEN 0 END AS value
    FROM candidate LEFT JOIN {table(of.of)} USING (read, item)
    WINDOW list AS (PARTITION BY read)"""


def above_mean(of: AboveMean, table: Table, layout: Layout) -> str:
    return f"""
    SELECT read, item, value - avg(value) OVER (PARTITION BY read) AS value
    FROM candidate LEFT JOIN {table(of.of)} USING (read, item)"""


def above_mean_sd(of: AboveMeanSd, table: Table, layout: Layout) -> str:
    """Of shares of the largest value, since squares of the smallest would be 0."""
    return f"""
    WITH share AS (
        SELECT read, item, CASE WHEN value = 0 THEN 0
            ELSE value / max(abs(value)) OVER (PARTITION BY read) END AS share
        FROM candidate LEFT JOIN {table(of.of)} USING (read, item)
    )
    SELECT read, item, CASE WHEN stddev_pop(share) OVER list > 1e-9
        THEN (share - avg(share) OVER list) / stddev_pop(share) OVER list
        WHEN share IS NOT NULL THEN 0 END AS value
    FROM share WINDOW list AS (PARTITION BY read)"""


def rank(of: Rank, table: Table, layout: Layout) -> str:
    """Values that rounding alone may set apart are better at the one end, worse at the other."""
    signal = table(of.of)
    near = "abs(own.value - other.value) <= 1e-6 * abs(own.value) + 1e-44"
    equal = "own.value = other.value OR own.value::FLOAT = 0 AND other.value::FLOAT = 0"
    return f"""
    WITH pair AS (
        SELECT read, own.item, {equal} AS equal, {near} AS near,
            other.value > own.value AS better
        FROM {signal} AS own JOIN {signal} AS other USING (read)
        WHERE own.item <> other.item AND own.value IS NOT NULL AND other.value IS NOT NULL
    )
    SELECT read, own.item,
        CASE WHEN own.value IS NOT NULL THEN coalesce(
            avg(CASE WHEN equal THEN 0.5 WHEN near THEN 0 ELSE better::INT END), 0) END AS low,
        CASE WHEN own.value IS NOT NULL THEN coalesce(
            avg(CASE WHEN equal THEN 0.5 WHEN near THEN 1 ELSE better::INT END), 0) END AS high
    FROM {signal} AS own LEFT JOIN pair USING (read, item) GROUP BY read, own.item, own.value"""


QUERIES = {
    Count: sql_counts.count,
    Total: sql_counts.total,
    Average: sql_counts.average,
    Rate: sql_counts.rate,
    Ago: sql_counts.ago,
    Fatigue: sql_counts.fatigue,
    Momentum: sql_counts.momentum,
    Difference: sql_counts.difference,
    Share: sql_counts.share,
    NextCount: sql_counts.next_count,
    NextShare: sql_counts.next_share,
    AudienceShare: sql_counts.share,
    Attribute: sql_facts.attribute,
    Level: sql_facts.level,
    Same: sql_facts.same,
    Audience: sql_facts.audience,
    Followed: sql_facts.followed,
    FollowedHere: sql_facts.followed_here,
    FollowedLatest: sql_facts.followed_latest,
    Visits: sql_facts.visits,
    Age: sql_facts.age,
    Kept: sql_facts.kept,
    LifeState: sql_facts.life_state,
    LifeLeft: sql_facts.life_left,
    Context: sql_facts.context,
    Local: sql_facts.local,
    AboveMean: above_mean,
    AboveMeanSd: above_mean_sd,
    Gap: gap,
    Rank: rank,
}
"""The query of each expression, by its type."""


class Oracle:
    """Tables of features, one for each expression that was asked for."""

    def __init__(self, db: duckdb.DuckDBPyConnection, layout: Layout) -> None:
        self.db, self.layout = db, layout
        self._tables: dict[object, str] = {}

    def table(self, expression: object) -> str:
        """The name of the table (read, item, value) of an expression, made at its first use."""
        if expression not in self._tables:
            kind = type(expression)
            assert kind in QUERIES, f"define {kind.__name__} in SQL, and name it in QUERIES"
            query = QUERIES[kind](expression, self.table, self.layout)
            name = self._tables[expression] = f"feature{len(self._tables)}"
            self.db.execute(f"CREATE TABLE {name} AS {query}")
        return self._tables[expression]

    def values(self, expression: object, column: str = "value") -> list[float | None]:
        """The expression for every candidate of every request, in their order."""
        table = self.table(expression)
        return [
            value
            for (value,) in self.db.execute(
                f"SELECT {column}::DOUBLE FROM candidate LEFT JOIN {table} USING (read, item)"
                " ORDER BY read, stands"
            ).fetchall()
        ]
