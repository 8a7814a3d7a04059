"""A proof of upkeep as tables, for the terminal, Markdown and the page."""

from liverank.proof.tables import Grid
from liverank.proof.upkeep.results import UpkeepResult
from liverank.proof.words import share_text


def week_grid(result: UpkeepResult) -> Grid:
    """Each week: joins per impression in each world, and shares of the oracle's lift."""
    return Grid(
        title=f"Seed {result.seed}: {result.people:,} people, {result.days} days, by week",
        columns=(
            "week",
            "most popular",
            "autopilot",
            "first model alone",
            "oracle",
            "autopilot of oracle",
            "first model of oracle",
        ),
        rows=tuple(
            (
                str(week.number),
                _rate(week.popular),
                _rate(week.autopilot),
                "" if week.trained_once is None else _rate(week.trained_once),
                _rate(week.oracle),
                share_text(week.autopilot_share),
                "" if week.trained_once is None else share_text(week.trained_once_share),
            )
            for week in result.weeks
        ),
    )


def decision_grid(result: UpkeepResult) -> Grid:
    """Each decision about a model: releases, refusals, and what was taken back."""
    return Grid(
        title="What autopilot decided",
        columns=("day", "what", "bundle", "why"),
        rows=tuple(
            (f"{row.day:.1f}", row.action.replace("_", " "), row.version or "", row.reason)
            for row in result.decisions
        ),
    )


def fault_grid(result: UpkeepResult) -> Grid:
    """What broke, and how long it took to notice."""
    return Grid(
        title="What broke in the middle of it",
        columns=("fault", "from day", "for days", "hours to the alarm", "alarm"),
        rows=tuple(
            (
                row.kind.replace("_", " "),
                f"{row.from_day:g}",
                f"{row.days:g}",
                "never" if row.hours_to_alarm is None else f"{row.hours_to_alarm:.0f}",
                row.alarm or "",
            )
            for row in result.faults
        ),
    )


def alarm_grid(result: UpkeepResult) -> Grid:
    """Every alarm that was raised."""
    return Grid(
        title="Alarms",
        columns=("day", "what", "hours"),
        rows=tuple(
            (
                f"{row.day:.1f}",
                row.title,
                "goes on" if row.hours is None else f"{row.hours:.0f}",
            )
            for row in result.alarms
        ),
    )


def _rate(value: float) -> str:
    return f"{value:.4f}"
