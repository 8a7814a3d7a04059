"""A product of live rooms, made up at any size: who is there, what starts and ends, what people do.

People and rooms are as uneven as in life (Zipf), a room lives for an hour, and an impression leads
to a click, a join and a leave now and then. There is nothing to learn in it: it is for speed and
memory, not for quality. The same product and seed give the same events, whatever is read of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.config import Config, Features, parse_config
from liverank.events.frame import SCHEMA
from liverank.events.schema.profile import profile_events
from liverank.events.schema.schema import Schema, resolve_schema
from liverank.features.compiler import Program
from liverank.features.hashing import hash_ids
from liverank.features.layout.layout import Layout
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.features.state.layout_arrays import new_request
from liverank.features.state.state import Reads, State
from liverank.quantities import duration_ms

LABEL = """
[label]
interaction = "join"
within = "10m"
"""
ITEM_FIELDS = {
    "host": "key",
    "speakers": "keys",
    "topics": "keys",
    "language": "category",
    "title": "text",
}
USER_FIELDS = {"language": "category", "country": "category"}
PLAIN_FIELDS = ("host", "topics", "language")
"""What a product sends in its first weeks."""
FUTURE_MS = duration_ms(Features().max_future)
LIFE_MS = 3_600_000
DAY_MS = 86_400_000
CLICKS, JOINS = 0.2, 0.6
"""Shares of the impressions that are clicked, and of the clicks that are joins."""
PER_IMPRESSION = 1 + CLICKS + 2 * CLICKS * JOINS
"""Interactions for each impression: itself, a click, a join with its leave."""
FRAME_EVENTS = 262_144
LANGUAGES = ("en", "es", "pt", "hi", "ja", "de", "fr", "ar")
COUNTRIES = ("US", "BR", "IN", "GB", "MX", "JP", "DE", "NG", "FR", "EG")
TOPICS, WORDS = 200, 500

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Product:
    """How big it is.

    ``user_skew``, ``item_skew``: the one of rank k draws ``k ** -skew`` as much as the first; 0 has
    everybody do as much as the next, 1 is Zipf's law. ``list_items``: rooms in each list that is
    shown, 0 where no rankings are logged. ``fields``: what events tell of people and rooms.
    """

    users: int
    items: int
    days: float = 3.0
    follows: int = 20
    user_skew: float = 0.5
    item_skew: float = 0.8
    start_ms: int = 1_750_000_000_000
    seed: int = 0
    list_items: int = 0
    fields: tuple[str, ...] = tuple(ITEM_FIELDS | USER_FIELDS)

    @property
    def end_ms(self) -> int:
        """When it ends."""
        return self.start_ms + int(self.days * DAY_MS)

    def starts(self) -> Counts:
        """When each room starts, rising; the first an hour before the first impression."""
        at = self._generator(1).integers(self.start_ms - LIFE_MS, self.end_ms, self.items)
        return np.sort(at)

    def hosts(self) -> Counts:
        """Each room's host."""
        return drawn(self._generator(2), self.items, _shares(self.users, 1.0, self.seed))

    def _generator(self, use: int, part: int = 0) -> np.random.Generator:
        return np.random.default_rng((self.seed, use, part))


def config_of(product: Product) -> Config:
    """The config of a team that declares its fields and no more."""
    declared = [LABEL]
    for entity, fields in (("items", ITEM_FIELDS), ("users", USER_FIELDS)):
        declared.append(f"[{entity}.fields]")
        declared += [
            f'{name} = "{kind}"' for name, kind in fields.items() if name in product.fields
        ]
    return parse_config("\n".join(declared))


def schema_of(product: Product) -> Schema:
    """What a look at the product's first events finds."""
    little = replace(
        product,
        users=min(product.users, 5_000),
        items=min(product.items, 1_000),
        follows=min(product.follows, 1),
    )
    frames = [*population(little), *traffic(little, interactions=20_000)]
    return resolve_schema(config_of(product), profile_events(frames))


def spec_of(product: Product) -> FeatureSpec:
    """All features that its schema derives."""
    return derive_spec(schema_of(product), config_of(product))


def population(product: Product) -> Iterator[pl.DataFrame]:
    """Events of the people and of whom they follow, all at the start."""
    generator = product._generator(3)
    languages = pl.Series(LANGUAGES).gather(_zipf(generator, product.users, len(LANGUAGES)))
    countries = pl.Series(COUNTRIES).gather(_zipf(generator, product.users, len(COUNTRIES)))
    told = {"language": languages, "country": countries}
    fields = pl.select(
        pl.struct(
            **{name: told[name] for name in told if name in product.fields}
        ).struct.json_encode()
    ).to_series()
    for first in range(0, product.users, FRAME_EVENTS):
        users = np.arange(first, min(first + FRAME_EVENTS, product.users))
        yield frame(
            len(users),
            event="user",
            time=product.start_ms - LIFE_MS,
            user=named("u", users),
            fields=fields[first : first + len(users)],
        )
    targets = _shares(product.users, 1.0, product.seed)
    at_once = max(FRAME_EVENTS // max(product.follows, 1), 1)
    for first in range(0, product.users if product.follows else 0, at_once):
        count = min(at_once, product.users - first)
        follower = np.repeat(np.arange(first, first + count), product.follows)
        yield frame(
            len(follower),
            event="edge",
            time=product.start_ms - LIFE_MS,
            user=named("u", follower),
            relation="follow",
            target=named("u", drawn(generator, len(follower), targets)),
            active=True,
        )


def traffic(product: Product, *, interactions: int) -> Iterator[pl.DataFrame]:
    """Events of rooms and about so many interactions, by time."""
    parts = max(round(interactions / FRAME_EVENTS), 1)
    impressions = int(interactions / PER_IMPRESSION / parts)
    users = _shares(product.users, product.user_skew, product.seed)
    starts = product.starts()
    room_shares = _shares(product.items, product.item_skew, product.seed + 1)
    edges = np.linspace(product.start_ms, product.end_ms, parts + 1).astype(np.int64)
    later = frame(0)
    for part in range(parts):
        happened = _visits(
            product, part, impressions, edges[part : part + 2], users, starts, room_shares
        )
        last = part == parts - 1
        begin = product.start_ms - LIFE_MS if part == 0 else edges[part]
        rooms = _rooms(product, starts, begin, edges[part + 1])
        lists = _lists(product, part, happened, starts)
        both = pl.concat([later, lists, happened, rooms]).sort("time", maintain_order=True)
        later = both.filter(pl.col("time") >= edges[part + 1])
        yield both if last else both.filter(pl.col("time") < edges[part + 1])


def numbered(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The frames with ``seq`` counted through all of them, from 1."""
    seq = 1
    for each in frames:
        yield each.with_columns(seq=pl.int_range(seq, seq + each.height, dtype=pl.Int64))
        seq += each.height


def lists_of_live_rooms(
    product: Product, layout: Layout, *, before: Counts, at: Counts, size: int
) -> Reads:
    """Lists of the newest ``size`` rooms, for so many moments: ``before`` int64[r], ``at`` ms."""
    starts = product.starts()
    newest = np.searchsorted(starts, at)
    items = np.maximum(newest[:, None] - 1 - np.arange(size), 0).ravel()
    generator = product._generator(5)
    users = drawn(generator, len(at), _shares(product.users, product.user_skew, product.seed))
    return Reads(
        before=before,
        user=hash_ids(named("u", users).to_list()),
        at=at.astype(np.float64),
        request=np.repeat(new_request(layout)[None, :], len(at), 0),
        offsets=np.arange(0, len(items) + 1, size),
        items=hash_ids(named("r", np.arange(product.items)).to_list())[items],
        positions=np.full(len(items), np.nan),
    )


def read_list(state: State, program: Program, lists: Reads, place: int) -> None:
    """Read the features of one of the lists."""
    chosen = slice(lists.offsets[place], lists.offsets[place + 1])
    state.read(
        program,
        user=int(lists.user[place]),
        at_ms=float(lists.at[place]),
        items=lists.items[chosen],
        request=lists.request[place],
        positions=lists.positions[chosen],
    )


def drawn(generator: np.random.Generator, count: int, up_to: NDArray[np.float64]) -> Counts:
    """So many places of a running sum of shares."""
    places = np.searchsorted(up_to, generator.random(count) * up_to[-1], side="right")
    found: Counts = np.minimum(places, len(up_to) - 1)
    return found


def frame(count: int, **columns: Any) -> pl.DataFrame:
    """A frame of events of these columns, given as series or as one value for all."""
    return pl.DataFrame(
        [
            value.cast(dtype).alias(name)
            if isinstance(value := columns.get(name), pl.Series)
            else pl.Series(name, [value], dtype).new_from_index(0, count)
            for name, dtype in SCHEMA.items()
        ]
    )


def named(letter: str, places: Counts) -> pl.Series:
    """Ids such as ``u17``."""
    return letter + pl.Series(places).cast(pl.String)


def _visits(
    product: Product,
    part: int,
    impressions: int,
    period: Counts,
    users: NDArray[np.float64],
    starts: Counts,
    room_shares: NDArray[np.float64],
) -> pl.DataFrame:
    """Impressions of live rooms in a period, and what came of them."""
    generator = product._generator(4, part)
    at = np.sort(generator.integers(period[0], period[1], impressions))
    # of the rooms that started in the hour before, by their shares: room_shares is a running sum
    low = np.searchsorted(starts, at - LIFE_MS)
    high = np.maximum(np.searchsorted(starts, at), low + 1)
    sums = np.concatenate(([0.0], room_shares))
    high = np.minimum(high, product.items)
    low = np.minimum(low, high - 1)
    room = np.searchsorted(
        sums, sums[low] + generator.random(impressions) * (sums[high] - sums[low]), side="right"
    )
    room = np.clip(room - 1, low, high - 1)
    user = drawn(generator, impressions, users)
    clicked = generator.random(impressions) < CLICKS
    joined = clicked & (generator.random(impressions) < JOINS)
    stay_s = generator.exponential(480, impressions).round(1)
    columns = pl.DataFrame({"time": at, "user": named("u", user), "item": named("r", room)})
    everyone = np.ones(impressions, np.bool_)
    no_value, nothing = np.full(impressions, np.nan), np.zeros(impressions, np.int64)
    return pl.concat(
        frame(
            int(np.count_nonzero(rows)),
            event="interaction",
            type=type_,
            time=columns.filter(rows)["time"] + pl.Series(delay_ms[rows]),
            user=columns.filter(rows)["user"],
            item=columns.filter(rows)["item"],
            value=pl.Series(value[rows]).fill_nan(None),
        )
        for rows, type_, delay_ms, value in (
            (everyone, "impression", nothing, no_value),
            (clicked, "click", nothing + 2_000, no_value),
            (joined, "join", nothing + 5_000, no_value),
            (joined, "leave", 5_000 + (stay_s * 1000).astype(np.int64), stay_s),
        )
    )


def _lists(product: Product, part: int, happened: pl.DataFrame, starts: Counts) -> pl.DataFrame:
    """A list of rooms for every tenth impression, the one that was seen among them."""
    seen = happened.filter(pl.col("type") == "impression").gather_every(10)
    if not product.list_items or seen.is_empty():
        return frame(0)
    newest = np.searchsorted(starts, seen["time"].to_numpy())
    others = newest[:, None] - 2 - np.arange(product.list_items - 1)
    room = seen["item"].str.slice(1).cast(pl.Int64).to_numpy()
    rooms = np.concatenate([room[:, None], np.maximum(others, 0)], axis=1)
    names = named("r", rooms.ravel()).to_numpy().reshape(rooms.shape)
    ids = "q" + str(part) + "_" + pl.Series(np.arange(len(seen))).cast(pl.String)
    return frame(
        len(seen),
        event="ranking",
        time=seen["time"],
        id=ids,
        user=seen["user"],
        items=pl.Series(names.tolist(), dtype=pl.List(pl.String)).list.unique(maintain_order=True),
    )


def _rooms(product: Product, starts: Counts, begin: int, end: int) -> pl.DataFrame:
    """Starts and ends of rooms in ``[begin, end)``."""
    started = np.flatnonzero((starts >= begin) & (starts < end))
    ended = np.flatnonzero((starts + LIFE_MS >= begin) & (starts + LIFE_MS < end))
    hosts = product.hosts()
    fields = [_fields_of_room(product, int(room), int(hosts[room])) for room in started]
    begins = frame(
        len(started),
        event="item",
        state="started",
        time=pl.Series(starts[started]),
        item=named("r", started),
        fields=pl.Series(fields, dtype=pl.String),
    )
    ends = frame(
        len(ended),
        event="item",
        state="ended",
        time=pl.Series(starts[ended] + LIFE_MS),
        item=named("r", ended),
    )
    return pl.concat([begins, ends])


def _fields_of_room(product: Product, room: int, host: int) -> str:
    """A room's fields as JSON, the same whenever they are asked for."""
    generator = product._generator(6, room)
    speakers = [host, *generator.integers(0, product.users, 3).tolist()]
    fields = {
        "host": f"u{host}",
        "speakers": [f"u{user}" for user in speakers],
        "topics": [f"topic{topic}" for topic in _zipf(generator, 3, TOPICS)],
        "title": " ".join(f"word{word}" for word in _zipf(generator, 4, WORDS)),
        "language": LANGUAGES[_zipf(generator, 1, len(LANGUAGES))[0]],
    }
    told = {name: value for name, value in fields.items() if name in product.fields}
    return msgspec.json.encode(told).decode()


def _zipf(generator: np.random.Generator, count: int, among: int) -> Counts:
    """So many places, the first the likeliest."""
    return drawn(generator, count, np.cumsum(1.0 / np.arange(1, among + 1)))


def _shares(count: int, skew: float, seed: int) -> NDArray[np.float64]:
    """Running sums of Zipf's shares, dealt out at random."""
    shares = np.arange(1, count + 1, dtype=np.float64) ** -skew
    shares = np.random.default_rng((seed, 9)).permutation(shares)
    return np.cumsum(shares)
