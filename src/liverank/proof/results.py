"""The results of a proof as data: the one form that JSON, tables and pages are written from.

Unknown numbers are None. Lifts are relative: 0.02 is +2 %. Invariant: what an experiment reported
is in ``Reported`` and came from the experiment's report alone; what is known from the world is in
``TruePolicy`` and in the fields of ``MetricProof`` whose docstrings name it.
"""

from typing import Literal

import msgspec

Interval = tuple[float | None, float | None]
MetricName = Literal["daily_active", "join_rate", "clicks_to_explore", "minutes_listened"]
METRICS: tuple[MetricName, ...] = (
    "daily_active",
    "join_rate",
    "clicks_to_explore",
    "minutes_listened",
)
"""In the order of every table. The first three are the product's seed metrics."""
METRIC_WORDS: dict[MetricName, str] = {
    "daily_active": "share of days with a join",
    "join_rate": "joins per impression",
    "clicks_to_explore": "clicks per person",
    "minutes_listened": "minutes listened per person",
}
POPULAR, MODEL, RANDOM, ORACLE = "popular", "model", "random", "oracle"
"""Policies of every proof, in addition to those of ``ProofResult.heuristics``."""
ORACLE_OF_MINUTES = "oracle of minutes"
ORACLES = (ORACLE, ORACLE_OF_MINUTES)
"""Rank by the true chance of a join, and by the true mean of seconds."""
PERSONAL_RULE = "personal rule"
"""A rule without a model, for comparison; oracle shares are not measured against it."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the results."""


class WorldSummary(_Part, frozen=True):
    """The world that everything happened in."""

    people: int
    hosts: int
    rooms: int
    days_before: int
    """Days on "most popular", which the model learned from."""
    days_of_test: int
    start_ms: int
    test_start_ms: int
    """When the A/B test began, in simulated Unix ms."""
    end_ms: int


class Phase(_Part, frozen=True):
    """One stage of a proof, and what it took."""

    name: str
    """``world``, ``before``, ``training``, ``test``, ``report``, or ``truth:POLICY``."""
    words: str
    """What happened, for people."""
    seconds: float
    """Of wall-clock time."""
    simulated_days: float = 0.0
    visits: int = 0
    """Number of lists requested."""
    events: int = 0
    fallbacks: int = 0
    """Lists of the model's variant that the server could not rank by the model."""


class TrainingSummary(_Part, frozen=True):
    """What ``liverank train`` reported of the bundle that it promoted."""

    bundle: str
    seconds: float
    budget_s: float
    """Of the search, as the config gives it."""
    rows: int
    successes: int
    models_tried: int
    best_heuristic: str
    """The heuristic that the model had to beat on the newest lists."""
    scores: dict[str, dict[str, float | None]]
    """By method, ``model`` among them: list_auc and ndcg@10 on the newest lists."""
    importance: dict[str, float]
    """Share of the model's decisions by feature, the largest first."""


class Look(_Part, frozen=True):
    """A metric at one look of the report."""

    day: float
    """Days since the test began."""
    lift: float | None
    lift_ci: Interval
    crossed: bool
    """Whether the difference was proven at this look."""


class Reported(_Part, frozen=True):
    """A metric as ``liverank experiment report`` gives it, which never sees the truth."""

    control: float
    variant: float
    difference: float
    difference_ci: Interval
    lift: float | None
    lift_ci: Interval
    p: float | None
    """Valid over all looks, corrected for the number of metrics."""
    verdict: str
    """``better``, ``worse``, ``no difference proven``, ..."""
    significant: bool
    looks: tuple[Look, ...]


class MetricProof(_Part, frozen=True):
    """What was reported of one metric, and the truth."""

    name: MetricName
    reported: Reported
    true_difference: float | None
    """Value with all people on the model, minus that with all on the control, in the same weeks."""
    true_lift: float | None
    covered: bool | None
    """Whether the report's interval of the difference holds the true difference."""
    oracle_share: float | None
    """The model's gain over the best heuristic as a share of the best oracle's, by this metric;
    1 is the oracle. None where the oracle is not better, or was not run."""
    control_shift: float | None = None
    variant_shift: float | None = None
    """Interference: the value of the control's or the variant's people in the test, minus that of
    the same people if all people had that policy; as a share of the control's true value."""


class TruePolicy(_Part, frozen=True):
    """True values of the same people in the same weeks, if one policy made every list."""

    policy: str
    where: Literal["server", "in process"]
    values: dict[MetricName, float]
    people: int
    """Number of people who visited; the values are theirs."""
    by_variant: dict[str, dict[MetricName, float]] = {}
    """The values of the people of each variant of the test alone."""


class ProofResult(_Part, frozen=True):
    """One seed: a world, what the product reported in it, and the truth."""

    seed: int
    world: WorldSummary
    phases: tuple[Phase, ...]
    training: TrainingSummary
    experiment: str
    control: str
    variant: str
    """The names of the variants."""
    units: dict[str, int]
    """People by variant."""
    action: Literal["ship", "stop", "wait"]
    decision: str
    """The report's decision in its own words."""
    reasons: tuple[str, ...]
    metrics: tuple[MetricProof, ...]
    truth: tuple[TruePolicy, ...]
    """First everybody on the control and everybody on the model."""
    heuristics: tuple[str, ...]
    """Policies of ``truth`` that are heuristics, ``popular`` among them."""
    best_heuristic: str | None
    """The one with the highest true join rate in the weeks of the test: chosen with hindsight."""
    project: str | None = None
    """The folder of the project, where it is kept."""

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of all phases."""
        return sum(phase.seconds for phase in self.phases)


class MetricSummary(_Part, frozen=True):
    """One metric over all seeds."""

    name: MetricName
    mean_lift: float | None
    mean_true_lift: float | None
    better: int
    """Number of seeds in which the report proved the variant better."""
    covered: int
    judged: int
    """Number of seeds with a known truth; in ``covered`` of them the interval holds it."""
    mean_share: float | None
    shares: tuple[float | None, ...]
    """By seed."""


class Proof(_Part, frozen=True):
    """All seeds of one run."""

    results: tuple[ProofResult, ...]
    metrics: tuple[MetricSummary, ...]
