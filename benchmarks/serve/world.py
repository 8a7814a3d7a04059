"""The world that is served: people with tastes, rooms that live for hours, lists that were shown.

Made in whole columns from a seed, so that it is there in seconds. There is something to learn in
it: who joins depends on the language, the topics, whom the person follows and the room itself, so
a search finds a model of the usual size. Invariant: the same size, seed and end give the same
events, and as many rooms are live at the end as asked for.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from made_events import COUNTRIES, LANGUAGES, Counts, drawn, frame, named

HOUR_MS = 3_600_000
LIFE_MS = 8 * HOUR_MS
"""How long a room lives."""
TOPICS, OF_ROOM, OF_PERSON = 200, 2, 4

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
max_rows = 80_000
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


def make_world(size: WorldSize, *, end_ms: int) -> World:
    """Draw people and rooms."""
    generator = np.random.default_rng((size.seed, 1))
    n_hosts = max(size.people // 5, 1)
    hosts = generator.permutation(size.people)[:n_hosts]
    targets = hosts[drawn(generator, size.people * size.follows, running_shares(n_hosts))]
    follower = np.repeat(np.arange(size.people), size.follows)
    rooms = size.live + int(size.live * size.days * 24 * HOUR_MS / LIFE_MS)
    return World(
        size=size,
        end_ms=end_ms,
        language=drawn(generator, size.people, running_shares(len(LANGUAGES))),
        country=drawn(generator, size.people, running_shares(len(COUNTRIES))),
        tastes=_drawn_rows(generator, size.people, OF_PERSON),
        followed=np.unique(follower * size.people + targets),
        starts=end_ms - LIFE_MS * np.arange(rooms, 0, -1) // size.live + 1,
        host=hosts[drawn(generator, rooms, running_shares(n_hosts))],
        topics=_drawn_rows(generator, rooms, OF_ROOM),
        spoken=drawn(generator, rooms, running_shares(len(LANGUAGES))),
        appeal=generator.normal(0, 0.8, rooms),
    )


def more_rooms(world: World) -> pl.DataFrame:
    """Events of the further rooms, which start in the last hour."""
    count = world.size.more_live
    generator = np.random.default_rng((world.size.seed, 2))
    like = generator.integers(0, len(world.starts), count)
    at = np.sort(world.end_ms - generator.integers(1, HOUR_MS, count))
    return _started(world, "more", np.arange(count), like, at)


def people_events(world: World) -> pl.DataFrame:
    """What is told of people, at the beginning."""
    fields = pl.struct(
        language=pl.Series(LANGUAGES).gather(world.language),
        country=pl.Series(COUNTRIES).gather(world.country),
    )
    people = np.arange(world.size.people)
    return frame(
        len(people),
        event="user",
        time=begin_ms(world),
        user=named("u", people),
        fields=pl.select(fields.struct.json_encode()).to_series(),
    )


def follow_events(world: World) -> pl.DataFrame:
    """Whom people follow, from the beginning."""
    return frame(
        len(world.followed),
        event="edge",
        time=begin_ms(world),
        user=named("u", world.followed // world.size.people),
        relation="follow",
        target=named("u", world.followed % world.size.people),
        active=True,
    )


def room_events(world: World) -> pl.DataFrame:
    """Starts and ends of rooms, up to the end."""
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


def begin_ms(world: World) -> int:
    """When the first rooms start."""
    return int(world.end_ms - world.size.days * 24 * HOUR_MS - LIFE_MS)


def _drawn_rows(generator: np.random.Generator, rows: int, width: int) -> Counts:
    """Topics int64[rows, width]."""
    return drawn(generator, rows * width, running_shares(TOPICS)).reshape(rows, width)


def running_shares(count: int) -> NDArray[np.float64]:
    """Running sums of shares that fall with the square root of the rank."""
    return np.cumsum(np.arange(1, count + 1, dtype=np.float64) ** -0.5)
