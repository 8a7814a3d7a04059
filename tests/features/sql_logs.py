"""Random small logs, with requests read at different places of them, for the oracle in SQL.

Rooms have a host, topics, a language and a title; people come and go, follow each other and say
where they are. Some events come late, and some clocks run ahead. Invariant: one seed, one log.
"""

from typing import Any, NamedTuple

import numpy as np

from liverank.events.event import Edge, Event, Interaction, Item, Ranking, User
from liverank.events.schema.schema import Schema

START_MS = 1_795_392_000_000
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
MAX_FUTURE_MS = 300_000.0
USERS = tuple(f"u{n}" for n in range(6))
ITEMS = tuple(f"room{n}" for n in range(9))
TOPICS = ("ai", "music", "sport", 7, 7.0, 7.5, "chess", "jazz", "law", "go", "art", "tea")
TITLES = ("Late night AI", "AI and music: a talk", "The Café talk", "東京の猫 live", "", None)
LANGUAGES = ("en", "de", "fr", "rare")
ZONES = ("Europe/Berlin", "Asia/Kolkata", "America/New_York", "+2", "the moon")
SCHEMA = Schema(
    items={
        "host": "key",
        "speakers": "keys",
        "topics": "keys",
        "language": "category",
        "title": "text",
        "size": "number",
        "opens": "time",
        "live": "category",
    },
    users={"languages": "keys", "country": "category", "age": "number", "born": "time"},
    requests={"time_zone": "category", "device": "category", "depth": "number"},
    interactions=("join", "click", "impression", "leave", "hide"),
    relations=("follow", "mute"),
    positive=("join", "click"),
    valued=("join", "leave"),
    levels={
        "items.language": ("en", "de"),
        "items.live": ("true", "false"),
        "users.country": ("GB", "JP", "US", "49"),
        "requests.device": ("ios", "web"),
        "requests.time_zone": ZONES,
    },
)


class Request(NamedTuple):
    """A list to be read as if asked for before the event ``before``; ``at_ms`` is its clock."""

    before: int
    user: str
    at_ms: float
    items: tuple[str, ...]
    fields: dict[str, Any]


class Log(NamedTuple):
    """Events, the first of ``seq`` 1, when each arrived (Unix ms), and requests to read."""

    events: list[Event]
    arrived_ms: list[int]
    requests: list[Request]


def random_log(seed: int, *, events: int = 200, requests: int = 10, hours: float = 12.0) -> Log:
    """A log that takes about so many hours to arrive."""
    rng = np.random.default_rng(seed)
    arrived = START_MS + np.sort(rng.integers(0, int(hours * HOUR_MS), events))
    log = Log([_event(rng, int(ms), n) for n, ms in enumerate(arrived)], arrived.tolist(), [])
    for before in np.sort(rng.integers(1, events + 2, requests)):
        now = int(arrived[min(int(before), events) - 1])
        log.requests.append(
            Request(
                before=int(before),
                user=str(rng.choice((*USERS, *USERS, "stranger"))),
                at_ms=float(now + rng.choice((-HOUR_MS, 0, 0, 1, 7 * MINUTE_MS, HOUR_MS))),
                items=tuple(
                    rng.permutation((*ITEMS, "unheard"))[: int(rng.integers(1, 9))].tolist()
                ),
                fields=_some(
                    rng,
                    time_zone=(*ZONES, None),
                    device=("ios", "tv", None),
                    depth=(1, 2.5, None),
                ),
            )
        )
    return log


def _event(rng: np.random.Generator, now: int, number: int) -> Event:
    at = _clock(rng, now)
    user, item = str(rng.choice(USERS)), str(rng.choice(ITEMS))
    what = rng.choice(
        ("interaction", "item", "user", "edge", "ranking"), p=(0.62, 0.16, 0.05, 0.07, 0.1)
    )
    if what == "item":
        state = ("started", "started", "ended", "updated", "scheduled")[int(rng.integers(5))]
        return Item(time=at, item=item, state=state, fields=_item_fields(rng, at))
    if what == "user":
        return User(time=at, user=user, fields=_user_fields(rng))
    if what == "edge":
        target = str(rng.choice((*USERS, "h1", "ai")))
        relation = "follow" if rng.random() < 0.9 else "mute"
        active = bool(rng.random() < 0.75)
        return Edge(time=at, user=user, relation=relation, target=target, active=active)
    if what == "ranking":
        shown = tuple(rng.permutation(ITEMS)[: int(rng.integers(1, 5))].tolist())
        return Ranking(time=at, id=f"rq{number}", user=user, items=list(shown))
    type_ = ("join", "join", "click", "impression", "impression", "leave", "hide", "odd")
    value = (None, 5.0, 30.0, 45.5, 1003.1)[int(rng.integers(5))]
    return Interaction(time=at, type=type_[int(rng.integers(8))], user=user, item=item, value=value)


def _clock(rng: np.random.Generator, now: int) -> int:
    """Mostly about now; now and then late, some minutes ahead, or far ahead."""
    chance = rng.random()
    if chance < 0.15:
        return now - int(rng.integers(0, 5 * HOUR_MS))
    if chance < 0.25:
        return now + int(rng.integers(0, 20 * MINUTE_MS))
    if chance < 0.35:  # the same millisecond as others
        return now // HOUR_MS * HOUR_MS
    return now


def _item_fields(rng: np.random.Generator, at: int) -> dict[str, Any]:
    return _some(
        rng,
        host=("h1", "u1", "u2", None),
        speakers=([], ["u1"], ["u2", "u3", "u2"], None),
        topics=(*(_several(rng, TOPICS) for _ in range(4)), None, "ai"),
        language=(*LANGUAGES, None),
        title=TITLES,
        size=(0, 3, 2.5, True, None),
        opens=(at - 5_000, "2026-11-23T10:00:00Z", None),
        live=(True, False),
        undeclared=(1,),
    )


def _user_fields(rng: np.random.Generator) -> dict[str, Any]:
    return _some(
        rng,
        languages=(_several(rng, LANGUAGES), ["en"], None),
        country=("GB", "JP", "US", 49, 49.0, "nowhere", None),
        age=(33, 41.5, None),
        born=("1990-05-05T00:00:00Z", None),
    )


def _several(rng: np.random.Generator, values: tuple[Any, ...]) -> list[Any]:
    return [values[place] for place in rng.permutation(len(values))[: int(rng.integers(0, 11))]]


def _some(rng: np.random.Generator, **fields: tuple[Any, ...]) -> dict[str, Any]:
    """About half of the fields, each with one of its values."""
    return {
        name: values[int(rng.integers(len(values)))]
        for name, values in fields.items()
        if rng.random() < 0.6
    }
