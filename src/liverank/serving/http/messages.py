"""Requests and responses of the rank server, as frozen structs.

Invariant: a request object is valid; everything a client sends or receives is declared here.
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
    """``POST /v1/rank``: a user, a surface, and candidates."""

    user: Id
    surface: Id = "default"
    items: list[Id] | None = None
    """The candidates; by default, all live items."""
    exclude: list[Id] = []
    fields: Fields = {}
    """Fields of the request: device, app version, ..."""
    limit: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Maximum number of items to return; by default, the surface's limit."""
    explain: bool = False
    deadline_ms: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Milliseconds until the answer is needed; by default, the surface's deadline."""
    id: Id | None = None
    """Id of the ranking, to which interactions refer; by default, the server generates one."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of one feature on an item's score; see ``ranking.what_if``."""

    feature: str
    value: float | None
    typical: float | None
    """Median over the candidates."""
    effect: float
    """Log-odds that the item would lose if its value were the typical one."""
    words: str


class RankedItem(msgspec.Struct, frozen=True, gc=False):
    """An item and its position, from 0; with ``explain``, also ``features`` and ``reasons``."""

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
    """Variant of an experiment."""
    model: str | None
    """Version of the bundle that scored; null if none did."""
    items: list[RankedItem]
    fallback: str | None
    """Fallback level that ranked instead of the current bundle: previous, popular or newest."""
    fallback_reason: str | None
    dropped: dict[str, int]
    """Number of candidates that were not ranked, by reason: ended, excluded."""
    took_ms: float


class RejectedEvent(msgspec.Struct, frozen=True):
    """An event that was refused: its index in the body, from 0, and the reason."""

    index: int
    reason: str


class EventsResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``POST /v1/events``: the outcome of each event. Accepted events are on disk."""

    accepted: int
    duplicates: int
    rejected: list[RejectedEvent]
    warnings: list[str] = []
    """One line for each interaction type and surface that the config does not declare."""


class ErasedUser(msgspec.Struct, frozen=True, kw_only=True):
    """``DELETE /v1/users/ID``: the user is in neither the log nor served state."""

    user: str
    erased_rows: int
    """Number of the user's events that were in the log."""


class LiveItemView(msgspec.Struct, frozen=True, kw_only=True):
    """An item of ``GET /v1/items``; times in Unix milliseconds."""

    item: str
    since: int
    fields: msgspec.Raw


class ItemsResponse(msgspec.Struct, frozen=True, kw_only=True):
    """``GET /v1/items``: the live items, newest first."""

    live: int
    items: list[LiveItemView]


class StateHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Size of feature state, and what it evicted."""

    rows: int
    items: int
    bytes: int
    swept: int
    """Rows and histories evicted because they were idle."""
    evicted: int
    """Rows and histories evicted because memory was full."""
    forgotten: int
    """Users and items evicted because memory was full, although events had described them."""
    lost: int
    """Events dropped because memory was full."""
    compacted: int
    """Number of compactions of its memory."""
    clamped: int
    """Events whose time was too far in the future and was moved back."""


class ReleaseHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The challenger on trial."""

    version: str
    stage: str
    """``shadow`` or ``canary``."""
    share: float
    """Share of the people whom it serves."""
    since_ms: int
    trouble: str | None
    """Reason why it is not tried; rankings are as without it."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """``GET /healthz``: ``ok`` is false, and the status 503, if something needs attention."""

    ok: bool
    simulated: bool = False
    """Whether time is simulated; such a server is not for real users."""
    log: str | None
    """Reason why events are refused, the log is not followed, or its contents are unusable."""
    bundle: str | None
    """Reason why the bundle that was promoted last is not served."""
    processes: str | None
    """The process that is missing or shows no sign of life."""
    rankings: str | None
    """Reason why rankings are not being logged."""
    experiments: str | None
    """The variants that are not ranked as configured, and the targets that match nobody."""
    release: ReleaseHealth | None = None
    """The challenger on trial; null if there is none."""
    rankings_lost: int
    """Rankings that were served but could not be logged."""
    lag_s: float
    """Largest possible age of an event that rankings do not include yet."""
    snapshot: str | None
    """Reason why the last snapshot could not be taken; the only effect is a slower restart."""
    snapshot_seq: int | None
    """Seq of the last event in the newest snapshot."""
    memory: str | None
    """The evictions because memory was full, and what to do; null if there were none."""
    state: StateHealth | None
    """Null before the log has been read."""
    pids: dict[str, int]
    """Process ids of the server, by process name."""


class Readiness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``GET /readyz``: whether rankings can be answered, and by which model or fallback."""

    ready: bool
    seq: int | msgspec.UnsetType = msgspec.UNSET
    """Seq of the last event that rankings include."""
    model: str | None = None
    fallback: str | None = None
    reason: str | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The reason of a failed request: its location, the error, and what to do."""

    where: str
    what: str


class ErrorResponse(msgspec.Struct, frozen=True):
    """The body of every error."""

    error: Problem


class BadRequestError(ServingError):
    """A request that cannot be answered, with the HTTP status for it."""

    def __init__(self, status: int, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.status = status
        self.problem = Problem(where=where, what=what)


def decode_request(body: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    """Decode a request's body.

    Raises BadRequestError: 400 for invalid JSON, 422 for JSON that is not such a request.

    >>> decode_request(b'{"user":"u1","limit":0}', msgspec.json.Decoder(RankRequest))
    Traceback (most recent call last):
    liverank.serving.http.messages.BadRequestError: $.limit: Expected `int` >= 1
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        what, _, path = with_field_name(str(error), body).partition(" - at `")
        if "unknown field" in what:
            what += f"; expected {', '.join(decoder.type.__struct_fields__)}"
        raise BadRequestError(422, path.rstrip("`") or "$", what) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        what = odd_text(body) or f"not valid JSON: {error}"
        raise BadRequestError(400, "body", what) from None


def check_fields(fields: Fields, declared: Mapping[str, FieldType]) -> None:
    """Refuse fields of a request whose types are not those that liverank.toml declares.

    Raises BadRequestError (422).

    >>> check_fields({"device": ["ios"]}, {"device": "category"})
    Traceback (most recent call last):
    liverank.serving.http.messages.BadRequestError: $.fields.device: Expected one text, number ...
    """
    problem = problem_of_fields(fields, declared)
    if problem is not None:
        before, _, after = problem.partition(" - at `")
        path, _, advice = after.partition("`")
        raise BadRequestError(422, path, before + advice)
