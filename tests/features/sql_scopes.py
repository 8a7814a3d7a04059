"""The tables of scopes, from which the oracle in SQL counts.

Invariant: an interaction is met by the candidates whose keys it counts for, and by no others.
"""

from collections.abc import Iterator

from liverank.features.layout.layout import NEXT_ITEM, Scope

DAY_MS = 86_400_000


def scope_tables(scope: Scope) -> Iterator[str]:
    """Of a scope: for each candidate (and each element) every interaction that it counts.

    ``met_SCOPE`` has one row for each of them, or one without an interaction where there is none:
    (read, item, place, key, at_ms, happened, type, value, age_ms).
    """
    types = ", ".join(f"'{name}'" for name in scope.types)
    if scope.name == NEXT_ITEM:
        yield f"""
        CREATE TABLE counted_{scope.name} AS
        SELECT seq, greatest(new.at_ms, old.at_ms) AS at_ms, new.type, new.value,
            CASE WHEN old.at_ms <= new.at_ms THEN [old.item, new.item] ELSE [new.item, old.item] END
                AS key
        FROM happened AS new JOIN recent AS old
            ON old.moment = turn AND old.who = new.who AND old.item <> new.item
            AND abs(old.at_ms - new.at_ms) <= {DAY_MS}
        WHERE type IN ({types})"""
        yield f"""
        CREATE TABLE wanted_{scope.name} AS
        SELECT read, candidate.item, place, [recent.item, candidate.item] AS key
        FROM candidate JOIN asked USING (read) JOIN recent
            ON recent.moment = asked.moment AND recent.who = asked.who"""
    else:
        yield f"""
        CREATE TABLE wanted_{scope.name} AS
        SELECT read, seen.item, {_place(scope)} AS place, {_key(scope)} AS key
        FROM (SELECT *, before AS now FROM candidate) AS seen {_elements(scope)}"""
    if scope.is_pair:
        yield f"""
        CREATE TABLE met_{scope.name} AS
        WITH counted AS (
            SELECT read, seen.at_ms, type, value, {_key(scope)} AS key
            FROM (
                SELECT read, before AS now, remembered.* FROM asked JOIN remembered
                ON remembered.moment = asked.moment AND remembered.who = asked.who
            ) AS seen {_elements(scope)}
        )
        SELECT read, wanted.item, wanted.place, wanted.key, asked.at_ms, counted.at_ms AS happened,
            type, value, greatest(asked.at_ms - counted.at_ms, 0) AS age_ms
        FROM wanted_{scope.name} AS wanted JOIN asked USING (read) LEFT JOIN counted
            USING (read, key)"""
        return
    if scope.name != NEXT_ITEM:
        yield f"""
        CREATE TABLE counted_{scope.name} AS
        SELECT seq, at_ms, type, value, {_key(scope)} AS key
        FROM (SELECT *, seq AS now FROM happened WHERE type IN ({types})) AS seen
        {_elements(scope)}"""
    yield f"""
    CREATE TABLE met_{scope.name} AS
    SELECT read, item, place, wanted.key, asked.at_ms, counted.at_ms AS happened, type, value,
        greatest(asked.at_ms, max(counted.at_ms) OVER (PARTITION BY read, item, place))
            - counted.at_ms AS age_ms
    FROM wanted_{scope.name} AS wanted JOIN asked USING (read)
        LEFT JOIN counted_{scope.name} AS counted
        ON counted.key = wanted.key AND seq < before"""


def _key(scope: Scope) -> str:
    """The key of a row of ``seen``: one text for each part of the scope."""
    texts = {"user": "seen.who", "item": "seen.item", "all": "'all'"}
    return f"[{', '.join(texts.get(part, f'e{n}.element') for n, part in enumerate(scope.parts))}]"


def _place(scope: Scope) -> str:
    """Where the element stands in its list."""
    fields = [f"e{n}.place" for n, part in enumerate(scope.parts) if part.startswith("item.")]
    return fields[0] if fields else "1"


def _elements(scope: Scope) -> str:
    """The fields that a scope's key takes, as they were known before ``seen.now``."""
    joins = []
    for n, part in enumerate(scope.parts):
        if "." in part:
            entity, field = part.split(".")
            owner = "seen.item" if entity == "item" else "seen.who"
            joins.append(
                f"JOIN element AS e{n} ON e{n}.entity = '{entity}' AND e{n}.field = '{field}' "
                f"AND e{n}.owner = {owner} AND e{n}.since < now AND now <= e{n}.until"
            )
    return " ".join(joins)
