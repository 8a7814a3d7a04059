"""``liverank.toml``: a product's configuration, as frozen structs.

Everything but the label has a default, so a file that only names its label is enough.
Invariant: a Config that exists is valid; every error names the key, the value and what is allowed.
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from liverank.config_autopilot import Autopilot
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
"""Type of a field's values.

``category``  one of a few names (language, country)
``key``       an id whose history is tracked (host)
``keys``      a list of such ids (speakers, topics)
``number``    a quantity
``text``      free text (title)
``time``      a moment: RFC 3339 or Unix milliseconds
"""

Word: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; an unknown key is an error."""


class Label(_Table, frozen=True):
    """The definition of a success for an impression."""

    interaction: Word
    """The interaction type that makes an impression a success, e.g. ``"join"``."""
    within: FiniteDuration = "1h"
    """Longest time from the ranking to the interaction."""
    min_value: float | None = None
    """Smallest ``value`` of the interaction that counts, e.g. 3 for three stars."""
    min_duration: FiniteDuration | None = None
    """Shortest stay after it, e.g. ``"30s"``: no ``presence.leave`` before that."""

    @property
    def within_ms(self) -> int:
        """The label's window in milliseconds."""
        return int(duration_ms(self.within))

    @property
    def min_duration_ms(self) -> int:
        """The shortest stay in milliseconds; 0 where none is required."""
        return 0 if self.min_duration is None else int(duration_ms(self.min_duration))

    @property
    def known_after_ms(self) -> int:
        """Time after a ranking until its labels are known, in milliseconds."""
        return self.within_ms + self.min_duration_ms


class Impressions(_Table, frozen=True):
    """Rules for which items of a ranking a person actually saw."""

    source: Literal["auto", "interaction", "ranking"] = "auto"
    """``interaction``: by events of type ``interaction``; ``ranking``: by the served list;
    ``auto``: the first if the log has such events, else the second."""
    interaction: Word = "impression"
    """The interaction type that means "this item was on the screen"."""
    seen: Literal["auto", "all", "to_last_engaged"] = "auto"
    """Which items of a list count as seen. Where no impression events exist, ``to_last_engaged``
    leaves out the items below the last one engaged with; ``auto`` does so only when engagement
    falls with the position. Where they exist, both leave out the items below the first success:
    ``auto`` only when people stop at a success."""


class Candidates(_Table, frozen=True):
    """Rankings derived from bare interactions, for a log without rankings.

    Each interaction of type ``interaction`` becomes a ranking of the items that had such an
    interaction within the window before it; its own item is the chosen one.
    """

    interaction: Word
    within: FiniteDuration = "24h"
    per_ranking: Annotated[int, msgspec.Meta(ge=2)] = 20
    """Candidates of a training row group: the chosen one and a sample of the others."""
    max_rankings: Annotated[int, msgspec.Meta(ge=1)] = 30_000
    """Number of rankings to train on at most: the newest, sampled evenly."""
    max_test_rankings: Annotated[int, msgspec.Meta(ge=1)] = 2_000
    """Number of test rankings (sampled evenly) that a backtest scores with all candidates."""

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
    """Names or patterns of features to derive that are not derived by default."""
    max_future: FiniteDuration = "5m"
    """Largest lead of an event's time over its arrival; a later time is moved to that point."""
    history: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 128
    """Number of a person's impressions, and of other interactions, that are stored."""
    memory: str = "4GB"
    """Memory of feature state; when it is full, the rows unused for longest are evicted."""

    @property
    def memory_bytes(self) -> int:
        """The memory in bytes."""
        return size_bytes(self.memory)


class Presence(_Table, frozen=True):
    """The interactions that define who is in an item now, and who follows whom."""

    enter: Word = "join"
    """The interaction type by which a person enters an item."""
    leave: Word = "leave"
    """The interaction type by which a person leaves it."""
    expire_after: FiniteDuration = "2h"
    """A person counts as gone after this long without an event."""
    follow: Word = "follow"
    """The relation of edges by which a person follows somebody or something."""

    @property
    def expire_after_ms(self) -> float:
        """The time in milliseconds."""
        return duration_ms(self.expire_after)


class Training(_Table, frozen=True):
    """Options of training."""

    validation: Annotated[float, msgspec.Meta(gt=0, lt=0.9)] = 0.2
    """Share of the rankings, the newest ones, whose rows are the validation rows."""
    max_rows: Annotated[int, msgspec.Meta(ge=100)] = 600_000
    """Rows to train on at most; the newest rankings are kept."""
    budget: FiniteDuration = "2m"
    """Wall time of the model search."""
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    variants: tuple[Word, ...] = ()
    """Train only on rankings of these variants (``"EXPERIMENT:VARIANT"``); empty: on all."""

    @property
    def budget_s(self) -> float:
        """The search's wall time in seconds."""
        return duration_ms(self.budget) / 1000


class Surface(_Table, frozen=True):
    """A part of the product that shows a ranked list."""

    limit: Annotated[int, msgspec.Meta(ge=1)] = 50
    """Items in a response when the request names no limit."""
    deadline: Duration = "50ms"
    """The deadline of a request that names none; after it the list is ranked by popularity."""


class Serving(_Table, frozen=True):
    """The rank server."""

    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8080
    expire_after: Duration = "24h"
    """An item that never ends is no longer served this long after its last event."""
    max_body_mb: Annotated[int, msgspec.Meta(ge=1)] = 16
    log_candidates: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.05
    """Share of the rankings of long lists (over 200 candidates) that log all their candidates."""
    log_vectors: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    """Share of the rankings that log the model's features, for ``liverank replay --check``."""
    log_rankings: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    """Share of the rankings that are logged; models learn only from logged rankings."""
    keep_alive: Duration = "75s"
    """Longest idle time of a connection between two requests."""
    log_wait: FiniteDuration = "30s"
    """Longest time that events wait while another process locks the log; then they are refused."""
    max_lag: Duration = "5s"
    """Largest lag of the fold behind the log; ``/healthz`` reports a larger one."""
    slow_request: Duration = "1s"
    """Requests that take longer are written to the server's log."""
    snapshot_every: FiniteDurationOrNever = "10m"
    """Time between two snapshots of feature state for the next start; or ``"never"``."""

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
    """The label that ranks the lists; if it is left out, the first of ``labels``."""
    labels: dict[Word, Label] = {}
    """Further labels; each is learned by a separate head."""
    path: Word = ".liverank"
    """Directory of the log and the bundles, relative to the file."""
    items: EntityFields = EntityFields()
    users: EntityFields = EntityFields()
    requests: EntityFields = EntityFields()
    events: EventsTable = EventsTable()
    interactions: dict[str, str] = {}
    """Interaction types, each with a line that describes it. Empty: those in the log."""
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
    autopilot: Autopilot | None = None

    @property
    def heads(self) -> dict[str, Label]:
        """All labels by name; the first one ranks the lists."""
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
    """The document, with the first of ``labels`` as its label if it has none."""
    if isinstance(labels := document.get("labels"), dict) and labels and "label" not in document:
        return {**document, "label": next(iter(labels.values()))}
    return document
