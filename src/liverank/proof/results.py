"""The results of a proof as data, from which JSON, tables and pages are written.

Unknown numbers are None. Lifts are relative: 0.02 is +2 %. Invariant: ``Reported`` contains only
values from the experiment's report; values from the simulated world are in ``TruePolicy`` and in
the fields of ``MetricProof`` whose docstrings mention it.
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
"""Metrics in the order of every table. The first three are the product's seed metrics."""
METRIC_WORDS: dict[MetricName, str] = {
    "daily_active": "share of days with a join",
    "join_rate": "joins per impression",
    "clicks_to_explore": "clicks per person",
    "minutes_listened": "minutes listened per person",
}
POPULAR, MODEL, RANDOM, ORACLE = "popular", "model", "random", "oracle"
"""Policies in every proof, in addition to ``ProofResult.heuristics``."""
ORACLE_OF_MINUTES = "oracle of minutes"
ORACLES = (ORACLE, ORACLE_OF_MINUTES)
"""Oracles: they rank by the true probability of a join, and by the true mean of seconds."""
PERSONAL_RULE = "personal rule"
"""A rule without a model, for comparison; oracle shares are not measured against it."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the results."""


class WorldSummary(_Part, frozen=True):
    """The simulated world of a proof."""

    people: int
    hosts: int
    rooms: int
    days_before: int
    """Number of days on "most popular", the training data of the model."""
    days_of_test: int
    start_ms: int
    test_start_ms: int
    """Start of the A/B test, in simulated Unix ms."""
    end_ms: int


class Phase(_Part, frozen=True):
    """One stage of a proof, and its cost."""

    name: str
    """The stage: ``world``, ``before``, ``training``, ``test``, ``report``, or ``truth:POLICY``."""
    words: str
    """Description of the stage for readers."""
    seconds: float
    """Wall-clock time of the stage."""
    simulated_days: float = 0.0
    visits: int = 0
    """Number of lists requested."""
    events: int = 0
    fallbacks: int = 0
    """Number of lists of the model's variant that the server could not rank by the model."""


class TrainingSummary(_Part, frozen=True):
    """The report of ``liverank train`` on the bundle that it promoted."""

    bundle: str
    seconds: float
    budget_s: float
    """Time budget of the search, from the config."""
    rows: int
    successes: int
    models_tried: int
    best_heuristic: str
    """The heuristic that the model had to beat on the holdout (the newest lists)."""
    scores: dict[str, dict[str, float | None]]
    """list_auc and ndcg@10 on the newest lists by method, including ``model``."""
    importance: dict[str, float]
    """Importance by feature as a share of the total, the largest first."""


class Look(_Part, frozen=True):
    """A metric at one look of the report."""

    day: float
    """Days since the test began."""
    lift: float | None
    lift_ci: Interval
    crossed: bool
    """Whether the difference was significant at this look."""


class Reported(_Part, frozen=True):
    """A metric from ``liverank experiment report``, which has no access to the truth."""

    control: float
    variant: float
    difference: float
    difference_ci: Interval
    lift: float | None
    lift_ci: Interval
    p: float | None
    """p-value, valid over all looks and corrected for the number of metrics."""
    verdict: str
    """``better``, ``worse``, ``no difference proven``, ..."""
    significant: bool
    looks: tuple[Look, ...]


class MetricProof(_Part, frozen=True):
    """One metric as reported, and its truth."""

    name: MetricName
    reported: Reported
    true_difference: float | None
    """Value with all people on the model minus value with all on the control, in the same weeks."""
    true_lift: float | None
    covered: bool | None
    """Whether the report's interval of the difference contains the true difference."""
    oracle_share: float | None
    """The model's gain over the best heuristic as a share of the best oracle's gain, by this
    metric; 1 is the oracle. None if the oracle is not better, or was not run."""
    control_shift: float | None = None
    variant_shift: float | None = None
    """Interference: the value of the control's or the variant's people in the test minus their
    value if all people had that policy, relative to the control's true value."""


class TruePolicy(_Part, frozen=True):
    """True values of the same people in the same weeks, if one policy ranked every list."""

    policy: str
    where: Literal["server", "in process"]
    values: dict[MetricName, float]
    people: int
    """Number of people who visited; the values are over these people."""
    by_variant: dict[str, dict[MetricName, float]] = {}
    """The values over the people of each variant of the test."""


class ProofResult(_Part, frozen=True):
    """One seed: a world, the product's report on it, and the truth."""

    seed: int
    world: WorldSummary
    phases: tuple[Phase, ...]
    training: TrainingSummary
    experiment: str
    control: str
    variant: str
    """Names of the control and the variant."""
    units: dict[str, int]
    """Number of people by variant."""
    action: Literal["ship", "stop", "wait"]
    decision: str
    """The report's decision, as its sentence."""
    reasons: tuple[str, ...]
    metrics: tuple[MetricProof, ...]
    truth: tuple[TruePolicy, ...]
    """True policies, first everybody on the control and everybody on the model."""
    heuristics: tuple[str, ...]
    """Policies in ``truth`` that are heuristics, including ``popular``."""
    best_heuristic: str | None
    """The heuristic with the highest true join rate in the test's weeks: chosen with hindsight."""
    project: str | None = None
    """The folder of the project; None if it was not kept."""

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
    """Number of seeds in which the report proved the variant to be better."""
    covered: int
    judged: int
    """Number of seeds with a known truth; in ``covered`` of them the interval contains it."""
    mean_share: float | None
    shares: tuple[float | None, ...]
    """Shares by seed."""


class Proof(_Part, frozen=True):
    """All seeds of one run."""

    results: tuple[ProofResult, ...]
    metrics: tuple[MetricSummary, ...]
