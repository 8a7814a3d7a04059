"""Reads the log once for a letter: what each person got and did, by period.

Periods count backwards: 0 is the letter's, 1 the one before. Memory grows with the number of people
and periods, not of events. Invariant: the order of the events does not matter.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

import polars as pl

from liverank.autopilot.letter.period import DAY_MS, Period
from liverank.config import Config
from liverank.config_experiments import HOLDOUT
from liverank.events.clock import right_times
from liverank.events.frame import SCHEMA
from liverank.events.log import Log
from liverank.experiments.assignment.held_out import HELD_OUT
from liverank.experiments.gathering.exposures import FORCED
from liverank.quantities import duration_ms

Arm: TypeAlias = Literal["held_out", "left_out", "personal"]

COURSE = 8
"""Periods of the course of the value."""
LOOK_BACK = 3
"""A person counts in a period if they got a list in it, or in so many periods before it."""
HELD_OUT_LABEL = HELD_OUT.label
"""The label of rankings of the permanent holdout."""
_COLUMNS = (
    *("seq", "arrived", "time", "event", "user", "item", "state"),
    *("type", "value", "variant", "model"),
)
_ROWS = 262_144
_MOST_PIECES = 32
_WITHOUT_A_MODEL = r"^(popular|newest|random|interleave:.*|multileave:.*)$"


def arm_of(variant: str | None, config: Config) -> Arm:
    r"""The arm of a ranking's label, in the comparison with the permanent holdout.

    A variant ranks by the model if its ``rank`` is ``"model"`` or unset, whatever its ``weights``
    (as in ``releasing.arms.variants_of_the_model``). People in another one, and forced ones, are
    left out.

    >>> from liverank.config import parse_config
    >>> variants = "[experiments.tab.variants]\na = {rank='popular'}\nb = {rank='model'}"
    >>> variants += "\nc = {weights={join=2.0}}"
    >>> config = parse_config("[label]\ninteraction = 'join'\n" + variants)
    >>> labels = (None, "autopilot:holdout", "tab:a", "tab:b", "tab:b!", "tab:c", "old:b")
    >>> [arm_of(label, config) for label in labels]
    ['personal', 'held_out', 'left_out', 'personal', 'left_out', 'personal', 'left_out']
    """
    if variant is None:
        return "personal"
    if variant == HELD_OUT_LABEL:
        return "held_out"
    name, _, arm = variant.partition(":")
    experiment = config.experiments.get(name)
    if experiment is None or arm.endswith(FORCED):
        return "left_out"
    found = experiment.variants.get(experiment.control_name if arm == HOLDOUT else arm)
    return "personal" if found is not None and found.rank in (None, "model") else "left_out"


class People:
    """What people got and did in the periods up to that of a letter."""

    def __init__(self, log: Log, config: Config, period: Period, *, listed: bool) -> None:
        """Read the log. ``listed``: items of rankings count as impressions.

        Raises LogError and its kinds.
        """
        self._config, self._period, self._listed = config, period, listed
        self.days = math.ceil(period.span_ms / DAY_MS)
        """Days of a period."""
        self.first_held_out_ms = math.inf
        """Time of the first list of the holdout that was read."""
        self.labels: set[str] = set()
        """Labels of rankings of the letter's period."""
        self._sums = [
            "held_out", "left_out", "personal", "model_lists", "known_lists",
            "impressions", "successes",
        ]  # fmt: skip
        self._maxima = ["last_list_ms", "last_other_ms", *(f"day{day}" for day in range(self.days))]
        self._max_future_ms = duration_ms(config.features.max_future)
        self._started: list[pl.DataFrame] = []
        pieces: list[pl.DataFrame] = []
        oldest_ms = period.before(COURSE + LOOK_BACK - 1).from_ms
        columns = (*_COLUMNS, "items") if listed else _COLUMNS
        pieces.append(self._summary(pl.DataFrame(schema={name: SCHEMA[name] for name in columns})))
        for frame in _newest_frames(log, oldest_ms - self._max_future_ms, columns):
            pieces.append(self._summary(frame))
            if len(pieces) >= _MOST_PIECES:
                pieces = [self._joined(pieces)]
        self.table = self._joined(pieces)
        """A row for each person and ``period`` (0 is the letter's) in which they did anything:
        lists by arm, ``model_lists`` of the ``known_lists`` (of those that are personal and say
        what ranked), times of the last list and of the last one that was not held out,
        ``impressions``, ``successes``, and ``day0``, ...: whether there was a success on it."""

    def started(self, period: int) -> int:
        """Number of items that started in period 0 or 1."""
        rows = pl.concat(self._started) if self._started else pl.DataFrame({"item": [], "n": []})
        return rows.filter(pl.col("n") == period)["item"].n_unique() if len(rows) else 0

    def _joined(self, pieces: Sequence[pl.DataFrame]) -> pl.DataFrame:
        return (
            pl.concat(pieces)
            .group_by("user", "period")
            .agg(pl.col(self._sums).sum(), pl.col(self._maxima).max())
        )

    def _summary(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A row for each person and period of a frame."""
        at, _ = right_times(frame, self._max_future_ms)
        since_end = (self._period.to_ms - pl.col("at")) / self._period.span_ms
        frame = (
            frame.with_columns(at=pl.Series(at, dtype=pl.Float64))
            .with_columns(period=since_end.ceil().cast(pl.Int32) - 1)
            .filter(pl.col("period").is_between(0, COURSE + LOOK_BACK - 1))
        )
        self._take_items(frame)
        frame = frame.filter(pl.col("user").is_not_null())
        labels = frame["variant"].unique().to_list()
        arms = pl.DataFrame(
            {"variant": labels, "arm": [arm_of(label, self._config) for label in labels]},
            schema={"variant": pl.String, "arm": pl.String},
        )
        frame = frame.join(arms, on="variant", how="left", nulls_equal=True)
        return self._by_person(frame)

    def _by_person(self, frame: pl.DataFrame) -> pl.DataFrame:
        is_list = pl.col("event") == "ranking"
        is_personal = is_list & (pl.col("arm") == "personal")
        is_held_out = is_list & (pl.col("arm") == "held_out")
        first = frame.filter(is_held_out)["at"].min()
        if first is not None:
            self.first_held_out_ms = min(self.first_held_out_ms, float(first))  # type: ignore[arg-type]
        newest = frame.filter(is_list & (pl.col("period") == 0))
        self.labels |= set(newest["variant"].drop_nulls().unique())
        label = next(iter(self._config.heads.values()))
        is_success = (pl.col("event") == "interaction") & (pl.col("type") == label.interaction)
        if label.min_value is not None:
            is_success &= (pl.col("value") >= label.min_value).fill_null(value=False)
        if self._listed:
            shown = pl.when(is_list).then(pl.col("items").list.len()).otherwise(0)
        else:
            is_shown = pl.col("type") == self._config.impressions.interaction
            shown = (pl.col("event") == "interaction") & is_shown
        begin = self._period.to_ms - (pl.col("period").cast(pl.Int64) + 1) * self._period.span_ms
        day = ((pl.col("at") - begin) / DAY_MS).floor().cast(pl.Int32)
        is_known = is_personal & pl.col("model").is_not_null()
        return (
            frame.with_columns(user=pl.col("user").hash(0), day=day, success=is_success)
            .group_by("user", "period")
            .agg(
                held_out=_number(is_held_out),
                left_out=_number(is_list & (pl.col("arm") == "left_out")),
                personal=_number(is_personal),
                model_lists=_number(is_known & ~pl.col("model").str.contains(_WITHOUT_A_MODEL)),
                known_lists=_number(is_known),
                impressions=_number(shown),
                successes=_number(pl.col("success")),
                last_list_ms=pl.col("at").filter(is_list).max(),
                last_other_ms=pl.col("at").filter(is_list & (pl.col("arm") != "held_out")).max(),
                **{
                    f"day{each}": (pl.col("success") & (pl.col("day") == each)).any()
                    for each in range(self.days)
                },
            )
        )

    def _take_items(self, frame: pl.DataFrame) -> None:
        is_start = (pl.col("event") == "item") & (pl.col("state") == "started")
        rows = frame.filter(is_start & (pl.col("period") <= 1))
        if len(rows):
            self._started.append(
                rows.select(item=pl.col("item").hash(0), n=pl.col("period")).unique()
            )


def _number(claim: pl.Expr) -> pl.Expr:
    return claim.fill_null(0).cast(pl.Int64).sum()


def _newest_frames(log: Log, since_ms: float, columns: Iterable[str]) -> Iterator[pl.DataFrame]:
    """The frames with all events that arrived since a time, the newest first."""
    end = log.last_seq()
    while end > 0:
        begin = max(1, end - _ROWS + 1)
        newest_ms = -math.inf
        for frame in log.read(begin, to_seq=end, columns=tuple(columns)):
            yield frame
            newest_ms = max(newest_ms, float(frame["arrived"].max() or 0))  # type: ignore[arg-type]
        if -math.inf < newest_ms < since_ms:
            return
        end = begin - 1
