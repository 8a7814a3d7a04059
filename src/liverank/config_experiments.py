"""The tables ``[experiments.NAME]`` and ``[metrics.NAME]`` of liverank.toml, as frozen structs.

Checks beyond the types of single values are in ``config_experiment_rules``.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Literal, TypeAlias

import msgspec

from liverank.quantities import FiniteDuration, duration_ms

BUCKETS = 10_000
"""Buckets of a layer, and of each draw of an experiment."""
SEED_METRICS = ("daily_active", "join_rate", "clicks_to_explore")
"""Metrics that exist without any config; see docs/experiments.md."""
HOLDOUT = "holdout"
"""The name under which units of the holdout are logged; no variant may have it."""
AUTOPILOT = "autopilot"
"""The name under which the holdout of autopilot is logged; no experiment may have it."""
MIXES = {"interleave": 2, "multileave": 26}
"""Ways to merge the lists of several rankers, and how many rankers each takes at most."""
_POLICY = re.compile(r"popular|model|random|bundle:[0-9A-Za-z]+")

Word: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; an unknown key is an error."""


class Variant(_Table, frozen=True):
    """One way to rank, and the share of an experiment's units that get it."""

    rank: str | None = None
    """``popular``, ``model``, ``random`` or ``bundle:VERSION``; to mix several of these,
    ``interleave:A,B`` or ``multileave:A,B,C``."""
    weights: dict[Word, float] = {}
    """In place of ``rank``: the score is this weighted sum of the bundle's label probabilities;
    ``popular`` stands for an item's popularity as a share of the list's largest."""
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    """The variant's share; equal shares if no variant has one."""


class Experiment(_Table, frozen=True):
    """An experiment: its units, its variants, and the metrics that decide."""

    variants: dict[str, Variant]
    surface: Word = "default"
    unit: str = "user"
    """The unit of assignment: ``user``, or ``fields.NAME`` of the request."""
    salt: Word | None = None
    """Text that is hashed with the unit to draw buckets; by default the experiment's name."""
    layer: Word | None = None
    """Experiments of one layer share its buckets; the surface when left out."""
    buckets: tuple[int, int] = (0, BUCKETS)
    """The experiment's part of its layer: from the first bucket, up to but without the second."""
    ramp: Annotated[float, msgspec.Meta(ge=0, le=100)] = 100.0
    """Percent of its units that take part."""
    holdout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    """Share of its units that keep the control, also after a decision."""
    start: Moment | None = None
    end: Moment | None = None
    control: Word | None = None
    """The variant that others are compared with; the first when left out."""
    metrics: tuple[Word, ...] = SEED_METRICS
    """The first is the primary metric."""
    guardrails: tuple[Word, ...] = ()
    looks: FiniteDuration = "1d"
    """Time between two looks at the results."""
    alpha: Annotated[float, msgspec.Meta(gt=0, lt=0.5)] = 0.05
    power: Annotated[float, msgspec.Meta(gt=0.5, lt=1)] = 0.8
    days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 28
    """Planned duration."""
    target: dict[Word, tuple[Word, ...]] = {}
    """Values of user fields; only users with one of them, in each field, are in the experiment."""
    forced: dict[Word, Word] = {}
    """Units with a fixed variant, whatever their buckets; they are left out of every analysis."""

    @property
    def control_name(self) -> str:
        """The variant that others are compared with."""
        return self.control if self.control is not None else next(iter(self.variants))

    @property
    def start_ms(self) -> float | None:
        """Start in Unix milliseconds; None if the config has none."""
        return None if self.start is None else self.start.timestamp() * 1000

    @property
    def end_ms(self) -> float | None:
        """End in Unix milliseconds; None if the config has none."""
        return None if self.end is None else self.end.timestamp() * 1000

    @property
    def looks_ms(self) -> float:
        """The time between two looks in milliseconds."""
        return duration_ms(self.looks)

    @property
    def unit_field(self) -> str | None:
        """The request field with the unit; None if the unit is the user."""
        return None if self.unit == "user" else self.unit.removeprefix("fields.")

    @property
    def shares(self) -> dict[str, float]:
        """The share of each variant; they sum to 1.

        >>> Experiment(variants={"a": Variant(rank="popular"), "b": Variant(rank="model")}).shares
        {'a': 0.5, 'b': 0.5}
        """
        given = {name: variant.share for name, variant in self.variants.items()}
        return {name: 1 / len(given) if share is None else share for name, share in given.items()}


class Metric(_Table, frozen=True):
    """A quantity measured per unit, over a window from its exposure."""

    kind: Literal["participation", "ratio", "mean", "retention", "quantile"]
    interaction: Word | None = None
    """The interaction type that is counted; the label's when left out (not for ``ratio``)."""
    numerator: Word | None = None
    """For a ratio: the interaction type of the numerator."""
    denominator: Word | None = None
    """For a ratio: the interaction type of the denominator."""
    window: FiniteDuration = "28d"
    """Time from each unit's exposure within which interactions count."""
    from_: FiniteDuration | None = msgspec.field(name="from", default=None)
    """For retention: time after the exposure from which a return counts."""
    to: FiniteDuration | None = None
    """For retention: time after the exposure until which a return counts."""
    q: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None
    """For a quantile: its level."""
    cap: Annotated[float, msgspec.Meta(gt=0)] | None = None
    """Maximum that one unit contributes."""
    value: bool = False
    """Whether the interactions' values are summed, rather than the interactions counted."""
    direction: Literal["up", "down"] = "up"
    """Whether more is better."""
    non_inferiority: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None
    """For a guardrail: the tolerated relative loss."""

    @property
    def window_ms(self) -> float:
        """The window in milliseconds."""
        return duration_ms(self.window)


@lru_cache(maxsize=1024)
def parse_rank(text: str) -> tuple[str, ...]:
    """The parts of ``rank``: one policy, or the way of mixing and its policies. Raises ValueError.

    >>> parse_rank("bundle:v12"), parse_rank("interleave:popular,model")
    (('bundle:v12',), ('interleave', 'popular', 'model'))
    """
    kind, _, rest = text.partition(":")
    most = MIXES.get(kind, 1)
    policies = tuple(rest.split(",")) if kind in MIXES else (text,)
    is_number_right = 2 <= len(policies) <= most if kind in MIXES else True
    if not is_number_right or not all(map(_POLICY.fullmatch, policies)):
        raise ValueError(
            f'"{text}"; expected popular, model, random, bundle:VERSION, interleave:A,B of two of '
            f"these, or multileave:A,B,C of 2 to {MIXES['multileave']}"
        )
    return (kind, *policies) if kind in MIXES else policies
