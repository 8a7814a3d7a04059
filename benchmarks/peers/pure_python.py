"""The task in plain Python: one fold in dicts, as a good programmer would write it.

Counters are decayed when written and again when read; what is the same for a whole list (the
person's own counters) is read once a list.
"""

import math
from collections import defaultdict
from typing import Any, NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from peers.task import HALF_LIVES_MS, SCOPES, WANTED, Task

_LIVES = {
    scope: {
        type_: [
            math.log(2) / HALF_LIVES_MS[wanted.half_life]
            for wanted in WANTED
            if (wanted.scope, wanted.type) == (scope, type_) and wanted.half_life
        ]
        for type_ in dict.fromkeys(wanted.type for wanted in WANTED if wanted.scope == scope)
    }
    for scope in SCOPES
}
"""Decay rates per ms of each type of interaction that a scope counts."""
_NAN = float("nan")


class Prepared(NamedTuple):
    """Events: (seq, event, time, type, user, item, fields); lists: (before, at, user, items)."""

    events: list[tuple[Any, ...]]
    lists: list[tuple[int, int, str, list[str]]]


def prepare(task: Task) -> Prepared:
    """Read both files into lists of tuples."""
    columns = ["seq", "event", "time", "type", "user", "item", "fields"]
    lists = (
        pl.read_parquet(task.rows)
        .group_by("list", maintain_order=True)
        .agg(pl.col("before_seq", "at_ms", "user").first(), "item")
    )
    return Prepared(
        pl.read_parquet(task.events, columns=columns).select(columns).rows(),
        lists.select("before_seq", "at_ms", "user", "item").rows(),
    )


def compute(prepared: Prepared) -> NDArray[np.float32]:
    """The rows' features, float32[rows, 40]."""
    waiting = iter(prepared.lists)
    due = next(waiting, None)
    hosts: dict[str, str] = {}
    tables: dict[str, dict[Any, list[float]]] = {scope: {} for scope in _columns()}
    out: list[list[float]] = []
    for seq, event, time, type_, user, item, fields in prepared.events:
        while due is not None and due[0] <= seq:
            out.extend(_read(tables, hosts, *due[1:]))
            due = next(waiting, None)
        if event == "interaction":
            host = hosts.get(item)
            keys = (user, item, host, (user, item), (user, host))
            for scope, key in zip(SCOPES, keys, strict=True):
                rates = _LIVES[scope].get(type_)
                if rates is not None:
                    _count(tables[f"{scope}_{type_}"], key, time, rates)
        elif event == "item" and fields is not None:
            hosts[item] = msgspec.json.decode(fields)["host"]
    while due is not None:
        out.extend(_read(tables, hosts, *due[1:]))
        due = next(waiting, None)
    return np.array(out, np.float32)


def _columns() -> list[str]:
    return [f"{scope}_{type_}" for scope, types in _LIVES.items() for type_ in types]


def _count(table: dict[Any, list[float]], key: Any, time: int, rates: list[float]) -> None:
    """Add one to the counters of a key: [time of the last, count by half-life ...]."""
    row = table.get(key)
    if row is None:
        table[key] = [time, *(1.0 for _ in rates)]
        return
    passed = time - row[0]
    row[0] = time
    for place, rate in enumerate(rates, 1):
        row[place] = row[place] * math.exp(-rate * passed) + 1.0


def _read(
    tables: dict[str, dict[Any, list[float]]],
    hosts: dict[str, str],
    at: int,
    user: str,
    items: list[str],
) -> list[list[float]]:
    """The features of a list's candidates."""
    rows = []
    of_user = _of_key(tables, "user", user, at)
    of_host: dict[str | None, list[float]] = defaultdict(list)
    for item in items:
        host = hosts.get(item)
        if host not in of_host:
            of_host[host] = _of_key(tables, "host", host, at)
        rows.append(
            [
                *of_user,
                *_of_key(tables, "item", item, at),
                *of_host[host],
                *_of_key(tables, "user_item", (user, item), at),
                *_of_key(tables, "user_host", (user, host), at),
            ]
        )
    return rows


def _of_key(
    tables: dict[str, dict[Any, list[float]]], scope: str, key: Any, at: int
) -> list[float]:
    """A key's counts, decayed to the moment, and the seconds since the last ones."""
    values = []
    for type_, rates in _LIVES[scope].items():
        row = tables[f"{scope}_{type_}"].get(key)
        has_ago = (scope, type_) in _AGO
        if row is None:
            values += [0.0] * len(rates)
            if has_ago:
                values.append(_NAN)
            continue
        passed = at - row[0]
        values += [row[place] * math.exp(-rate * passed) for place, rate in enumerate(rates, 1)]
        if has_ago:
            values.append(passed / 1000)
    return values


_AGO = {(wanted.scope, wanted.type) for wanted in WANTED if wanted.half_life is None}
