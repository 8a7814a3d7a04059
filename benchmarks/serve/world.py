"""The world that is served: people with tastes, rooms that live for hours, lists that were shown.

Made in whole columns from a seed, so that it is there in seconds. There is something to learn in
it: who joins depends on the language, the topics, whom the person follows and the room itself, so
a search finds a model of the usual size. Invariant: the same size, seed and end give the same
events, and as many rooms are live at the end as asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from made_events import COUNTRIES, LANGUAGES, Counts, drawn, frame, named

HOUR_MS = 3_600_000
LIFE_MS = 8 * HOUR_MS
"""How long a room lives."""
TOPICS, OF_ROOM, OF_PERSON = 200, 2, 4
DRAWN = 3
"""Rooms drawn for each that is shown; the list is the likeliest of them."""

CONFIG = """\
[label]
interaction = "join"
within = "10m"

[items.fields]
host = "key"
topics = "keys"
language = "category"

[users.fields]
language = "category"
country = "category"

[training]
budget = "{budget}"
max_rows = 150_000
"""


@dataclass(frozen=True, slots=True)
class WorldSize:
    """How big it is. ``visits`` are lists that were shown, of ``shown`` rooms each."""

    people: int = 100_000
    live: int = 5_000
    more_live: int = 15_000
    """Further rooms that start in the last hour, for a deployment of its own."""
    days: float = 2.0
    visits: int = 150_000
    shown: int = 12
    follows: int = 10
    seed: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """What is true of it: rows of people and rooms, by their numbers."""

    size: WorldSize
    end_ms: int
    language: Counts
    """int64[people]"""
    country: Counts
    """int64[people]"""
    tastes: Counts
    """int64[people, OF_PERSON], topics"""
    followed: Counts
    """int64[people x follows], rising: person x people + whom they follow, each once."""
    starts: Counts
    """int64[rooms], Unix ms, rising"""
    host: Counts
    """int64[rooms], people"""
    topics: Counts
    """int64[rooms, OF_ROOM]"""
    spoken: Counts
    """int64[rooms], languages"""
    appeal: NDArray[np.float64]
    """float64[rooms], log-odds"""

    @property
    def live(self) -> slice:
        """The rooms that are live at the end."""
        return slice(len(self.starts) - self.size.live, len(self.starts))


@dataclass(frozen=True, slots=True)
class _Lists:
    """Lists that were shown: ``at`` int64[visits] in Unix ms, ``rooms`` int64[visits, shown]."""

    ids: pl.Series
    at: Counts
    person: Counts
    rooms: Counts


def make_world(size: WorldSize, *, end_ms: int) -> World:
    """Draw people and rooms."""
    generator = np.random.default_rng((size.seed, 1))
    n_hosts = max(size.people // 5, 1)
    hosts = generator.permutation(size.people)[:n_hosts]
    targets = hosts[drawn(generator, size.people * size.follows, _zipf(n_hosts))]
    follower = np.repeat(np.arange(size.people), size.follows)
    rooms = size.live + int(size.live * size.days * 24 * HOUR_MS / LIFE_MS)
    return World(
        size=size,
        end_ms=end_ms,
        language=drawn(generator, size.people, _zipf(len(LANGUAGES))),
        country=drawn(generator, size.people, _zipf(len(COUNTRIES))),
        tastes=_drawn_rows(generator, size.people, OF_PERSON),
        followed=np.unique(follower * size.people + targets),
        starts=end_ms - LIFE_MS * np.arange(rooms, 0, -1) // size.live + 1,
        host=hosts[drawn(generator, rooms, _zipf(n_hosts))],
        topics=_drawn_rows(generator, rooms, OF_ROOM),
        spoken=drawn(generator, rooms, _zipf(len(LANGUAGES))),
        appeal=generator.normal(0, 0.8, rooms),
    )


def history(world: World) -> Iterator[tuple[str, pl.DataFrame]]:
    """All events up to the end, by the name of a file each."""
    yield "people", _people(world)
    yield "follows", _follows(world)
    yield "rooms", _rooms(world)
    yield "visits", _visits(world)


def more_rooms(world: World) -> pl.DataFrame:
    """Events of the further rooms, which start in the last hour."""
    count = world.size.more_live
    generator = np.random.default_rng((world.size.seed, 2))
    like = generator.integers(0, len(world.starts), count)
    at = np.sort(world.end_ms - generator.integers(1, HOUR_MS, count))
    return _started(world, "more", np.arange(count), like, at)


def _people(world: World) -> pl.DataFrame:
    fields = pl.struct(
        language=pl.Series(LANGUAGES).gather(world.language),
        country=pl.Series(COUNTRIES).gather(world.country),
    )
    people = np.arange(world.size.people)
    return frame(
        len(people),
        event="user",
        time=_begin_ms(world),
        user=named("u", people),
        fields=pl.select(fields.struct.json_encode()).to_series(),
    )


def _follows(world: World) -> pl.DataFrame:
    return frame(
        len(world.followed),
        event="edge",
        time=_begin_ms(world),
        user=named("u", world.followed // world.size.people),
        relation="follow",
        target=named("u", world.followed % world.size.people),
        active=True,
    )


def _rooms(world: World) -> pl.DataFrame:
    rooms = np.arange(len(world.starts))
    over = rooms[: world.live.start]
    ended = frame(
        len(over),
        event="item",
        state="ended",
        time=pl.Series(world.starts[over] + LIFE_MS),
        item=named("room", over),
    )
    return pl.concat([_started(world, "room", rooms, rooms, world.starts), ended]).sort("time")


def _started(world: World, name: str, rooms: Counts, like: Counts, at: Counts) -> pl.DataFrame:
    """Starts of rooms that are as others of the world are."""
    names = named("topic", np.arange(TOPICS)).gather(world.topics[like].ravel()).to_numpy()
    fields = pl.struct(
        host=named("u", world.host[like]),
        topics=pl.Series(names.reshape(-1, OF_ROOM).tolist(), dtype=pl.List(pl.String)),
        language=pl.Series(LANGUAGES).gather(world.spoken[like]),
    )
    return frame(
        len(rooms),
        event="item",
        state="started",
        time=pl.Series(at),
        item=named(name, rooms),
        fields=pl.select(fields.struct.json_encode()).to_series(),
    )


def _visits(world: World) -> pl.DataFrame:
    """Lists that were shown, and what people did with them."""
    size = world.size
    generator = np.random.default_rng((size.seed, 3))
    at = np.sort(generator.integers(_begin_ms(world) + LIFE_MS, world.end_ms - HOUR_MS, size.visits))
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
    again = generator.permutation(people)[drawn(generator, visits - len(once), _zipf(people))]
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
    margin = -3.4 + 1.6 * liked + 0.9 * same + 1.2 * follows + world.appeal[rooms]
    margin -= 0.12 * np.arange(size.shown)
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


def _begin_ms(world: World) -> int:
    return int(world.end_ms - world.size.days * 24 * HOUR_MS - LIFE_MS)


def _drawn_rows(generator: np.random.Generator, rows: int, width: int) -> Counts:
    """Topics int64[rows, width]."""
    return drawn(generator, rows * width, _zipf(TOPICS)).reshape(rows, width)


def _zipf(count: int) -> NDArray[np.float64]:
    """Running sums of shares that fall with the square root of the rank."""
    return np.cumsum(np.arange(1, count + 1, dtype=np.float64) ** -0.5)
