"""Profiles a log of events in one pass: counts, field types, interaction types.

Counts are exact; fields are profiled on a random sample, so that five million events take seconds.
Invariant: the same events, however they are cut into frames, and the same seed give the same
counts; the sample depends on the seed and the order alone.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec
import numpy as np
import polars as pl

from liverank.events.schema.field_types import FieldProfile, profile_field
from liverank.events.wire import decode_fields

NOT_SUCCESS = re.compile(
    r"(^|_)(impression|exposure|seen|shown|show|view_start|scroll|leave|left|exit|end|ended|hide|hidden|"
    r"dismiss|skip|report|block|mute|dislike|unlike|unfollow|unsubscribe|cancel|refund|close|error)(s|ed)?$"
)
"""Interaction types that do not mean that a person liked the item."""

PREFERRED_LABELS = ("join", "purchase", "buy", "order", "subscribe", "play", "watch", "click")
"""Interaction types that are likely to be the label, the likeliest first."""


MAX_IDS = 1_000_000
"""Approximate number of ids of users and edge targets kept to recognise fields with such ids."""


class InteractionProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of the interactions of one type."""

    count: int = 0
    with_ranking: int = 0
    """Number of interactions that name their ranking."""
    with_value: int = 0
    least: float | None = None
    """The least value."""
    most: float | None = None
    """The greatest value."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of a log of events."""

    events: dict[str, int] = {}
    """Number of events of each kind."""
    first_ms: int | None = None
    last_ms: int | None = None
    items: dict[str, FieldProfile] = {}
    """Fields of item events."""
    users: dict[str, FieldProfile] = {}
    """Fields of user events."""
    requests: dict[str, FieldProfile] = {}
    """Fields of rankings; where there are no rankings, those of interactions."""
    interactions: dict[str, InteractionProfile] = {}
    """Interaction types by name."""
    relations: dict[str, int] = {}
    surfaces: dict[str, int] = {}
    label: str | None = None
    """The interaction type that is most likely to be the label."""


def profile_events(
    frames: Iterable[pl.DataFrame], *, sample_rows: int = 20_000, seed: int = 0
) -> Profile:
    """Profile events, given as frames of ``frame.SCHEMA``.

    Fields are profiled on a sample of ``sample_rows`` events of each kind.

    >>> from liverank.events.event import Interaction, Item
    >>> from liverank.events.frame import frame_of
    >>> room = Item(time=0, item="room9", fields={"language": "en"})
    >>> profile = profile_events(
    ...     [frame_of([room, Interaction(time=1, type="join", user="u1", item="room9")])]
    ... )
    >>> profile.label, profile.items["language"].guess
    ('join', 'category')
    """
    kinds: Counter[str] = Counter()
    relations: Counter[str] = Counter()
    surfaces: Counter[str] = Counter()
    interactions: dict[str, InteractionProfile] = {}
    samples: dict[str, pl.DataFrame] = {}
    spans: list[tuple[int, int]] = []
    ids: set[str] = set()
    random = np.random.default_rng(seed)
    for frame in frames:
        if frame.is_empty():
            continue
        kinds.update(_counts(frame, "event"))
        relations.update(_counts(frame, "relation"))
        surfaces.update(_counts(frame, "surface"))
        spans.append((_least(frame), _most(frame)))
        _add_interactions(interactions, frame)
        if len(ids) < MAX_IDS:
            ids |= set(frame.head(sample_rows)["user"].drop_nulls())
            ids |= set(frame["target"].drop_nulls().head(sample_rows))
        for (kind,), part in (
            frame.select("event", "fields").drop_nulls().group_by("event", maintain_order=True)
        ):
            drawn = part.with_columns(draw=random.random(part.height))
            samples[str(kind)] = _sample(samples.get(str(kind)), drawn, sample_rows)
    fields = {kind: _profile_fields(sample["fields"], ids) for kind, sample in samples.items()}
    return Profile(
        events=dict(sorted(kinds.items())),
        first_ms=min((first for first, _ in spans), default=None),
        last_ms=max((last for _, last in spans), default=None),
        items=fields.get("item", {}),
        users=fields.get("user", {}),
        requests=fields.get("ranking" if kinds["ranking"] else "interaction", {}),
        interactions=dict(sorted(interactions.items())),
        relations=dict(sorted(relations.items())),
        surfaces=dict(sorted(surfaces.items())),
        label=likely_label({name: seen.count for name, seen in interactions.items()}),
    )


def likely_label(counts: dict[str, int]) -> str | None:
    """The interaction type that is most likely to be the label; None where none can be.

    >>> likely_label({"impression": 900, "click": 90, "join": 30, "leave": 30})
    'join'
    >>> likely_label({"impression": 900}) is None
    True
    """
    able = {name: count for name, count in counts.items() if is_positive(name)}
    enough = max(20, sum(counts.values()) // 10_000)
    for least in (enough, 1):
        for name in PREFERRED_LABELS:
            if able.get(name, 0) >= least:
                return name
    return max(sorted(able), key=lambda name: able[name], default=None)


def is_positive(interaction: str) -> bool:
    """Whether an interaction of this name means that a person liked an item.

    >>> is_positive("join"), is_positive("leave"), is_positive("card_impression")
    (True, False, False)
    """
    return NOT_SUCCESS.search(interaction.lower()) is None


def _counts(frame: pl.DataFrame, column: str) -> dict[str, int]:
    counted = frame[column].drop_nulls().value_counts()
    return dict(counted.iter_rows())


def _least(frame: pl.DataFrame) -> int:
    return int(frame.select(pl.col("time").min()).item())


def _most(frame: pl.DataFrame) -> int:
    return int(frame.select(pl.col("time").max()).item())


def _add_interactions(interactions: dict[str, InteractionProfile], frame: pl.DataFrame) -> None:
    seen = (
        frame.filter(pl.col("event") == "interaction")
        .group_by("type")
        .agg(
            count=pl.len(),
            with_ranking=pl.col("ranking").count(),
            with_value=pl.col("value").count(),
            least=pl.col("value").min(),
            most=pl.col("value").max(),
        )
    )
    for row in seen.iter_rows(named=True):
        name = row.pop("type")
        before = interactions.get(name, InteractionProfile())
        both = [value for value in (before.least, row["least"]) if value is not None]
        top = [value for value in (before.most, row["most"]) if value is not None]
        interactions[name] = InteractionProfile(
            count=before.count + row["count"],
            with_ranking=before.with_ranking + row["with_ranking"],
            with_value=before.with_value + row["with_value"],
            least=min(both, default=None),
            most=max(top, default=None),
        )


def _sample(kept: pl.DataFrame | None, drawn: pl.DataFrame, rows: int) -> pl.DataFrame:
    """The rows with the smallest draws so far: a uniform sample of all rows seen."""
    both = drawn if kept is None else pl.concat([kept, drawn])
    return both if both.height <= rows else both.bottom_k(rows, by="draw")


def _profile_fields(texts: pl.Series, ids: set[str]) -> dict[str, FieldProfile]:
    values: defaultdict[str, list[object]] = defaultdict(list)
    for text in texts:
        for name, value in decode_fields(text).items():
            if value is not None:
                values[name].append(value)
    return {name: profile_field(name, values[name], ids) for name in sorted(values)}
