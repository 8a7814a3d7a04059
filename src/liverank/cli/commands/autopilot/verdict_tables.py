"""A verdict on a challenger as tables and lines for a terminal of 80 columns."""

from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from liverank.autopilot.judging.verdict import (
    CALIBRATION,
    METRICS,
    UNBIASED_NDCG,
    Figure,
    LabelVerdict,
    SegmentVerdict,
    Verdict,
)

_HEADINGS = {CALIBRATION: "obs/pred", UNBIASED_NDCG: "unbiased"}


def verdict_tables(verdict: Verdict) -> list[Table]:
    """A table of figures for each label, one of segments if there are any, one of checks."""
    tables = [_label_table(label) for label in verdict.labels]
    if verdict.segments:
        tables.append(_segment_table(verdict.segments))
    checks = Table(title="Checks", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    checks.add_column("check", no_wrap=True)
    checks.add_column("passed", no_wrap=True)
    checks.add_column("why", overflow="fold")
    for check in verdict.checks:
        style = "" if check.passed else "bold red"
        passed = "yes" if check.passed else "no"
        checks.add_row(check.name, passed, escape(check.sentence), style=style)
    return [*tables, checks]


def verdict_lines(verdict: Verdict) -> list[str]:
    """What the tables do not say, and the reason of the verdict as the last line."""
    lines = [
        f"Judged on {verdict.lists:,} lists of {verdict.people:,} people, served from "
        f"{_utc(verdict.from_ms)} until {_utc(verdict.until_ms)}"
    ]
    lines += [
        f"{claim.metric}: its report expected {claim.claimed:.4f}, and "
        f"{_interval(claim.came, '')} came"
        for claim in verdict.claims
    ]
    lines += [
        f"Size: {name} {speed.bytes:,} bytes, {speed.features} features"
        for name, speed in verdict.speeds.items()
    ]
    outcome = "Accepted" if verdict.is_accepted else "Refused"
    return [*lines, *(f"Note: {note}" for note in verdict.notes), f"{outcome}: {verdict.reason}"]


def _label_table(label: LabelVerdict) -> Table:
    """Rows are methods, and differences with their intervals."""
    table = Table(
        title=f"{escape(label.label)}: {label.lists:,} lists with a success",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        caption=escape(label.note) or None,
    )
    table.add_column("", no_wrap=True)
    for metric in METRICS:
        table.add_column(_HEADINGS.get(metric, metric), justify="right", no_wrap=True)
    for method, figures in label.methods.items():
        table.add_row(method, *(_value(figures.get(metric), "") for metric in METRICS))
    for rival, figures in label.differences.items():
        found = [figures.get(metric) for metric in METRICS]
        table.add_row(f"minus {rival}", *(_value(one, "+") for one in found))
        for bound in ("low", "high"):
            cells = [_text(None if one is None else getattr(one, bound), "+") for one in found]
            table.add_row(f"  95 % {bound}", *cells, style="dim")
    return table


def _segment_table(segments: tuple[SegmentVerdict, ...]) -> Table:
    table = Table(
        title="Segments: the challenger minus what is in service",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        caption="intervals are widened by the number of comparisons",
    )
    table.add_column("segment", overflow="fold")
    table.add_column("lists", justify="right", no_wrap=True)
    table.add_column("difference", no_wrap=True)
    for segment in segments:
        cells = [
            f"{metric} {_interval(found, '+')}" for metric, found in segment.differences.items()
        ]
        style = "bold red" if segment.worse else ""
        table.add_row(escape(segment.name), f"{segment.lists:,}", "\n".join(cells), style=style)
    return table


def _interval(found: Figure, sign: str) -> str:
    bounds = f"{_text(found.low, sign)} to {_text(found.high, sign)}"
    return f"{_text(found.value, sign)} ({bounds})"


def _value(found: Figure | None, sign: str) -> str:
    return "" if found is None else _text(found.value, sign)


def _text(value: float | None, sign: str) -> str:
    return "" if value is None else f"{value:{sign}.4f}"


def _utc(at_ms: float) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
