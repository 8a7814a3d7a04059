"""Sentences of a report on how it was computed, and notes on the data."""

from datetime import UTC, datetime

from liverank.experiments.gathering.gathered import Gathered
from liverank.experiments.metrics.words import span
from liverank.experiments.reporting.course import Course
from liverank.experiments.reporting.report_input import ReportInput


def utc_day(at_ms: float) -> str:
    """The day of a time in UTC, with the time of day unless it is midnight.

    >>> utc_day(0), utc_day(5_400_000)
    ('1970-01-01', '1970-01-01 01:30')
    """
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%d" if moment.hour == moment.minute == 0 else "%Y-%m-%d %H:%M")


def notes_of(inputs: ReportInput, gathered: Gathered, course: Course) -> tuple[str, ...]:
    """Notes on the data that a reader needs."""
    notes = []
    if inputs.decided:
        notes.append(inputs.decided)
    if inputs.now_ms > course.until_ms:
        is_planned = course.until_ms >= course.planned_end_ms
        why = "that was the plan" if is_planned else "it was stopped then"
        notes.append(f"Results are read up to {utc_day(course.until_ms)}: {why}.")
    if inputs.start_ms is None and gathered.units:
        notes.append("No start is known; the first exposure is taken for it.")
    counted = (
        (gathered.testers, "units of forced testers are left out"),
        (gathered.in_two_arms, "units were served more than one variant; the first one counts"),
        (gathered.too_early, "rankings of the experiment came before its start and do not count"),
        (gathered.without_unit, "rankings had no unit, and are in no arm"),
        (gathered.without_value, "interactions had no value; they count as 0"),
    )
    notes += [f"{number:,} {words}." for number, words in counted if number]
    unknown = [
        name
        for name, size in gathered.arms.sizes().items()
        if size and name not in inputs.shares and not name.endswith("!") and name != "holdout"
    ]
    if unknown:
        notes.append(f"The config has no variant {', '.join(unknown)}; their units are left out.")
    for metric in inputs.all_metrics:
        types = {text for need in metric.needs() for text in need.types}
        missing = sorted(text for text in types if not gathered.counts.get(text))
        if missing and gathered.units:
            notes.append(f"The log has no `{'`, `'.join(missing)}`, which {metric.name} needs.")
    return tuple(notes)


def how_of(inputs: ReportInput, gathered: Gathered, course: Course) -> tuple[str, ...]:
    """How the report was computed, in sentences."""
    unit = "user" if inputs.experiment.unit_field is None else inputs.experiment.unit_field
    days = gathered.pre_days
    cuped = (
        f"The same metric over the {days} days before each exposure is a covariate (CUPED); "
        f"{int(gathered.is_new.sum()):,} units that the log had not seen before have none, and "
        "stay in."
        if days
        else "The log does not reach back a day before the start, so there is no covariate (CUPED)."
    )
    return (
        f"The unit is the {unit}, in the arm of its first ranking in the experiment; everybody "
        "exposed is counted, and only what came later than that.",
        f"Results are looked at every {span(course.looks_ms).removeprefix('1 ')}. Alpha, "
        f"{inputs.experiment.alpha:g}, is spent over the planned {course.planned_days:g} days "
        "(Lan and DeMets, O'Brien-Fleming type), so looking daily raises no false alarms. "
        "Intervals of metrics hold at all looks together.",
        "Guardrails have always-valid intervals (confidence sequences) and can stop it any time.",
        "Metrics and variants are corrected for being several (Holm); guardrails are not among "
        "them.",
        cuped,
        "The split is checked at every look by a sequential test; a p below 0.001 breaks it.",
    )
