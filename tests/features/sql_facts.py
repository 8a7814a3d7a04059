"""What is said of items and people, and where they are, as plain SQL over the tables of a log.

``table`` is as in ``sql_counts``. A candidate that is missing, or whose value is NULL, is NaN.
"""

from sql_counts import DAY_MS, Table
from sql_tables import is_lately

from liverank.features.kinds.attribute import Attribute, Level
from liverank.features.kinds.audience import Audience
from liverank.features.kinds.context import Context, Local
from liverank.features.kinds.following import Followed, FollowedHere, FollowedLatest
from liverank.features.kinds.lifecycle import Age, Kept, LifeLeft, LifeState
from liverank.features.kinds.match import Same
from liverank.features.kinds.visits import Visits
from liverank.features.layout.layout import Layout

MINUTE_MS, HOUR_MS = 60_000.0, 3_600_000.0


def elements(entity: str, field: str) -> str:
    """The known values of a field, for each candidate: (read, item, element)."""
    owner = {"item": "candidate.item", "user": "candidate.who", "request": "read::VARCHAR"}[entity]
    return f"""
    SELECT read, item, element FROM candidate JOIN element
        ON entity = '{entity}' AND field = '{field}' AND owner = {owner}
        AND since < before AND before <= until"""


def attribute(of: Attribute, table: Table, layout: Layout) -> str:
    owner = {"item": "candidate.item", "user": "candidate.who", "request": "read::VARCHAR"}
    return f"""
    SELECT read, item,
        CASE WHEN type = 'time' THEN (at_ms - number) / 1000 ELSE number END AS value
    FROM candidate JOIN number
        ON entity = '{of.entity}' AND field = '{of.field}' AND owner = {owner[of.entity]}
        AND since < before AND before <= until"""


def level(of: Level, table: Table, layout: Layout) -> str:
    return f"""
    SELECT read, item, nullif(list_position({list(of.levels)}, element), 0) - 1 AS value
    FROM ({elements(of.entity, of.field)})"""


def same(of: Same, table: Table, layout: Layout) -> str:
    return f"""
    SELECT read, item, count(*) FILTER (mine.element = its.element) AS value
    FROM ({elements("user", of.user_field)}) AS mine
        JOIN ({elements("item", of.item_field)}) AS its USING (read, item)
    GROUP BY read, item"""


HEARD = """
    SELECT read, candidate.item, min(heard.at_ms) AS known,
        max(heard.at_ms) FILTER (state = 'started') AS started,
        max(heard.at_ms) FILTER (state = 'ended') AS ended,
        max(heard.at_ms) FILTER (state = 'scheduled') AS announced,
        count(*) FILTER (state = 'started') AS starts
    FROM candidate JOIN (
        SELECT seq, item, at_ms, state FROM event WHERE kind = 'item'
        UNION ALL SELECT seq, item, at_ms, NULL FROM happened
    ) AS heard ON heard.item = candidate.item AND seq < before
    GROUP BY read, candidate.item"""
"""Of each candidate that was heard of: when it was, and what was said of its life."""


PRESENT = """
    SELECT * FROM (
        SELECT read, moved.* EXCLUDE (turn) FROM asked JOIN moved ON turn < moment
        QUALIFY row_number() OVER (PARTITION BY read, moved.who ORDER BY turn DESC) = 1
    ) WHERE item IS NOT NULL"""
"""Where everybody is before each request, and since when."""


FOLLOWED = """
    SELECT read, target
    FROM asked JOIN event ON seq < before AND event.who = asked.who
    WHERE kind = 'edge' AND relation = '{follow}'
    GROUP BY read, target
    HAVING max(event.at_ms) FILTER (active) > coalesce(max(event.at_ms) FILTER (NOT active), -1)"""


def audience(of: Audience, table: Table, layout: Layout) -> str:
    return f"""
    SELECT heard.read, heard.item, count(there.who) AS value
    FROM ({HEARD}) AS heard JOIN asked USING (read)
        LEFT JOIN ({PRESENT}) AS there
        ON there.read = heard.read AND there.item = heard.item
        AND {is_lately("asked.at_ms", "span", layout)} AND until_turn >= moment
    GROUP BY heard.read, heard.item"""


def followed(of: Followed, table: Table, layout: Layout) -> str:
    return f"""
    SELECT candidate.read, item,
        CASE WHEN count(element) > 0 OR any_value(json_type(value)) = 'ARRAY' AND any_value(type)
            = 'keys' THEN count(target) END AS value
    FROM candidate JOIN said ON entity = 'item' AND field = '{of.field}' AND owner = candidate.item
            AND since < before AND before <= until
        LEFT JOIN ({elements("item", of.field)}) AS its USING (read, item)
        LEFT JOIN ({FOLLOWED.format(follow=layout.follow)}) AS followed
            ON followed.read = its.read AND target = element
    GROUP BY candidate.read, item"""


def followed_here(of: FollowedHere, table: Table, layout: Layout) -> str:
    return f"""
    SELECT read, item, count(target) AS value
    FROM ({HEARD}) AS heard LEFT JOIN (
        SELECT read, target, item FROM ({PRESENT}) AS there
            JOIN ({FOLLOWED.format(follow=layout.follow)}) AS followed USING (read)
            JOIN asked USING (read)
        WHERE target = there.who AND asked.at_ms - there.at_ms < {layout.present_ms}
    ) AS here USING (read, item)
    GROUP BY read, item"""


def followed_latest(of: FollowedLatest, table: Table, layout: Layout) -> str:
    share = "" if of.prior is None else f" / (any_value(coalesce(known, 0)) + {of.prior})"
    return f"""
    WITH told AS ( -- items with a host and a start, after each event of them
        SELECT its.seq, its.item, element AS host, key, max(other.at_ms) AS started
        FROM event AS its JOIN key USING (item)
            JOIN element ON entity = 'item' AND field = '{layout.host.name}'
                AND owner = its.item AND since <= its.seq AND its.seq < until
            JOIN event AS other ON other.item = its.item AND other.seq <= its.seq
                AND other.kind = 'item' AND other.state = 'started'
        WHERE its.kind = 'item' GROUP BY its.seq, its.item, element, key
    ), hosts AS (
        SELECT followed.read, told.* FROM ({FOLLOWED.format(follow=layout.follow)}) AS followed
            JOIN told ON target = host JOIN asked ON asked.read = followed.read AND seq < before
        QUALIFY row_number() OVER (
            PARTITION BY followed.read, host ORDER BY started DESC, key DESC, seq DESC) = 1
    ), alike AS (
        SELECT read, host, element FROM hosts JOIN element ON entity = 'item'
            AND field = '{of.field}' AND owner = hosts.item AND since <= seq AND seq < until
    )
    SELECT own.read, own.item, count(host) / count(DISTINCT own.element){share} AS value
    FROM ({elements("item", of.field)}) AS own LEFT JOIN alike USING (read, element)
        LEFT JOIN (SELECT read, count(*) AS known FROM hosts GROUP BY read) AS every USING (read)
    GROUP BY own.read, own.item"""


def visits(of: Visits, table: Table, layout: Layout) -> str:
    value = {
        "visits": "count(begun)",
        "visit_gap_d": f"(max(begun) - min(begun)) / (count(begun) - 1) / {DAY_MS}",
        "away_d": f"""min(greatest(asked.at_ms - entry.at_ms, 0))
            FILTER (entry.at_ms IS NOT NULL) / {DAY_MS}""",
        "usual_hour": f"""(count(begun) FILTER (
            least(apart % {DAY_MS}, {DAY_MS} - apart % {DAY_MS}) <= {90 * MINUTE_MS}
            ) + 1 / 8) / (count(begun) + 1)""",
    }[of.what]
    return f"""
    WITH entry AS (
        SELECT moment, who, at_ms, CASE WHEN at_ms - coalesce(lag(at_ms) OVER person, -1e15)
            > {30 * MINUTE_MS} THEN at_ms END AS begun
        FROM remembered WINDOW person AS (PARTITION BY moment, who ORDER BY at_ms)
    ), person AS (
        SELECT read, {value} AS value
        FROM asked LEFT JOIN entry ON entry.moment = asked.moment AND entry.who = asked.who,
            LATERAL (SELECT abs(asked.at_ms - begun) AS apart) GROUP BY read
    )
    SELECT read, item, value FROM candidate JOIN person USING (read)"""


def age(of: Age, table: Table, layout: Layout) -> str:
    since = "coalesce(started, known)" if of.since == "started" else "known"
    return f"""
    SELECT read, item, greatest(asked.at_ms - {since}, 0) / 1000 AS value
    FROM ({HEARD}) JOIN asked USING (read)"""


def kept(of: Kept, table: Table, layout: Layout) -> str:
    if of.what == "peak":
        return f"""
        SELECT read, heard.item, coalesce(max(people), 0) AS value
        FROM ({HEARD}) AS heard JOIN asked USING (read)
            LEFT JOIN audience ON audience.item = heard.item AND turn < moment
        GROUP BY read, heard.item"""
    value = {"starts": "starts", "announced": "(asked.at_ms - announced) / 1000"}[of.what]
    return f"SELECT read, item, {value} AS value FROM ({HEARD}) JOIN asked USING (read)"


def life_state(of: LifeState, table: Table, layout: Layout) -> str:
    return f"""
    SELECT read, item, CASE
        WHEN ended >= greatest(started, announced) OR coalesce(started, announced) IS NULL
            AND ended IS NOT NULL THEN 2
        WHEN ended < started OR ended IS NULL AND started IS NOT NULL THEN 1
        WHEN announced IS NOT NULL THEN 0 END AS value
    FROM ({HEARD})"""


def life_left(of: LifeLeft, table: Table, layout: Layout) -> str:
    hosts = [f.name for f in layout.fields if f.entity == "item" and f.type == "key"]
    return f"""
    WITH life AS ( -- of every item, as of each request, and its host as known by then
        SELECT read, event.item, any_value(element) AS host,
            (max(event.at_ms) FILTER (state = 'ended')
                - max(event.at_ms) FILTER (state = 'started')) / 1000 AS seconds
        FROM asked JOIN event ON seq < before LEFT JOIN element
            ON entity = 'item' AND field = '{hosts[0] if hosts else ""}' AND owner = event.item
            AND since < before AND before <= until
        WHERE kind = 'item' GROUP BY read, event.item
        HAVING seconds >= 0
    ), overall AS (SELECT read, avg(seconds) AS mean FROM life GROUP BY read),
    host AS (SELECT read, host, sum(seconds) AS sum, count(*) AS n FROM life GROUP BY read, host),
    its AS ({elements("item", hosts[0] if hosts else "")})
    SELECT read, heard.item,
        CASE WHEN element IS NULL THEN mean
            ELSE (coalesce(sum, 0) + 2 * mean) / (coalesce(n, 0) + 2) END
            - (asked.at_ms - started) / 1000 AS value
    FROM ({HEARD}) AS heard JOIN asked USING (read) JOIN overall USING (read)
        LEFT JOIN its USING (read, item) LEFT JOIN host ON host.read = asked.read
        AND host.host = its.element"""


def context(of: Context, table: Table, layout: Layout) -> str:
    value = {
        "hour": f"at_ms % {DAY_MS} / {HOUR_MS}",
        "weekday": "isodow(make_timestamp((at_ms * 1000)::BIGINT)) - 1",
        "candidates": "count(*) OVER (PARTITION BY read)",
        "position": "stands",
    }[of.what]
    return f"SELECT read, item, {value} AS value FROM candidate"


def local(of: Local, table: Table, layout: Layout) -> str:
    places = [elements(place.entity, place.field) for place in of.fields]
    zones = ", ".join(f"('{says}', '{zone}')" for says, zone in dict(of.zones).items())
    local = """CASE WHEN zone LIKE 'UTC%'
        THEN make_timestamp((at_ms * 1000)::BIGINT) + (ltrim(zone, 'UTC+') || ':00')::INTERVAL
        ELSE timezone(zone, to_timestamp(at_ms / 1000)) END"""
    value = {
        "hour": f"epoch_ms({local}) % {DAY_MS} / {HOUR_MS}",
        "weekday": f"isodow({local}) - 1",
    }[of.what]
    told = " UNION ALL ".join(
        f"SELECT {place} AS place, * FROM ({query})" for place, query in enumerate(places)
    )
    return f"""
    WITH told AS (
        SELECT read, item, arg_min(zone, place) AS zone
        FROM ({told}) JOIN (VALUES {zones}) AS known (says, zone) ON says = element
        GROUP BY read, item
    )
    SELECT read, item, {value} AS value FROM told JOIN candidate USING (read, item)"""
