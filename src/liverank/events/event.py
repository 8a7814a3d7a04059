"""The seven events, as frozen structs, with the rules that each keeps.

Their JSON is in ``wire``, their columns are in ``frame``. The same rules as expressions over rows
are in ``sources.frame_rules``; tests/sources/test_rules.py checks that the two agree.
Invariant: an event that exists is valid, and its ``time`` is whole Unix milliseconds.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.events.actions import AutopilotAction, ExperimentAction, ItemState
from liverank.events.list_rules import check_distinct, check_length, check_vectors
from liverank.events.time_range import other_unit

MAX_ID = 512
"""Maximum number of characters of an id."""

Id: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]
"""An id of an item, user, host, topic or event: 1 to 512 characters."""

MAX_VALUE = 1e38
"""Largest absolute value of an interaction: features are 32-bit numbers."""

Scalar: TypeAlias = str | int | float | bool | None
Fields: TypeAlias = dict[str, Scalar | list[str | int | float]]
"""Free-form attributes of an item, a user or a request; the config gives their types."""

MAX_TIME_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""


class _Timed(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that all events have: the time, and the id by which repeats are dropped."""

    time: int | float | datetime

    def __post_init__(self) -> None:
        if type(self.time) is not int or not 0 <= self.time <= MAX_TIME_MS:
            msgspec.structs.force_setattr(self, "time", _to_ms(self.time))

    @property
    def at_ms(self) -> int:
        """When the event happened, in Unix milliseconds (UTC)."""
        return self.time  # type: ignore[return-value]  # __post_init__ made it an int


class Item(
    _Timed, frozen=True, kw_only=True, tag="item", tag_field="event", forbid_unknown_fields=True
):
    """An item began, changed or ended. Fields that are left out keep their last value."""

    item: Id
    state: ItemState = "updated"
    fields: Fields = {}
    id: Id | None = None


class User(
    _Timed, frozen=True, kw_only=True, tag="user", tag_field="event", forbid_unknown_fields=True
):
    """Attributes of a person. Fields that are left out keep their last value."""

    user: Id
    fields: Fields = {}
    id: Id | None = None


class Edge(
    _Timed, frozen=True, kw_only=True, tag="edge", tag_field="event", forbid_unknown_fields=True
):
    """A person's relation (follow, block, mute, ...) to a user, host or topic, begun or ended."""

    user: Id
    relation: Id
    target: Id
    active: bool = True
    id: Id | None = None


class Ranking(
    _Timed, frozen=True, kw_only=True, tag="ranking", tag_field="event", forbid_unknown_fields=True
):
    """A list that was served.

    ``scores`` and ``propensities`` hold one number for each of ``items`` where they are known.
    ``cut`` is the ``seq`` of the last event that the state had folded when this ranking read it; a
    ranking without one (an import) is read at its own seq in the log. ``generation`` is that of
    the log which this state was folded from (``Log.generation``). ``candidates`` are all that were
    scored, where those are more than ``items`` and the server kept them; where it did not keep
    them, ``candidate_count`` is their number. ``vectors`` is what the model read, where the
    server kept it: little-endian float32[scored, features] in C order.
    """

    id: Id
    user: Id
    items: list[Id]
    surface: Id = "default"
    variant: Id | None = None
    model: Id | None = None
    cut: Annotated[int, msgspec.Meta(ge=0)] | None = None
    generation: Annotated[int, msgspec.Meta(ge=1)] | None = None
    scores: list[float] | None = None
    propensities: list[float] | None = None
    candidates: list[Id] | None = None
    candidate_count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    vectors: bytes | None = None
    fields: Fields = {}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranking(self)

    @property
    def scored(self) -> list[Id]:
        """The scored items, as far as they are known: ``candidates``, else ``items``."""
        return self.items if self.candidates is None else self.candidates


class ServedRanking(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A list that our own server served, on its way into the log (``Log.append_served``).

    It is a ``Ranking`` that is cheap to make: the log checks it (``check_ranking``). ``time`` is in
    Unix ms. Scores are kept as float32; an array of them is stored quicker than a list. Python's
    garbage collector does not know a ranking, so nothing in it may refer back to it.
    """

    time: int
    id: str
    user: str
    items: Sequence[str]
    surface: str = "default"
    variant: str | None = None
    model: str | None = None
    cut: int | None = None
    generation: int | None = None
    scores: Sequence[float] | NDArray[np.floating] | None = None
    propensities: Sequence[float] | NDArray[np.floating] | None = None
    candidates: Sequence[str] | None = None
    candidate_count: int | None = None
    vectors: bytes | None = None
    fields: Fields = {}

    @property
    def at_ms(self) -> int:
        """When it was served, in Unix ms."""
        return self.time

    @property
    def scored(self) -> Sequence[str]:
        """See ``Ranking.scored``."""
        return self.items if self.candidates is None else self.candidates


class Interaction(
    _Timed,
    frozen=True,
    kw_only=True,
    tag="interaction",
    tag_field="event",
    forbid_unknown_fields=True,
):
    """Something a person did with an item: impression, click, join, leave, hide, ..."""

    type: Id
    user: Id
    item: Id
    ranking: Id | None = None
    value: float | None = None
    fields: Fields = {}
    id: Id | None = None


class ExperimentChange(
    _Timed,
    frozen=True,
    kw_only=True,
    tag="experiment",
    tag_field="event",
    forbid_unknown_fields=True,
):
    """An experiment began or ended, its ramp was changed, or it was decided.

    ``fields`` hold the ``ramp`` in percent, the ``decision``, the ``variant``, the ``reason``.
    """

    experiment: Id
    action: ExperimentAction
    fields: Fields = {}
    id: Id | None = None


class AutopilotStep(
    _Timed,
    frozen=True,
    kw_only=True,
    tag="autopilot",
    tag_field="event",
    forbid_unknown_fields=True,
):
    """Something that autopilot or a rank server did, decided or found.

    ``model`` is the version of the bundle that it is about. ``fields`` hold the ``reason``, a
    sentence for people, and ``detail``, a JSON text for programs (``autopilot.history``).
    """

    action: AutopilotAction
    model: Id | None = None
    fields: Fields = {}
    id: Id | None = None


Event: TypeAlias = Item | User | Edge | Ranking | Interaction | ExperimentChange | AutopilotStep

KINDS: dict[str, type[Event]] = {
    "item": Item,
    "user": User,
    "edge": Edge,
    "ranking": Ranking,
    "interaction": Interaction,
    "experiment": ExperimentChange,
    "autopilot": AutopilotStep,
}
"""The seven event types by their wire names, in the order in which events of one millisecond are
imported: a ranking comes before the interactions that it caused."""


def event_name(event: Event) -> str:
    """The wire tag of an event: item, user, edge, ranking, interaction, experiment or autopilot."""
    tag = event.__struct_config__.tag
    assert isinstance(tag, str)
    return tag


def dedup_id(event: Event) -> str | None:
    """The event's idempotency key, or None. Ids of different kinds of event never clash.

    >>> dedup_id(User(time=0, user="u1", id="7"))
    'user:7'
    """
    return None if event.id is None else f"{event_name(event)}:{event.id}"


def _to_ms(time: float | datetime) -> int:
    if isinstance(time, datetime):
        if time.tzinfo is None:
            raise ValueError(
                f"A time needs a zone, got `{time.isoformat()}` - at `$.time`; write "
                f"`{time.isoformat()}Z` for UTC"
            )
        # Between aware times Python's difference is exact, and safe at the ends of its calendar.
        at_ms: float = (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    else:
        at_ms = time
    if not 0 <= at_ms <= MAX_TIME_MS or at_ms != int(at_ms):
        raise ValueError(
            f"Expected whole Unix milliseconds from 0 to {MAX_TIME_MS}, or RFC 3339 of those "
            f"years, got `{time}` - at `$.time`{other_unit(at_ms)}"
        )
    return int(at_ms)


def check_ranking(ranking: Ranking | ServedRanking) -> None:
    """Check a ranking's time, and that its lists fit each other.

    Raises ValueError with the path.

    >>> check_ranking(ServedRanking(time=0, id="q", user="u", items=["r1", "r1"]))
    Traceback (most recent call last):
    ValueError: An item stands in a ranking once, got `r1` again - at `$.items[1]`
    """
    _to_ms(ranking.time)
    check_distinct("items", ranking.items)
    if ranking.candidates is not None:
        scored = check_distinct("candidates", ranking.candidates)
        if not scored.issuperset(ranking.items):
            index, item = next(pair for pair in enumerate(ranking.items) if pair[1] not in scored)
            raise ValueError(f"Expected one of `candidates`, got `{item}` - at `$.items[{index}]`")
    if ranking.scores is not None:
        check_length("scores", ranking.scores, len(ranking.items))
    if ranking.propensities is not None:
        check_length("propensities", ranking.propensities, len(ranking.items))
        for index, value in enumerate(ranking.propensities):
            if not 0 < value <= 1:
                raise ValueError(
                    f"Expected a propensity above 0 and at most 1, got `{value}` - at "
                    f"`$.propensities[{index}]`"
                )
    count, named = ranking.candidate_count, len(ranking.scored)
    if count is not None and count < named:
        raise ValueError(
            f"Expected {named} or more, as so many are named, got `{count}` - at "
            "`$.candidate_count`"
        )
    if ranking.vectors is not None:
        check_vectors(ranking.vectors, len(ranking.scored))
