"""The task in DuckDB: running sums of growing weights by window functions, read by ASOF joins.

A count decayed to ``t`` is ``sum(2 ** (time / h)) * 2 ** (-t / h)``: the sum only runs, so one
window gives it for every event, and an ASOF join finds the last one before each row. (Times count
from the middle of the log; beyond 85 hours either way, five-minute weights would overflow.) What
belongs to the person alone is joined once a list. All cores.
"""

from typing import NamedTuple

import duckdb
import numpy as np
from numpy.typing import NDArray

from peers.task import HALF_LIVES_MS, SCOPES, WANTED, Task, Wanted

_PER_LIST = ("user",)


class Prepared(NamedTuple):
    """A database in memory with both inputs, ids hashed and hosts joined."""

    connection: duckdb.DuckDBPyConnection
    middle_ms: float


def prepare(task: Task) -> Prepared:
    """Read both files into tables."""
    connection = duckdb.connect()
    connection.execute(_inputs(task))
    return Prepared(connection, task.middle_ms)


def compute(prepared: Prepared) -> NDArray[np.float32]:
    """The rows' features, float32[rows, 40]."""
    connection, middle_ms = prepared
    with connection:
        for scope in SCOPES:
            connection.execute(_running_sums(scope, middle_ms))
        columns = connection.execute(_read()).fetchnumpy()
    return np.column_stack(
        [np.ma.filled(columns[wanted.name], np.nan).astype(np.float32) for wanted in WANTED]
    )


def _inputs(task: Task) -> str:
    return f"""
    CREATE TABLE rooms AS
        SELECT hash(item) AS item,
            first(hash(json_extract_string(fields, '$.host')) ORDER BY seq) AS host
        FROM read_parquet('{task.events}')
        WHERE event = 'item' AND fields IS NOT NULL GROUP BY ALL;
    CREATE TABLE happened AS
        SELECT seq, time, type, user, item, host FROM (
            SELECT seq, time, type, hash(user) AS user, hash(item) AS item
            FROM read_parquet('{task.events}') WHERE event = 'interaction'
        ) JOIN rooms USING (item);
    CREATE TABLE reads AS
        SELECT place, list, before_seq, at_ms, at_ms - {task.middle_ms} AS since_middle,
            user, item, host FROM (
            SELECT row_number() OVER () AS place, list, before_seq, at_ms,
                hash(user) AS user, hash(item) AS item
            FROM read_parquet('{task.rows}')
        ) LEFT JOIN rooms USING (item);
    CREATE TABLE lists AS SELECT DISTINCT list, before_seq, at_ms, user FROM reads;
    """


def _running_sums(scope: str, middle_ms: float) -> str:
    """A table of the scope's sums after each of its events."""
    keys = ", ".join(f"happened.{key}" for key in SCOPES[scope])
    wanted = [each for each in WANTED if each.scope == scope]
    sums = ", ".join(f"{_running_sum(each, middle_ms)} AS {each.name}" for each in wanted)
    types = ", ".join(sorted({f"'{each.type}'" for each in wanted}))
    return f"""
    CREATE TABLE sums_{scope} AS SELECT {keys}, seq, {sums} FROM happened
        WHERE type IN ({types})
        WINDOW so_far AS (PARTITION BY {keys} ORDER BY seq ROWS UNBOUNDED PRECEDING)
    """


def _running_sum(wanted: Wanted, middle_ms: float) -> str:
    if wanted.half_life is None:
        return f"max(CASE WHEN type = '{wanted.type}' THEN time END) OVER so_far"
    weight = f"pow(2, (time - {middle_ms}) / {HALF_LIVES_MS[wanted.half_life]})"
    if wanted.half_life == "forever":
        weight = "1.0"
    return f"sum(CASE WHEN type = '{wanted.type}' THEN {weight} ELSE 0 END) OVER so_far"


def _read() -> str:
    """The rows' features: the sums as they were before each row, decayed to its time."""
    features = ", ".join(f"{_decayed(wanted)} AS {wanted.name}" for wanted in WANTED)
    joins = "\n".join(
        f"ASOF LEFT JOIN sums_{scope} "
        f"ON {_same(scope, 'reads')} AND reads.before_seq > sums_{scope}.seq"
        for scope in SCOPES
        if scope not in _PER_LIST
    )
    return f"""
    WITH of_user AS (
        SELECT lists.list, sums_user.* FROM lists
        ASOF LEFT JOIN sums_user ON {_same("user", "lists")} AND lists.before_seq > sums_user.seq
    )
    SELECT {features} FROM reads JOIN of_user USING (list) {joins} ORDER BY place
    """


def _same(scope: str, left: str) -> str:
    return " AND ".join(f"{left}.{key} = sums_{scope}.{key}" for key in SCOPES[scope])


def _decayed(wanted: Wanted) -> str:
    table = "of_user" if wanted.scope in _PER_LIST else f"sums_{wanted.scope}"
    column = f"{table}.{wanted.name}"
    if wanted.half_life is None:
        return f"((reads.at_ms - {column}) / 1000.0)::FLOAT"
    if wanted.half_life == "forever":
        return f"coalesce({column}, 0)::FLOAT"
    decay = f"pow(2, -since_middle / {HALF_LIVES_MS[wanted.half_life]})"
    return f"coalesce({column} * {decay}, 0)::FLOAT"
