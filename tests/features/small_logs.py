"""Small random logs: what hypothesis makes for the tests of feature state."""

from hypothesis import strategies as st

from liverank.config import Config, Features, Label, Presence
from liverank.events.event import Edge, Interaction, Item, Ranking, User
from liverank.events.schema.schema import Schema

START_MS = 1_795_392_000_000
USERS = ("u1", "u2", "名前")
ITEMS = tuple(f"room{n}" for n in range(11))
TOPICS = ("ai", "music", "sport", 7, 7.0, 7.5, "chess", "jazz", "law", "go", "art")
TITLES = ("A talk on AI", "AI and music tonight", "Late night jazz", "東京の猫 live", "", None)
PLACES = {"GB": "Europe/London", "49": None, "Asia/Kolkata": "Asia/Kolkata", "-3": "Etc/GMT+3"}
"""What fields say of where a person is, and the time zone that it means."""
SCHEMA = Schema(
    items={
        "host": "key",
        "topics": "keys",
        "language": "category",
        "size": "number",
        "opens": "time",
        "title": "text",
        "live": "category",
    },
    users={"languages": "keys", "country": "category", "age": "number", "born": "time"},
    requests={"device": "category", "depth": "number", "tags": "keys", "time_zone": "category"},
    interactions=("join", "click", "impression", "leave"),
    relations=("block", "follow"),
    positive=("join", "click"),
    valued=("leave", "click", "join"),
    levels={
        "items.language": ("en", "de"),
        "items.live": ("true", "false"),
        "users.country": ("GB", "49"),
        "requests.device": ("ios", "web"),
        "requests.time_zone": ("Asia/Kolkata", "-3"),
    },
)
"""The product of most tests: rooms with a host, topics, a language and a title."""

BARE = Schema(interactions=("join", "impression", "click"), positive=("join",))
"""A product whose items have no fields at all."""

JOIN = Label(interaction="join")
ALONE = ("*_above_mean*", "*_rank", "*_gap")
"""Names of what compares a candidate with others: of every count there is, these are very many."""
CONFIGS = (
    Config(label=JOIN, features=Features(on=("*",), off=ALONE)),
    Config(
        label=Label(interaction="join", min_value=30.0),
        features=Features(on=("*",), off=ALONE, history=3),
        presence=Presence(expire_after="25m"),
    ),
    Config(
        label=JOIN,
        features=Features(on=("*",), off=ALONE, half_lives=("forever", "90s", "2h", "30d")),
    ),
    Config(
        label=JOIN,
        features=Features(on=("item_*_above_mean_sd", "item_*_gap"), half_lives=("7d",), history=5),
    ),
    Config(label=JOIN, features=Features(half_lives=("forever",))),
)
"""Ten of the longest half-lives outlast every log here, so that nothing is swept."""


def times() -> st.SearchStrategy[int]:
    """Moments of a month or two, many of them at the same millisecond."""
    steps = st.sampled_from((1, 60_000, 3_600_000, 86_400_000))
    return st.builds(lambda n, step: START_MS + n * step, st.integers(0, 40), steps)


def lists_of(values: tuple) -> st.SearchStrategy:
    return st.lists(st.sampled_from(values), max_size=len(values))


VALUES = (5.0, 30.0, -2.5, 257.0, 259.0, 0.1, 123_456.789)
"""Of interactions; eight significant bits hold the first three exactly."""
ITEM_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "host": st.sampled_from(("u1", "h2", None)),
        "topics": st.one_of(lists_of(TOPICS), st.sampled_from((None, "ai"))),
        "language": st.sampled_from(("en", "de", "rare", None)),
        "size": st.sampled_from((0, 3, 2.5, True, "4", None)),
        "opens": st.one_of(times(), st.none()),
        "title": st.sampled_from(TITLES),
        "live": st.booleans(),
        "undeclared": st.just(1),
    },
)
USER_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "languages": st.one_of(lists_of(("en", "de", "fr")), st.none()),
        "country": st.sampled_from(("GB", 49, 49.0, "FR", None)),
        "age": st.sampled_from((33, None)),
        "born": times(),
    },
)
REQUEST_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "device": st.sampled_from(("ios", "web", "tv")),
        "depth": st.sampled_from((1, 2.5)),
        "tags": lists_of(("a", "b")),
        "time_zone": st.sampled_from(("Asia/Kolkata", "-3", "the moon", None)),
    },
)


def item_events(items: tuple = ITEMS) -> st.SearchStrategy[Item]:
    return st.builds(
        Item,
        time=times(),
        item=st.sampled_from(items),
        state=st.sampled_from(("scheduled", "started", "updated", "ended")),
        fields=ITEM_FIELDS,
    )


def user_events() -> st.SearchStrategy[User]:
    return st.builds(User, time=times(), user=st.sampled_from(USERS), fields=USER_FIELDS)


def interactions(items: tuple = ITEMS) -> st.SearchStrategy[Interaction]:
    return st.builds(
        Interaction,
        time=times(),
        type=st.sampled_from(("join", "join", "click", "impression", "leave", "long_join", "odd")),
        user=st.sampled_from(USERS),
        item=st.sampled_from(items),
        value=st.sampled_from((None, *VALUES)),
    )


def edges() -> st.SearchStrategy[Edge]:
    return st.builds(
        Edge,
        time=times(),
        user=st.sampled_from(USERS),
        relation=st.sampled_from(("follow", "follow", "block")),
        target=st.sampled_from((*USERS, "h2", "ai", "7")),
        active=st.booleans(),
    )


def rankings(items: tuple = ITEMS) -> st.SearchStrategy[Ranking]:
    return st.builds(
        Ranking,
        time=times(),
        id=st.uuids().map(str),
        user=st.sampled_from(USERS),
        items=st.lists(st.sampled_from(items), max_size=6, unique=True),
        fields=REQUEST_FIELDS,
    )


def logs(max_size: int = 40, *, min_size: int = 0, n_items: int = len(ITEMS)) -> st.SearchStrategy:
    """Events in any order of time; of few items more happens with each."""
    items = ITEMS[:n_items]
    kinds = st.one_of(
        interactions(items),
        item_events(items),
        user_events(),
        rankings(items),
        edges(),
        interactions(items),
    )
    return st.lists(kinds, min_size=min_size, max_size=max_size)
