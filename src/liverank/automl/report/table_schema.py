"""What a search on a table did and found, as data: report.json, and what the HTML report shows.

Invariant: a report is JSON and decodes to an equal report; a figure that is not known is null.
"""

from typing import Literal

import msgspec

from liverank.automl.data.matrix import Task
from liverank.automl.profile.leakage import Leak
from liverank.automl.profile.profile import ColumnProfile


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the report."""


class Asked(_Record, frozen=True):
    """What the search was asked for."""

    target: str
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
    """The command line that does it again."""


class Data(_Record, frozen=True):
    """The table that was learned from."""

    name: str
    rows: int
    columns: int
    sha256: str | None
    """Of the file's bytes; null for a table in memory."""
    profile: tuple[ColumnProfile, ...]
    reason: str = ""
    """Why the target is this task."""
    size_mb: float | None = None
    """Of the file."""
    used_rows: int | None = None
    """Rows that there was time for, evenly spread; null for all."""


class Block(_Record, frozen=True):
    """Rows of one purpose. Times are Unix milliseconds, null where the split is not by time."""

    name: Literal["fit", "choose", "judge"]
    rows: int
    mean: float | None
    """Of the target: the share of the positive class, or the value; null for several classes."""
    from_ms: float | None = None
    to_ms: float | None = None


class SplitReport(_Record, frozen=True):
    """Which rows trained, chose and judged."""

    kind: Literal["chronological", "manual", "random"]
    reason: str
    blocks: tuple[Block, ...]
    left_out: int


class Entry(_Record, frozen=True):
    """One model that was tried."""

    family: str
    name: str
    validation: float | None
    """The objective on the rows that choose."""
    seconds: float
    us_per_row: float | None = None
    rounds: int | None = None
    rows: int | None = None
    """It was trained on; null for all."""
    weight: float = 0.0
    """In the blend."""
    note: str | None = None


class Blend(_Record, frozen=True):
    """Whether several models together beat the best alone; the gain is of the loss, 90 %."""

    kept: bool
    gain_low: float | None
    gain_high: float | None


class Calibration(_Record, frozen=True):
    """Whether turning margins into honest probabilities helped, on rows it did not see."""

    kind: str
    kept: bool
    before: float | None
    after: float | None


class Served(_Record, frozen=True):
    """The model in the bundle, and what it lost against the blend that taught it."""

    kind: str
    us_per_row_55: float
    size_mb: float
    figures: dict[str, float | None]
    """On rows held out."""
    teacher: dict[str, float | None] | None = None
    """The same figures of the blend; null where it is served itself."""
    why: str = ""


class Drift(_Record, frozen=True):
    """A loss as shuffled rows would have claimed it, and on newer rows."""

    shuffled: float
    chronological: float
    differs: bool
    """Whether by more than noise."""
    figure: Literal["log_loss", "rmse", "rmsle"] = "log_loss"
    """Which loss it is: the one that a plain model is trained by."""


class Importance(_Record, frozen=True):
    """How much log-loss, or RMSE, of the judging rows rises when one column is shuffled; 95 %."""

    column: str
    rise: float
    low: float
    high: float


class Line(_Record, frozen=True):
    """Points of a curve."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class Bin(_Record, frozen=True):
    """Rows of alike answers: what was said, what came, and 95 % of the latter."""

    predicted: float
    observed: float
    low: float
    high: float
    rows: int


class Histogram(_Record, frozen=True):
    """Rows between each two edges; there is one edge more than counts."""

    edges: tuple[float, ...]
    counts: tuple[float, ...]


class Curves(_Record, frozen=True):
    """How answers and outcomes go together on the judging rows; what does not apply is empty."""

    roc: tuple[Line, ...] = ()
    """False positive share, true positive share; a line a class."""
    pr: tuple[Line, ...] = ()
    """Recall, precision."""
    gains: tuple[Line, ...] = ()
    """Share of rows, best answers first, and the share of the positives among them."""
    calibration: tuple[Bin, ...] = ()
    """Of the positive class, of the class that is called, or of the value."""
    confusion: tuple[tuple[float, ...], ...] = ()
    """Rows of each class (outer) that were called each class (inner)."""
    scatter: Line | None = None
    """Predicted, actual."""
    residuals: Histogram | None = None
    """Actual - predicted."""


class Slice(_Record, frozen=True):
    """The judging rows of one value, or stretch of values, of a column."""

    column: str
    value: str
    rows: int
    observed: float | None
    """Mean of the target; null for several classes."""
    predicted: float | None
    loss: float
    """Log-loss, or the root of the mean squared error, and 95 % of it."""
    low: float
    high: float


class TableReport(_Record, frozen=True, kw_only=True):
    """All of a search."""

    asked: Asked
    data: Data
    split: SplitReport
    seconds: float
    validation: dict[str, float | None]
    """Figures of the served model on rows of the training table that it was not trained on."""
    intervals: dict[str, tuple[float, float]] = {}
    """95 % of some of them, by a bootstrap over groups or rows."""
    baseline: dict[str, float | None] = {}
    """The same of always answering with the mean of the rows that train."""
    test: dict[str, float | None] | None = None
    """Figures on the test table, which nobody looked at before; null without one."""
    test_rows: int | None = None
    served: Served
    blend: Blend | None = None
    calibration: Calibration | None = None
    leaderboard: tuple[Entry, ...]
    skipped: dict[str, str] = {}
    """Families that were left out, and why."""
    leaks: tuple[Leak, ...] = ()
    drift: Drift | None = None
    warnings: tuple[str, ...] = ()
    """The most serious first."""
    notes: tuple[str, ...] = ()
    importance: tuple[Importance, ...] = ()
    """The largest first."""
    curves: Curves = Curves()
    slices: tuple[Slice, ...] = ()
    stopped: str | None = None
    """Why the search ended before its budget did, such as an interrupt."""
    versions: dict[str, str] = {}
    machine: str = ""

    @property
    def families(self) -> tuple[str, ...]:
        """The families of which a model was tried, each once."""
        return tuple(dict.fromkeys(entry.family for entry in self.leaderboard))


def encode_report(report: TableReport) -> bytes:
    """A report as indented JSON; NaN and infinity become null."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def decode_report(content: bytes) -> TableReport:
    """The opposite of ``encode_report``. Raises msgspec.ValidationError."""
    return msgspec.json.decode(content, type=TableReport)
