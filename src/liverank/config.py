"""``liverank.toml``: what a team tells liverank about its product, as frozen structs.

Everything but the label has a default, so a file that only names its label works.
Invariant: a Config that exists is valid; every error names the key, the value and what is allowed.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from liverank.config_errors import explain
from liverank.config_events import EventsTable
from liverank.config_experiment_rules import check_experiments
from liverank.config_experiments import Experiment, Metric
from liverank.config_rules import check
from liverank.config_sources import Source
from liverank.errors import ConfigError
from liverank.quantities import (
    Duration,
    FiniteDuration,
    FiniteDurationOrNever,
    duration_ms,
    size_bytes,
)

FieldType: TypeAlias = Literal["category", "key", "keys", "number", "text", "time"]
"""What a field holds.

``category``  one of a few names (language, country)
``key``       the id of something with a history of its own (host)
``keys``      a list of such ids (speakers, topics)
``number``    a quantity
``text``      words for people (title)
``time``      a moment: RFC 3339 or Unix milliseconds
"""

Word: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; an unknown key is an error."""


class Label(_Table, frozen=True):
    """What counts as success for an impression."""

    interaction: Word
    """The interaction type that makes an impression a success, e.g. ``"join"``."""
    within: FiniteDuration = "1h"
    """How long after the ranking it may come."""
    min_value: float | None = None
    """The least ``value`` the interaction must carry, e.g. 3 for three stars."""
    min_duration: FiniteDuration | None = None
    """How long the person must stay after it, e.g. ``"30s"``: no ``presence.leave`` sooner."""

    @property
    def within_ms(self) -> int:
        """The label's window in milliseconds."""
        return int(duration_ms(self.within))

    @property
    def min_duration_ms(self) -> int:
        """The least stay in milliseconds; 0 where none is asked for."""
        return 0 if self.min_duration is None else int(duration_ms(self.min_duration))

    @property
    def known_after_ms(self) -> int:
        """How long after a ranking its labels are known, in milliseconds."""
        return self.within_ms + self.min_duration_ms


class Impressions(_Table, frozen=True):
    """How liverank knows which items of a ranking a person really saw."""

    source: Literal["auto", "interaction", "ranking"] = "auto"
    """``interaction``: events of type ``interaction`` say so; ``ranking``: the served list does;
    ``auto``: the first where the log holds such events, else the second."""
    interaction: Word = "impression"
    """The interaction type that means "this item was on the screen"."""
    seen: Literal["auto", "all", "to_last_engaged"] = "auto"
    """Which items of a list count as seen. Where no impression events exist, ``to_last_engaged``
    leaves out those below the last one engaged with; ``auto`` does so when engagement falls with
    the position, so that there is a reason to. Where they exist, both leave out what stands below
    the first success: ``auto`` when people stop at a success."""


class Candidates(_Table, frozen=True):
    """Rankings made from bare interactions, for a log that holds no rankings.

    Each interaction of type ``interaction`` becomes a choice among the items that drew one within
    the window before it.
    """

    interaction: Word
    within: FiniteDuration = "24h"
    per_ranking: Annotated[int, msgspec.Meta(ge=2)] = 20
    """Candidates of a training row group: the chosen one and a sample of the others."""
    max_rankings: Annotated[int, msgspec.Meta(ge=1)] = 30_000
    """How many of them (the newest, thinned evenly) to train on."""
    max_test_rankings: Annotated[int, msgspec.Meta(ge=1)] = 2_000
    """How many test rankings (thinned evenly) a backtest scores with all their candidates."""

    @property
    def within_ms(self) -> int:
        """The window in milliseconds."""
        return int(duration_ms(self.within))


class EntityFields(_Table, frozen=True):
    """Declared fields of items, users or requests, with their types."""

    fields: dict[str, FieldType] = {}


class Features(_Table, frozen=True):
    """Which features exist. By default they are derived from the schema."""

    half_lives: tuple[Duration, ...] = ("5m", "1h", "1d", "14d", "forever")
    off: tuple[str, ...] = ()
    """Names or patterns (``user_*_5m``) of features to leave out."""
    on: tuple[str, ...] = ()
    """The same of features to derive that are not derived otherwise."""
    max_future: FiniteDuration = "5m"
    """How far ahead of its arrival an event's clock may be; later ones are moved to that point."""
    history: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 128
    """Of a person's impressions, and of the other interactions, how many are remembered."""
    memory: str = "4GB"
    """What feature state may take; beyond it, what was idle for longest is forgotten."""

    @property
    def memory_bytes(self) -> int:
        """The memory in bytes."""
        return size_bytes(self.memory)


class Presence(_Table, frozen=True):
    """How liverank knows who is in an item now, and who follows whom."""

    enter: Word = "join"
    """The interaction type with which a person comes in."""
    leave: Word = "leave"
    """The one with which a person goes."""
    expire_after: FiniteDuration = "2h"
    """After this long without a sign a person counts as gone."""
    follow: Word = "follow"
    """The relation of edges that says a person follows somebody or something."""

    @property
    def expire_after_ms(self) -> float:
        """The time in milliseconds."""
        return duration_ms(self.expire_after)


class Training(_Table, frozen=True):
    """How a model is trained."""

    validation: Annotated[float, msgspec.Meta(gt=0, lt=0.9)] = 0.2
    """The newest share of the rankings that chooses between models."""
    max_rows: Annotated[int, msgspec.Meta(ge=100)] = 600_000
    """Rows to train on at most; the newest rankings are kept."""
    budget: FiniteDuration = "2m"
    """Wall time of the model search."""
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    variants: tuple[Word, ...] = ()
    """Learn only from rankings of these (``"EXPERIMENT:VARIANT"``); empty: from all."""

    @property
    def budget_s(self) -> float:
        """The search's wall time in seconds."""
        return duration_ms(self.budget) / 1000


class Surface(_Table, frozen=True):
    """One place in the product that shows a ranked list."""

    limit: Annotated[int, msgspec.Meta(ge=1)] = 50
    """Items in a response when the request names no limit."""
    deadline: Duration = "50ms"
    """How long an answer is of use when the request does not say; later ones are by popularity."""


class Serving(_Table, frozen=True):
    """The rank server."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8080
    expire_after: Duration = "24h"
    """An item that never ends is no longer served this long after it was last heard of."""
    max_body_mb: Annotated[int, msgspec.Meta(ge=1)] = 16
    log_candidates: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05
    """The share of rankings cut from a long list (over 200) that log all they were cut from."""
    log_vectors: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    """The share of rankings that log what the model read, for ``liverank replay --check``."""
    log_rankings: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    """The share of rankings that are logged at all; what is not logged cannot be learned from."""
    keep_alive: Duration = "75s"
    """How long a connection may lie idle between two requests."""
    log_wait: FiniteDuration = "30s"
    """How long events wait for another process that holds the log, before they are refused."""
    max_lag: Duration = "5s"
    """How far the fold may be behind the log before ``/healthz`` says so."""
    slow_request: Duration = "1s"
    """What takes longer is written into the server's log."""
    snapshot_every: FiniteDurationOrNever = "10m"
    """How often what the log comes to is written to disk, to start from; or ``"never"``."""

    @property
    def snapshot_every_s(self) -> float | None:
        """The pause between two snapshots in seconds; None for never."""
        return None if self.snapshot_every == "never" else duration_ms(self.snapshot_every) / 1000


class LogTable(_Table, frozen=True):
    """The event log."""

    keep: Duration = "forever"
    """Age after which events are dropped."""
    segment_rows: Annotated[int, msgspec.Meta(ge=1000)] = 1_000_000
    """Events of a Parquet segment."""


class Config(_Table, frozen=True):
    """The whole of liverank.toml."""

    label: Label
    """What lists are ranked by; where it is left out, the first of ``labels``."""
    labels: dict[Word, Label] = {}
    """More of what people do, each learned by a head of its own."""
    path: Word = ".liverank"
    """Directory of the log and the bundles, relative to the file."""
    items: EntityFields = EntityFields()
    users: EntityFields = EntityFields()
    requests: EntityFields = EntityFields()
    events: EventsTable = EventsTable()
    interactions: dict[str, str] = {}
    """Interaction types, each with a line that says what it means. Empty: those in the log."""
    impressions: Impressions = Impressions()
    candidates: Candidates | None = None
    features: Features = Features()
    presence: Presence = Presence()
    training: Training = Training()
    surfaces: dict[str, Surface] = {}
    serving: Serving = Serving()
    log: LogTable = LogTable()
    sources: tuple[Source, ...] = ()
    experiments: dict[str, Experiment] = {}
    metrics: dict[str, Metric] = {}

    @property
    def heads(self) -> dict[str, Label]:
        """All labels by name, the one that lists are ranked by first."""
        first = next((name for name, label in self.labels.items() if label == self.label), None)
        return {first or self.label.interaction: self.label, **self.labels}


def parse_config(text: str, *, where: str = "liverank.toml") -> Config:
    r"""Parse the text of a liverank.toml.

    Raises ConfigError, which names the file, the key, the value and what is allowed.

    >>> parse_config('[label]\ninteraction = "click"\nwithin = "10m"').label.within_ms
    600000
    >>> parse_config('[label]\ninteraction = "click"\nwithin = "soon"')
    Traceback (most recent call last):
    liverank.errors.ConfigError: liverank.toml: `label.within` is "soon"; expected a duration ...
    """
    try:
        document = _with_label(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not valid TOML: {error}") from None
    try:
        config = msgspec.convert(document, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {explain(error, document, Config)}") from None
    check(config, where)
    check_experiments(config.experiments, config.metrics, config.heads, where)
    return config


def load_config(path: Path) -> Config:
    """Read and check a liverank.toml. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        what = "no such file; `liverank init EVENTS` proposes one from your events"
        raise ConfigError(f"{path}: {what}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    return parse_config(text, where=str(path))


def _with_label(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the first of ``labels`` as its label, where it names none."""
    if isinstance(labels := document.get("labels"), dict) and labels and "label" not in document:
        return {**document, "label": next(iter(labels.values()))}
    return document
