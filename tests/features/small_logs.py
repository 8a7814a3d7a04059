"""Small random logs: what hypothesis makes for the tests of feature state."""

from hypothesis import strategies as st

from liverank.config import Config, Features, Label
from liverank.events.event import Interaction, Item, Ranking, User
from liverank.events.schema import Schema

START_MS = 1_795_392_000_000
USERS = ("u1", "u2", "名前")
ITEMS = tuple(f"room{n}" for n in range(11))
TOPICS = ("ai", "music", "sport", 7, 7.0, 7.5, "chess", "jazz", "law", "go", "art")
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
    requests={"device": "category", "depth": "number", "tags": "keys"},
    interactions=("join", "click", "impression", "leave"),
    positive=("join", "click"),
    levels={
        "items.language": ("en", "de"),
        "items.live": ("true", "false"),
        "users.country": ("GB", "49"),
        "requests.device": ("ios", "web"),
    },
)
"""The product of most tests: rooms with a host, topics and a language."""

BARE = Schema(interactions=("join", "impression", "click"), positive=("join",))
"""A product whose items have no fields at all."""

CONFIGS = (
    Config(label=Label(interaction="join")),
    Config(label=Label(interaction="join", min_value=30.0)),
    Config(label=Label(interaction="join"), features=Features(half_lives=("forever", "90s", "2h"))),
    Config(label=Label(interaction="join"), features=Features(half_lives=("10m",))),
)


def times() -> st.SearchStrategy[int]:
    """Moments of a month or two, many of them at the same millisecond."""
    steps = st.sampled_from((1, 60_000, 3_600_000, 86_400_000))
    return st.builds(lambda n, step: START_MS + n * step, st.integers(0, 40), steps)


def lists_of(values: tuple) -> st.SearchStrategy:
    return st.lists(st.sampled_from(values), max_size=len(values))


ITEM_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "host": st.sampled_from(("u1", "h2", None)),
        "topics": st.one_of(lists_of(TOPICS), st.sampled_from((None, "ai"))),
        "language": st.sampled_from(("en", "de", "rare", None)),
        "size": st.sampled_from((0, 3, 2.5, True, "4", None)),
        "opens": st.one_of(times(), st.none()),
        "title": st.just("A talk on AI"),
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
    },
)


def item_events() -> st.SearchStrategy[Item]:
    return st.builds(
        Item,
        time=times(),
        item=st.sampled_from(ITEMS),
        state=st.sampled_from(("scheduled", "started", "updated", "ended")),
        fields=ITEM_FIELDS,
    )


def user_events() -> st.SearchStrategy[User]:
    return st.builds(User, time=times(), user=st.sampled_from(USERS), fields=USER_FIELDS)


def interactions() -> st.SearchStrategy[Interaction]:
    return st.builds(
        Interaction,
        time=times(),
        type=st.sampled_from(("join", "join", "click", "impression", "leave", "long_join", "odd")),
        user=st.sampled_from(USERS),
        item=st.sampled_from(ITEMS),
        value=st.sampled_from((None, 5.0, 30.0)),
    )


def rankings() -> st.SearchStrategy[Ranking]:
    return st.builds(
        Ranking,
        time=times(),
        id=st.uuids().map(str),
        user=st.sampled_from(USERS),
        items=st.lists(st.sampled_from(ITEMS), max_size=6, unique=True),
        fields=REQUEST_FIELDS,
    )


def logs(max_size: int = 40) -> st.SearchStrategy[list]:
    """Events in any order of time."""
    kinds = st.one_of(interactions(), item_events(), user_events(), rankings(), interactions())
    return st.lists(kinds, max_size=max_size)
