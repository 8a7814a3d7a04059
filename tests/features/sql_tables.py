"""The tables from which the oracle in SQL computes features: a log as docs/features.md reads it.

Only the words of titles and the order of keys come from liverank, as data. Times are Unix ms.
Invariant: the tables follow from the log's JSON, the layout and the requests.
"""

from collections.abc import Iterator

import duckdb
import msgspec
import numpy as np
from sql_logs import MAX_FUTURE_MS, TITLES, Log
from sql_scopes import scope_tables

from liverank.features.hashing import hash_id
from liverank.features.kernels.fold.entities import ONE
from liverank.features.kernels.memory.index import row_key
from liverank.features.layout.constants import MAX_ELEMENTS, RECENT_ITEMS
from liverank.features.layout.layout import Layout
from liverank.features.stream.tokens import words_of

NEVER = 1e18
SPANS = 7
"""Spans of time into which `presence.expire_after` is cut for audiences."""


def tables_of(log: Log, layout: Layout) -> duckdb.DuckDBPyConnection:
    """A database in memory that holds the tables of a log."""
    db = duckdb.connect(config={"threads": 1})  # tables are small: threads wait for one another
    db.execute("SET threads = 1")
    _fill(db, log, layout)
    for statement in (*_log_tables(layout), *_history_tables(layout)):
        db.execute(statement)
    for scope in layout.scopes:
        for statement in scope_tables(scope):
            db.execute(statement)
    return db


def _fill(db: duckdb.DuckDBPyConnection, log: Log, layout: Layout) -> None:
    """The tables of what was sent and asked, and of what liverank settles."""
    wire = [
        {"seq": place + 1, "arrived": arrived, "wire": msgspec.to_builtins(event)}
        for place, (event, arrived) in enumerate(zip(log.events, log.arrived_ms, strict=True))
    ]
    requests = [{"read": place, **asked._asdict()} for place, asked in enumerate(log.requests)]
    fields = [
        {"entity": field.entity, "field": field.name, "type": field.type} for field in layout.fields
    ]
    sent = set(layout.types)
    if layout.label != layout.label_interaction:
        sent -= {layout.label}
    if layout.impressions_from_rankings:
        sent -= {layout.impression}
    types = [
        {
            "type": name,
            "type_place": place,
            "is_sent": name in sent,
            "is_positive": name in layout.positive,
        }
        for place, name in enumerate(layout.types)
    ]
    words = [{"title": title, "words": words_of(title, MAX_ELEMENTS)} for title in TITLES if title]
    items = {event.item for event in log.events if hasattr(event, "item")}
    items |= {item for event in log.events for item in getattr(event, "items", [])}
    item_scope = layout.scope_index(layout.scope("item"))
    keys = [
        {"item": item, "key": int(row_key(item_scope, np.uint64(hash_id(item)), ONE))}
        for item in sorted(items)
    ]
    for name, rows, columns in (
        ("wire", wire, '{"seq":"BIGINT","arrived":"DOUBLE","wire":"JSON"}'),
        (
            "request",
            requests,
            '{"read":"INT","before":"BIGINT","user":"VARCHAR","at_ms":"DOUBLE",'
            '"items":["VARCHAR"],"fields":"JSON"}',
        ),
        ("field", fields, '{"entity":"VARCHAR","field":"VARCHAR","type":"VARCHAR"}'),
        (
            "type",
            types,
            '{"type":"VARCHAR","type_place":"INT","is_sent":"BOOLEAN","is_positive":"BOOLEAN"}',
        ),
        ("title", words, '{"title":"VARCHAR","words":["VARCHAR"]}'),
        ("key", keys, '{"item":"VARCHAR","key":"UBIGINT"}'),
    ):
        db.execute(
            f"CREATE TABLE {name} AS SELECT unnest(from_json(?, '[{columns}]'), recursive := false,"
            " max_depth := 2)",
            [msgspec.json.encode(rows).decode()],
        )


def _log_tables(layout: Layout) -> Iterator[str]:
    """What happened, what was said of whom and how long it held, and what is asked for."""
    yield f"""
    CREATE TABLE event AS
    SELECT seq, wire->>'event' AS kind, wire->>'user' AS who, wire->>'item' AS item,
        CASE WHEN (wire->>'time')::DOUBLE > arrived + {MAX_FUTURE_MS} THEN arrived
            ELSE (wire->>'time')::DOUBLE END AS at_ms,
        wire->>'state' AS state, wire->>'type' AS type, (wire->>'value')::DOUBLE AS value,
        wire->>'relation' AS relation, wire->>'target' AS target,
        (wire->>'active')::BOOLEAN AS active, (wire->'items')::VARCHAR[] AS items,
        wire->'fields' AS fields
    FROM wire"""
    yield """
    CREATE TABLE asked AS
    SELECT read, before, "user" AS who, at_ms, len(items) AS candidates FROM request"""
    yield """
    CREATE TABLE candidate AS
    SELECT read, item, place - 1 AS stands, before, who, at_ms
    FROM asked JOIN (
        SELECT read, unnest(items) AS item, generate_subscripts(items, 1) AS place FROM request
    ) USING (read)"""
    yield """
    CREATE MACRO level_of(said) AS
    CASE WHEN json_type(said) = 'DOUBLE' AND said::DOUBLE = floor(said::DOUBLE)
        THEN said::DOUBLE::BIGINT::VARCHAR ELSE said->>'$' END"""
    yield f"""
    CREATE TABLE said AS -- of fields; it holds before each event after `since` up to `until`
    WITH told AS (
        SELECT seq, at_ms, kind AS entity, coalesce(item, who) AS owner, fields,
            unnest(json_keys(fields)) AS field
        FROM event WHERE kind IN ('item', 'user')
        UNION ALL
        SELECT 0, 0, 'request', read::VARCHAR, fields, unnest(json_keys(fields)) FROM request
    ), news AS ( -- what no later event had said already
        FROM told QUALIFY at_ms >= max(at_ms) OVER (
            PARTITION BY entity, owner, field ORDER BY seq ROWS UNBOUNDED PRECEDING
        )
    )
    SELECT entity, owner, field, type, seq AS since,
        lead(seq, 1, {NEVER}) OVER (PARTITION BY entity, owner, field ORDER BY seq) AS until,
        json_extract(fields, '$.' || field) AS value
    FROM news JOIN field USING (entity, field)"""
    yield f"""
    CREATE TABLE element AS -- the first distinct values of a field, or words of a text
    WITH listed AS (
        SELECT said.*, CASE
            WHEN json_type(value) = 'NULL' THEN []
            WHEN type = 'text' THEN coalesce(words, [])
            WHEN json_type(value) = 'ARRAY' AND type = 'keys'
                THEN list_transform(json_extract(value, '$[*]'), lambda one: level_of(one))
            WHEN json_type(value) = 'ARRAY' THEN []
            ELSE [level_of(value)] END AS elements
        FROM said LEFT JOIN title ON title = value->>'$'
        WHERE type NOT IN ('number', 'time')
    ), placed AS (
        SELECT * EXCLUDE (elements), unnest(elements) AS element,
            generate_subscripts(elements, 1) AS place
        FROM listed
    )
    SELECT entity, owner, field, since, until, element, min(place) AS place
    FROM placed GROUP BY entity, owner, field, since, until, element
    QUALIFY row_number() OVER (PARTITION BY entity, owner, field, since ORDER BY min(place))
        <= {MAX_ELEMENTS}"""
    yield """
    CREATE TABLE number AS
    SELECT entity, owner, field, type, since, until, CASE
        WHEN json_type(value) = 'BOOLEAN' THEN value::BOOLEAN::INT::DOUBLE
        WHEN type = 'time' AND json_type(value) = 'VARCHAR'
            THEN epoch_ms((value->>'$')::TIMESTAMPTZ)::DOUBLE
        ELSE (value->>'$')::DOUBLE END AS number
    FROM said WHERE type IN ('number', 'time')"""
    least = "NULL" if layout.label_min_value is None else layout.label_min_value
    yield f"""
    CREATE TABLE happened AS -- every interaction that counts, in the order in which they did
    WITH counts AS (
        SELECT seq, 0 AS turn, at_ms, who, item, type, value FROM event JOIN type USING (type)
        WHERE kind = 'interaction' AND is_sent
        UNION ALL
        SELECT seq, 1, at_ms, who, item, '{layout.label}', value FROM event
        WHERE type = '{layout.label_interaction}' AND value >= {least}
        UNION ALL
        SELECT seq, generate_subscripts(items, 1), at_ms, who, unnest(items), '{layout.impression}',
            NULL
        FROM event WHERE kind = 'ranking' AND {layout.impressions_from_rankings}
    )
    SELECT * REPLACE (row_number() OVER (ORDER BY seq, turn) AS turn) FROM counts"""


def _history_tables(layout: Layout) -> Iterator[str]:
    """What is remembered of a person when it is read, and where everybody is."""
    yield """
    ALTER TABLE asked ADD COLUMN moment BIGINT"""
    yield """
    UPDATE asked SET moment = (SELECT count(*) FROM happened WHERE seq < before) + 1"""
    moves = f"type IN ('{layout.enter}', '{layout.leave}')"
    yield f"""
    CREATE TABLE moment AS -- before a request, before a success, after coming and going
    SELECT moment, who FROM asked
    UNION SELECT turn, who FROM happened WHERE type = '{layout.label}'
    UNION SELECT turn + 1, who FROM happened WHERE {moves}"""
    yield """
    CREATE MACRO shortened(value) AS -- to eight significant bits
    CASE WHEN value = 0 THEN value ELSE
        round_even(value / 2 ** (floor(log2(abs(value))) - 7), 0)
            * 2 ** (floor(log2(abs(value))) - 7) END"""
    yield f"""
    CREATE TABLE remembered AS
    SELECT moment, happened.* REPLACE (shortened(value) AS value), key, type_place,
        row_number() OVER (
            PARTITION BY moment, happened.who, type = '{layout.impression}'
            ORDER BY at_ms DESC, type_place DESC, coalesce(shortened(value), {NEVER}) DESC, key DESC
        ) AS rank
    FROM moment JOIN happened ON happened.who = moment.who AND turn < moment
        JOIN type USING (type) JOIN key USING (item)
    QUALIFY rank <= {layout.history}"""
    yield f"""
    CREATE TABLE recent AS -- the items of a person's latest successes, the latest first
    SELECT moment, who, item, max(at_ms) AS at_ms,
        row_number() OVER (PARTITION BY moment, who ORDER BY min(rank)) AS place
    FROM remembered WHERE type = '{layout.label}' GROUP BY moment, who, item
    QUALIFY place <= {RECENT_ITEMS}"""

    yield f"""
    CREATE TABLE whereabouts AS -- of a person after coming or going, and since when; or nowhere
    WITH move AS (SELECT turn, who, at_ms AS now_ms FROM happened WHERE {moves}),
    came AS (
        SELECT move.turn, move.who, now_ms, item, at_ms FROM move LEFT JOIN remembered
            ON moment = move.turn + 1 AND remembered.who = move.who AND type = '{layout.enter}'
        QUALIFY row_number() OVER (PARTITION BY move.turn ORDER BY at_ms DESC, key DESC) = 1
    )
    SELECT turn, who, now_ms, at_ms, CASE WHEN NOT EXISTS (
        FROM remembered AS went WHERE moment = came.turn + 1 AND went.who = came.who
            AND went.item = came.item AND type = '{layout.leave}' AND went.at_ms >= came.at_ms
    ) THEN item END AS item
    FROM came"""
    yield f"""
    CREATE TABLE moved AS -- the same, with the span of coming, and from when another took its place
    WITH moved AS (FROM whereabouts SELECT *, floor(at_ms / {layout.present_ms / SPANS}) AS span)
    SELECT *, coalesce((
        SELECT min(later.turn) FROM moved AS later WHERE later.item = moved.item
            AND later.span > moved.span AND (later.span - moved.span) % {SPANS + 1} = 0
    ), {NEVER}) AS until_turn
    FROM moved"""
    yield f"""
    CREATE TABLE audience AS -- of an item, right after somebody came
    WITH came AS (
        SELECT * FROM moved WHERE item IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY who, item, at_ms ORDER BY turn) = 1
    ), there AS (
        SELECT came.turn, came.item, came.now_ms, there.item AS is_in, there.span
        FROM came JOIN moved AS there ON there.turn <= came.turn
        QUALIFY row_number() OVER (PARTITION BY came.turn, there.who ORDER BY there.turn DESC) = 1
            AND there.until_turn > came.turn
    )
    SELECT turn, item, count(*) AS people
    FROM there WHERE is_in = item AND {is_lately("now_ms", "span", layout)}
    GROUP BY turn, item"""


def is_lately(now_ms: str, span: str, layout: Layout) -> str:
    """Whether somebody who came in that span of time counts for the audience now."""
    return f"floor({now_ms} / {layout.present_ms / SPANS}) - {span} < {SPANS}"
