"""What the rank server takes and gives: requests and responses as frozen structs.

Invariant: a request that exists is valid; what a client sees of the server is declared here.
"""

from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec

from liverank.config import FieldType
from liverank.errors import ServingError
from liverank.events.decode_errors import with_field_name
from liverank.events.event import Fields, Id
from liverank.events.odd_text import odd_text
from liverank.events.schema.declared import problem_of_fields

_T = TypeVar("_T", bound=msgspec.Struct)


class RankRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/rank``: who asks, where, and among what."""

    user: Id
    surface: Id = "default"
    items: list[Id] | None = None
    """The candidates; left out, everything live."""
    exclude: list[Id] = []
    fields: Fields = {}
    """What is known of the request: device, app version, ..."""
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Items wanted; left out, the surface's."""
    explain: bool = False
    deadline_ms: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Milliseconds in which an answer is of use; left out, the surface's."""
    id: Id | None = None
    """The ranking's id, which interactions name; left out, the server makes one."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One feature's part in an item's score."""

    feature: str
    value: float | None
    typical: float | None
    """The median over the candidates."""
    effect: float
    """Log-odds that the item would lose if its value were the typical one."""
    words: str


class RankedItem(msgspec.Struct, frozen=True, gc=False):
    """An item at its place, from 0. ``features`` and ``reasons`` are given when asked for."""

    item: str
    score: float
    position: int
    features: dict[str, float | None] | msgspec.UnsetType = msgspec.UNSET
    reasons: list[Reason] | msgspec.UnsetType = msgspec.UNSET


class RankResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a RankRequest."""

    id: str
    surface: str
    variant: str | None
    """The arm of an experiment."""
    model: str | None
    """The version of the bundle that scored; null when none did."""
    items: list[RankedItem]
    fallback: str | None
    """The level below the current bundle that answered: previous, popular or newest."""
    fallback_reason: str | None
    dropped: dict[str, int]
    """Candidates that were not ranked, by why: ended, excluded."""
    took_ms: float


class RejectedEvent(msgspec.Struct, frozen=True):
    """An event that was refused: its place in the body, from 0, and why."""

    index: int
    reason: str


class EventsResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``POST /v1/events``: what became of the events. Accepted ones are on disk."""

    accepted: int
    duplicates: int
    rejected: list[RejectedEvent]
    warnings: list[str] = []
    """A line for each interaction type and surface that the config does not declare."""


class ErasedUser(msgspec.Struct, frozen=True, kw_only=True):
    """``DELETE /v1/users/ID``: the user is in neither the log nor what ranks."""

    user: str
    erased_rows: int
    """Events of theirs that the log held."""


class LiveItemView(msgspec.Struct, frozen=True, kw_only=True):
    """An item of ``GET /v1/items``; times in Unix milliseconds."""

    item: str
    since: int
    fields: msgspec.Raw


class ItemsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """``GET /v1/items``: what is live, the newest first."""

    live: int
    items: list[LiveItemView]


class StateHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How big feature state is, and what it let go."""

    rows: int
    items: int
    bytes: int
    swept: int
    """Rows and histories let go for lying idle."""
    evicted: int
    """Rows and histories let go for want of memory."""
    forgotten: int
    """People and items let go for want of memory though events had told of them."""
    lost: int
    """Events that found no room."""
    compacted: int
    """How often its memory was compacted."""
    clamped: int
    """Events whose clock ran ahead."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """``GET /healthz``: ``ok`` is false, and the status 503, where somebody should look at it."""

    ok: bool
    simulated: bool = False
    """Whether time is simulated: such a server is for no real person."""
    log: str | None
    """Why events are refused, the log is not followed, or what it holds is of no use."""
    bundle: str | None
    """Why the bundle that was promoted last is not served."""
    processes: str | None
    """Which process is missing, or does nothing, at present."""
    rankings: str | None
    """Why rankings are not being logged."""
    experiments: str | None
    """Which variants are not ranked as the config says, and which targets hold nobody."""
    rankings_lost: int
    """Rankings that were served but could not be logged."""
    lag_s: float
    """How old the oldest event may be that rankings do not know yet."""
    snapshot: str | None
    """Why the last snapshot could not be taken; a restart takes longer, nothing else."""
    snapshot_seq: int | None
    """The last event that the newest snapshot holds."""
    memory: str | None
    """What state let go for want of memory, and what to do; null where nothing was."""
    state: StateHealth | None
    """Null before the log has been read."""
    pids: dict[str, int]
    """The processes of the server, by what they do."""


class Readiness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``GET /readyz``: whether rankings can be answered, and by what."""

    ready: bool
    seq: int | msgspec.UnsetType = msgspec.UNSET
    """The last event that rankings see."""
    model: str | None = None
    fallback: str | None = None
    reason: str | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request failed: where in it, what is wrong, and what to do."""

    where: str
    what: str


class ErrorResponse(msgspec.Struct, frozen=True):
    """The body of every answer that is an error."""

    error: Problem


class BadRequestError(ServingError):
    """A request that cannot be answered, with the HTTP status that says so."""

    def __init__(self, status: int, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.status = status
        self.problem = Problem(where=where, what=what)


def decode_request(body: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    """Decode a request's body.

    Raises BadRequestError: 400 for what is not JSON, 422 for JSON that is not the request.

    >>> decode_request(b'{"user":"u1","limit":0}', msgspec.json.Decoder(RankRequest))
    Traceback (most recent call last):
    liverank.serving.http.messages.BadRequestError: $.limit: Expected `int` >= 1
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        what, _, place = with_field_name(str(error), body).partition(" - at `")
        if "unknown field" in what:
            what += f"; expected {', '.join(decoder.type.__struct_fields__)}"
        raise BadRequestError(422, place.rstrip("`") or "$", what) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        what = odd_text(body) or f"not valid JSON: {error}"
        raise BadRequestError(400, "body", what) from None


def check_fields(fields: Fields, declared: Mapping[str, FieldType]) -> None:
    """Refuse fields of a request that are not of the types that liverank.toml declares.

    Raises BadRequestError (422).

    >>> check_fields({"device": ["ios"]}, {"device": "category"})
    Traceback (most recent call last):
    liverank.serving.http.messages.BadRequestError: $.fields.device: Expected one text, number ...
    """
    problem = problem_of_fields(fields, declared)
    if problem is not None:
        before, _, after = problem.partition(" - at `")
        place, _, advice = after.partition("`")
        raise BadRequestError(422, place, before + advice)
