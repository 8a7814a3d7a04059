"""What people did in the world that is served: lists that were shown to them, and what came of it.

The lists are logged in a biased order, as a product's own heuristic would: rooms of some appeal and
of the person's language first. Invariant: a list names a room once, and only rooms that are live.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from made_events import Counts, drawn, frame, named
from serve.world import (
    HOUR_MS,
    LIFE_MS,
    World,
    begin_ms,
    follow_events,
    people_events,
    room_events,
    running_shares,
)

DRAWN = 3
"""Rooms drawn for each that is shown; the list is the likeliest of them."""


@dataclass(frozen=True, slots=True)
class _Lists:
    """Lists that were shown: ``at`` int64[visits] in Unix ms, ``rooms`` int64[visits, shown]."""

    ids: pl.Series
    at: Counts
    person: Counts
    rooms: Counts


def history(world: World) -> Iterator[tuple[str, pl.DataFrame]]:
    """All events up to the end, by the name of a file each."""
    yield "people", people_events(world)
    yield "follows", follow_events(world)
    yield "rooms", room_events(world)
    yield "visits", visit_events(world)


def visit_events(world: World) -> pl.DataFrame:
    """Lists that were shown, and what people did with them."""
    size = world.size
    generator = np.random.default_rng((size.seed, 3))
    at = np.sort(generator.integers(begin_ms(world) + LIFE_MS, world.end_ms - HOUR_MS, size.visits))
    person = _visitors(world, generator)
    rooms, joined = _shown(world, generator, person, at)
    clicked = joined | (generator.random(rooms.shape) < 0.04)
    stay_s = generator.exponential(480, rooms.shape).round(1)
    visits = _Lists("v" + pl.Series(np.arange(size.visits)).cast(pl.String), at, person, rooms)
    lists = frame(
        size.visits,
        event="ranking",
        time=pl.Series(at),
        id=visits.ids,
        user=named("u", person),
        items=pl.Series(
            named("room", rooms.ravel()).to_numpy().reshape(rooms.shape).tolist(),
            dtype=pl.List(pl.String),
        ),
    )
    acts = [
        _acts(visits, np.ones_like(joined), "impression", 500),
        _acts(visits, clicked, "click", 2_000),
        _acts(visits, joined, "join", 5_000),
        _acts(visits, joined, "leave", 5_000, stay_s=stay_s),
    ]
    events = pl.concat([lists, *acts]).filter(pl.col("time") < world.end_ms)
    return events.sort("time", maintain_order=True)


def _visitors(world: World, generator: np.random.Generator) -> Counts:
    """Everybody once, as far as visits go; the others by Zipf's law."""
    people, visits = world.size.people, world.size.visits
    once = generator.permutation(people)[:visits]
    again = generator.permutation(people)[
        drawn(generator, visits - len(once), running_shares(people))
    ]
    return generator.permutation(np.concatenate([once, again]))


def _shown(
    world: World, generator: np.random.Generator, person: Counts, at: Counts
) -> tuple[Counts, NDArray[np.bool_]]:
    """Rooms int64[visits, shown] that were shown, the likeliest first, and which were joined."""
    size = world.size
    last = np.searchsorted(world.starts, at, side="right")
    first = np.searchsorted(world.starts, at - LIFE_MS, side="right")
    # one room of each of so many equal parts of what is live, so that no list has one twice
    among, alive = DRAWN * size.shown, (last - first)[:, None]
    within = (generator.random((len(at), among)) * (alive // among)).astype(np.int64)
    rooms = first[:, None] + np.arange(among) * alive // among + within
    same = world.spoken[rooms] == world.language[person][:, None]
    noise = generator.gumbel(size=rooms.shape)
    order = np.argsort(-(world.appeal[rooms] + 1.5 * same + noise), axis=1)[:, : size.shown]
    rooms, same = (np.take_along_axis(each, order, axis=1) for each in (rooms, same))
    tastes, topics = world.tastes[person], world.topics[rooms]
    liked = (tastes[:, None, :, None] == topics[:, :, None, :]).any(axis=(2, 3))
    pair = person[:, None] * size.people + world.host[rooms]
    found = np.minimum(np.searchsorted(world.followed, pair), len(world.followed) - 1)
    follows = world.followed[found] == pair
    # a topic counts in one's own language, a room is at its best after an hour: no sum tells that
    age_h = (at[:, None] - world.starts[rooms]) / HOUR_MS
    margin = -4.0 + world.appeal[rooms] + 2.2 * (liked & same) + 0.6 * same + 1.4 * follows
    margin += 1.6 * np.exp(-((age_h - 1.0) ** 2)) - 0.12 * np.arange(size.shown)
    return rooms, generator.random(rooms.shape) < 1 / (1 + np.exp(-margin))


def _acts(
    lists: _Lists,
    chosen: NDArray[np.bool_],
    type_: str,
    delay_ms: int,
    *,
    stay_s: NDArray[np.float64] | None = None,
) -> pl.DataFrame:
    """Interactions of one type with the chosen bool[visits, shown] of the rooms shown."""
    visit, place = np.nonzero(chosen)
    time = lists.at[visit] + delay_ms
    value = None
    if stay_s is not None:
        value = pl.Series(stay_s[visit, place])
        time = time + (stay_s[visit, place] * 1000).astype(np.int64)
    return frame(
        len(visit),
        event="interaction",
        type=type_,
        time=pl.Series(time),
        user=named("u", lists.person[visit]),
        item=named("room", lists.rooms[visit, place]),
        ranking=lists.ids.gather(visit),
        value=value,
    )
