"""Metrics of a bundle on a later table, next to those in its report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from rich.console import Console
from rich.markup import escape

from liverank.automl.profile.class_values import ClassType
from liverank.automl.report.html.metric_names import better_by, title_of, written
from liverank.automl.report.html.page import render_report
from liverank.automl.report.later_rows import LaterFigures, LaterScore
from liverank.automl.report.reports import TableReport, decode_report
from liverank.bundle.table_bundle import TableBundle
from liverank.durable import write_durably
from liverank.errors import BundleError

_ROUGHLY = 0.1


def report_of(bundle: TableBundle) -> TableReport:
    """The report of a bundle. Raises BundleError if it is not from a search on a table."""
    try:
        return decode_report(bundle.documents["report.json"])
    except msgspec.ValidationError as error:
        raise BundleError(
            f"the bundle's report.json is not that of a search on a table: {error}; "
            "predict without --score, or train again"
        ) from None


def class_type_of(bundle: TableBundle) -> ClassType:
    """The type that the classes of a bundle came in; text where its report does not say it."""
    try:
        return report_of(bundle).asked.class_type
    except BundleError:
        return "text"


def show_later(
    page: Path | None,
    report: TableReport,
    score: LaterScore,
    console: Console,
    *,
    misread: Sequence[str] = (),
) -> dict[str, Any]:
    """As ``show_score``; and write the report with the later metrics to ``page``.

    ``misread`` are warnings of columns that are not read as in training, which may explain worse
    figures; they and other ``warnings`` of the result are for the caller to print.
    """
    scored = score.figures()
    scored = scored._replace(warnings=(*scored.warnings, *misread))
    shown = show_score(report, scored, console, misread=misread)
    if page is not None:
        write_later_report(page, report, scored, shown["warnings"])
        console.print(escape(f"Report with the later figures: {page}"))
    return shown


def show_score(
    report: TableReport, scored: LaterFigures, console: Console, *, misread: Sequence[str] = ()
) -> dict[str, Any]:
    """Print the metrics next to the reported ones; return both for ``--json``."""
    name, target = report.asked.objective, report.asked.target
    figures, unseen = scored.figures, scored.unseen
    which = f"{scored.rows:,} rows whose `{target}` is known:"
    if unseen is not None:
        which = f"{scored.rows:,} of {unseen.of:,} rows, those whose `{target}` training knew:"
    console.print(escape(f"On {which}"))
    for key, value in figures.items():
        claim = f"claimed {written(key, report.held_out.get(key))}"
        if key in report.intervals:
            low, high = (written(key, end) for end in report.intervals[key])
            claim += f", 95 % {low} to {high}"
        console.print(escape(f"  {title_of(key)} {written(key, value)} ({claim})"))
    if unseen is not None and unseen.accuracy is not None:
        everywhere = written("accuracy", unseen.accuracy)
        console.print(f"  {title_of('accuracy')} over all {unseen.of:,} rows {everywhere}")
    off = better_by(name, report.held_out.get(name), figures.get(name))
    warnings = list(scored.warnings)
    if off is not None and abs(off) > _ROUGHLY:
        way = "worse" if off > 0 else "better"
        advice = (
            "columns that are not read as in training may explain it: mend these first"
            if misread
            else "if it stays so, train again on newer rows"
        )
        warnings.append(f"that is more than a tenth {way} than was claimed; {advice}")
    return {
        "rows": scored.rows,
        "unseen": msgspec.to_builtins(unseen),
        "warnings": warnings,
        "objective": name,
        "figures": figures,
        "claimed": {key: report.held_out.get(key) for key in figures},
    }


def write_later_report(
    file: Path, report: TableReport, scored: LaterFigures, warnings: list[str]
) -> None:
    """Write the report with these metrics in place of a test table's. Raises BundleError."""
    page = render_report(
        replace(
            report,
            test=scored.figures,
            test_rows=scored.rows,
            test_unseen=scored.unseen,
            warnings=(*report.warnings, *(f"the later rows: {text}" for text in warnings)),
        )
    )
    try:
        write_durably(file, page.encode())
    except OSError as error:
        raise BundleError(
            f"{file}: cannot be written: {error.strerror or error}; "
            "free some space, or choose another --report"
        ) from None
