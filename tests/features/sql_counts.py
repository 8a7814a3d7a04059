"""Counts, sums, rates and what follows from them as plain SQL, over the tables of ``sql_scopes``.

``table`` gives the name of the table (read, item, value) of another expression. A candidate that is
missing, or whose value is NULL, is NaN.
"""

from collections.abc import Callable
from typing import TypeAlias

from liverank.features.kinds.audience import AudienceShare, Difference
from liverank.features.kinds.count import Count
from liverank.features.kinds.fatigue import Fatigue
from liverank.features.kinds.match import Share
from liverank.features.kinds.momentum import Momentum
from liverank.features.kinds.next_item import NextCount, NextShare
from liverank.features.kinds.rate import Rate
from liverank.features.kinds.recency import Ago
from liverank.features.kinds.total import Average, Total
from liverank.features.layout.layout import Layout
from liverank.quantities import duration_ms

DAY_MS = 86_400_000.0
Table: TypeAlias = Callable[[object], str]


def combined(how: str, value: str) -> str:
    """The elements of a list as one number."""
    return {
        "sum": f"sum({value})",
        "max": f"max({value})",
        "min": f"min({value})",
        "mean": f"avg({value})",
        "first": f"arg_min({value}, place)",
    }[how]


def weight(half_life: str) -> str:
    """What an interaction weighs."""
    return f"2 ** -(age_ms / '{duration_ms(half_life)}'::DOUBLE)"


def counts(scope: str, type_: str, half_life: str, name: str = "count") -> str:
    """The decayed count of a type, for each row of a scope that candidates have."""
    return (
        f"SELECT read, item, place, coalesce(sum({weight(half_life)})"
        f" FILTER (type = '{type_}'), 0) AS {name} FROM met_{scope} GROUP BY read, item, place"
    )


def totals(scope: str, type_: str, half_life: str) -> str:
    """The decayed sum of a type's values, for each row of a scope that candidates have."""
    return (
        f"SELECT read, item, place, coalesce(sum({weight(half_life)} * value)"
        f" FILTER (type = '{type_}'), 0) AS total FROM met_{scope} GROUP BY read, item, place"
    )


def count(of: Count, table: Table, layout: Layout) -> str:
    return f"""
    SELECT read, item, {combined(of.combine, "count")} AS value
    FROM ({counts(of.scope, of.type, of.half_life)}) GROUP BY read, item"""


def total(of: Total, table: Table, layout: Layout) -> str:
    return f"""
    SELECT read, item, {combined(of.combine, "total")} AS value
    FROM ({totals(of.scope, of.type, of.half_life)}) GROUP BY read, item"""


def average(of: Average, table: Table, layout: Layout) -> str:
    rows = f"""({totals(of.scope, of.type, of.half_life)})
        JOIN ({counts(of.scope, of.type, of.half_life)}) USING (read, item, place)"""
    return _smoothed(of, table, rows, "total", "count", of.prior_events)


def rate(of: Rate, table: Table, layout: Layout) -> str:
    rows = f"""({counts(of.scope, of.type, of.half_life)})
        JOIN ({counts(of.scope, of.trials, of.half_life, "trials")}) USING (read, item, place)"""
    return _smoothed(of, table, rows, "count", "trials", of.prior_trials)


def _smoothed(of: Rate | Average, table: Table, rows: str, part: str, whole: str, k: float) -> str:
    """A rate or an average that falls back on a wider scope's."""
    prior = "SELECT read, item, 0 AS value FROM candidate"
    if of.prior is not None:
        prior = f"FROM {table(of.prior)}"
    unknown = "prior.value" if isinstance(of, Rate) and of.passes_prior else "NULL"
    value = f"({part} + {k} * prior.value) / ({whole} + {k})"
    return f"""
    SELECT read, item, coalesce({combined(of.combine, value)}, any_value({unknown})) AS value
    FROM candidate JOIN ({prior}) AS prior USING (read, item)
        LEFT JOIN ({rows}) USING (read, item)
    GROUP BY read, item"""


def ago(of: Ago, table: Table, layout: Layout) -> str:
    return f"""
    SELECT read, item, min(greatest(at_ms - happened, 0)) / 1000 AS value
    FROM met_{of.scope} WHERE type = '{of.type}' GROUP BY read, item"""


def fatigue(of: Fatigue, table: Table, layout: Layout) -> str:
    return f"""
    WITH last AS (
        SELECT read, item, place, max(happened) FILTER (is_positive) AS liked
        FROM met_{of.scope} LEFT JOIN type USING (type) GROUP BY read, item, place
    ), row AS (
        SELECT read, item, place, coalesce(sum(2 ** -(age_ms / {DAY_MS})) FILTER (
            type = '{layout.impression}' AND (liked IS NULL OR happened > liked)
        ), 0) AS fatigue
        FROM met_{of.scope} JOIN last USING (read, item, place) GROUP BY read, item, place
    )
    SELECT read, item, max(fatigue) AS value FROM row GROUP BY read, item"""


def momentum(of: Momentum, table: Table, layout: Layout) -> str:
    short, long = (f"ln(2) / {duration_ms(count.half_life)}" for count in (of.short, of.long))
    return f"""
    SELECT read, item,
        log2((short.value * {short} + {long}) / (long.value * {long} + {long})) AS value
    FROM {table(of.short)} AS short JOIN {table(of.long)} AS long
        USING (read, item)"""


def difference(of: Difference, table: Table, layout: Layout) -> str:
    return f"""
    SELECT read, item, more.value - less.value AS value
    FROM {table(of.more)} AS more JOIN {table(of.less)} AS less USING (read, item)"""


def share(of: Share | AudienceShare, table: Table, layout: Layout) -> str:
    return f"""
    SELECT read, item, part.value / (whole.value + {of.prior}) AS value
    FROM {table(of.part)} AS part JOIN {table(of.whole)} AS whole
        USING (read, item)"""


def next_count(of: NextCount, table: Table, layout: Layout) -> str:
    return f"""
    SELECT read, item, {combined(of.combine, "count")} AS value
    FROM ({counts("next_item", of.type, of.half_life)}) GROUP BY read, item"""


def next_share(of: NextShare, table: Table, layout: Layout) -> str:
    return f"""
    WITH successes AS ( -- of the earlier items, by the rules of the item's row
        SELECT read, item, place, coalesce(sum(2 ** -((greatest(at_ms, latest) - happened)
            / '{duration_ms(of.half_life)}'::DOUBLE)) FILTER (type = '{of.type}'), 0) AS total
        FROM (
            SELECT read, wanted.item, place, asked.at_ms, counted.at_ms AS happened, type,
                max(counted.at_ms) OVER (PARTITION BY read, wanted.item, place) AS latest
            FROM wanted_next_item AS wanted JOIN asked USING (read)
                JOIN counted_item AS counted ON counted.key[1] = wanted.key[1] AND seq < before
        ) GROUP BY read, item, place
    )
    SELECT read, item, {combined(of.combine, f"count / (total + {of.prior})")} AS value
    FROM ({counts("next_item", of.type, of.half_life)}) JOIN successes USING (read, item, place)
    GROUP BY read, item"""
