"""The records of the reports of searches, as data for report.json and the HTML page.

Invariant: a record is JSON and decodes to an equal record; a figure that is not known is null.
"""

from typing import Literal

import msgspec

from liverank.automl.data.matrix import Task
from liverank.automl.profile.class_values import ClassType
from liverank.automl.profile.profile import ColumnProfile
from liverank.automl.trials.drift_policy import DriftPolicy

BlockName = Literal["train", "validation", "holdout"]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a report."""


class SearchRequest(Record, frozen=True):
    """The target and the options of the search."""

    target: str
    """The target column, or the label by which lists are ranked."""
    task: Task
    classes: tuple[str, ...]
    """Names of the classes; of a binary target the second is the positive one."""
    objective: str
    larger_is_better: bool
    budget_s: float
    serving_budget_us: float
    """Microseconds a row, in a batch of 55."""
    seed: int
    command: str | None = None
    """The command line that repeats the search."""
    class_type: ClassType = "text"
    """The type that the classes came in; reports of older versions do not say it."""

    @property
    def positive(self) -> str | None:
        """The class whose probability is predicted; None where there are not two."""
        return self.classes[1] if self.task == "binary" else None


class Data(Record, frozen=True):
    """The rows that the search was given."""

    name: str
    rows: int
    columns: int
    sha256: str | None = None
    """SHA-256 of the file; null for a table in memory and for rows of rankings."""
    profile: tuple[ColumnProfile, ...] = ()
    """One entry a column of a table; empty for rows of rankings."""
    reason: str = ""
    """The reason for the task."""
    size_mb: float | None = None
    """Size of the file."""
    used_rows: int | None = None
    """Number of rows used, evenly spread, where there was no time for all; null for all."""
    positives: int | None = None
    """Number of rows with a success; null for tables."""


class Block(Record, frozen=True):
    """Rows of one purpose. Times are Unix milliseconds, null where the split is not by time."""

    name: BlockName
    rows: int
    mean: float | None
    """Mean of the target: share of the positive class, or value; null for several classes."""
    from_ms: float | None = None
    to_ms: float | None = None


class SplitReport(Record, frozen=True):
    """How rows were split into train, validation and holdout."""

    kind: Literal["chronological", "manual", "random"]
    reason: str
    blocks: tuple[Block, ...]
    left_out: int
    """Number of rows in none of the blocks, such as those in the gap between two."""


class UnseenTargets(Record, frozen=True):
    """Rows whose target is no class that training saw, or no number; no figure counts them."""

    rows: int
    of: int
    """Number of rows with a target."""
    values: dict[str, int]
    """The most frequent of these targets, each with its rows."""
    accuracy: float | None = None
    """Accuracy over all rows with a target, with these counted as wrong; null for numbers."""


class LeaderboardEntry(Record, frozen=True):
    """One trial of the search."""

    family: str
    name: str
    validation: float | None
    """The objective on the validation rows."""
    seconds: float
    us_per_row: float | None = None
    rounds: int | None = None
    """Boosting rounds or epochs kept, the mean over folds."""
    rows: int | None = None
    """Number of rows that it was trained on; null for all."""
    weight: float = 0.0
    """Weight in the ensemble."""
    refit: bool | None = None
    """Whether the member was trained again on all rows; null outside of the ensemble."""
    list_loss: float | None = None
    """Mean over validation rows of the softmax loss within a list; null for tables, and where too
    few lists have both a success and a failure."""
    note: str | None = None

    @property
    def title(self) -> str:
        """Family and name."""
        return f"{self.family} {self.name}"


class Ensemble(Record, frozen=True):
    """Whether the ensemble beat the best model; ``gain`` is the fall of the loss, 90 % interval."""

    kept: bool
    gain_low: float | None
    gain_high: float | None


class Calibration(Record, frozen=True):
    """Whether calibrating the margins lowered the loss on the holdout rows."""

    kind: str
    """``none``, ``affine`` (slope and offset) or ``steps`` (isotonic)."""
    kept: bool
    before: float | None = None
    """Mean loss of the holdout rows without calibration."""
    after: float | None = None
    slope: float | None = None
    """margin = slope x raw + offset, where there is one margin a row."""
    offset: float | None = None


class ServedModel(Record, frozen=True):
    """The model in the bundle, and the figures of its teacher where it is distilled."""

    kind: str
    """``full_ensemble``, ``fast_ensemble``, ``single``, or ``student`` with its shape."""
    us_per_row_55: float
    """Microseconds a row in batches of 55, on one core."""
    size_mb: float
    teacher: dict[str, float | None] | None = None
    """Figures of the full ensemble on the same rows; null where it is served itself."""
    why: str = ""


class Drift(Record, frozen=True):
    """The loss of a plain model on shuffled rows, and on newer rows."""

    shuffled: float
    chronological: float
    differs: bool
    """Whether the two differ by more than noise."""
    figure: Literal["log_loss", "rmse", "rmsle"] = "log_loss"
    """Name of the loss."""


class Claim(Record, frozen=True):
    """The objective to expect of the rows to come, with its 95 % interval.

    It is a forecast from the figures of blocks of rows that came after the training rows of the
    models that predicted them, so the interval is as wide as these disagree.
    """

    figure: str
    value: float
    low: float
    high: float
    blocks: int
    """Number of blocks it rests on."""


class TimeBlock(Record, frozen=True):
    """Rows that came after those that a model was trained on, and the model's answers to them."""

    rows: int
    loss: float | None
    """The objective on these rows."""
    observed: float | None
    """Mean of the target; null for several classes."""
    predicted: float | None


class Line(Record, frozen=True):
    """Points of a curve."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class OverTime(Record, frozen=True):
    """How the table changes, oldest rows first. ``x`` of each line is the share of the rows."""

    blocks: tuple[TimeBlock, ...]
    """Blocks of validation rows, and the holdout as the last."""
    target: tuple[Line, ...]
    """Mean of the target, or the share of each class."""
    inputs: tuple[Line, ...]
    """Distance (total variation, 0 to 1) of a column's values from its oldest ones."""
    study: DriftPolicy | None = None
    """What models of the past did on the rows that followed, and what was decided by it."""


class Bin(Record, frozen=True):
    """Rows with similar predictions: mean prediction, mean outcome, and its 95 % interval."""

    predicted: float
    observed: float
    low: float
    high: float
    rows: int


class Histogram(Record, frozen=True):
    """Number of rows between each two edges; there is one edge more than counts."""

    edges: tuple[float, ...]
    counts: tuple[float, ...]


class Curves(Record, frozen=True):
    """Predictions against outcomes of the holdout rows; fields that do not apply are empty."""

    roc: tuple[Line, ...] = ()
    """False positive rate, true positive rate; one line for each class."""
    pr: tuple[Line, ...] = ()
    """Recall, precision."""
    gains: tuple[Line, ...] = ()
    """Share of rows, highest predictions first, and the share of the positives among them."""
    calibration: tuple[Bin, ...] = ()
    """Bins of the positive class, of the predicted class, or of the value."""
    confusion: tuple[tuple[float, ...], ...] = ()
    """Number of rows of each true class (outer) by predicted class (inner)."""
    scatter: Line | None = None
    """Predicted, observed."""
    residuals: Histogram | None = None
    """Observed - predicted."""


class Slice(Record, frozen=True):
    """The holdout rows with one value, or range of values, of a column."""

    column: str
    value: str
    rows: int
    observed: float | None
    """Mean of the target; null for several classes."""
    predicted: float | None
    loss: float
    """Log-loss, or root of the mean squared error, with its 95 % interval."""
    low: float
    high: float


class Importance(Record, frozen=True):
    """Rise of the holdout log-loss or RMSE when one column is shuffled, and its 95 % interval."""

    column: str
    rise: float
    low: float
    high: float
