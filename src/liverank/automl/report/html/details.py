"""The details: the leaderboard, the columns, and what it takes to reproduce the search."""

from liverank.automl.report.html.metric_names import in_text, title_of, written
from liverank.automl.report.html.numbers import megabytes, number, percent, seconds
from liverank.automl.report.html.overview import kind_of
from liverank.automl.report.reports import RankingReport, SearchReport, TableReport
from liverank.automl.report.schema import Data, LeaderboardEntry
from liverank.markup import Html, tag, worded

_MOST_ENTRIES = 25


def leaderboard(report: SearchReport) -> Html:
    """The trials, the best first, and how the served model was built from them."""
    name = report.asked.objective
    sign = -1 if report.asked.larger_is_better else 1
    ranked = sorted(
        report.leaderboard,
        key=lambda e: (e.validation is None, sign * (e.validation or 0.0), e.family, e.name),
    )
    shown = [*ranked[:_MOST_ENTRIES], *(e for e in ranked[_MOST_ENTRIES:] if e.weight)]
    titles = (title_of(name), "seconds", "µs/row", "weight")
    head = tag(
        "tr",
        tag("th", "model"),
        *(tag("th", title, class_="n") for title in titles),
        tag("th", ""),
    )
    left = len(ranked) - len(shown)
    return tag(
        "section",
        tag("h2", "Leaderboard"),
        tag("p", *_story(report)),
        tag(
            "div",
            tag("table", head, *(_entry(report, entry) for entry in shown)),
            class_="wide",
        ),
        tag("p", f"{left} more were worse.") if left else None,
        *(
            tag("p", tag("b", f"Not tried: {family}. "), _sentence(why))
            for family, why in report.skipped.items()
        ),
    )


def columns(report: TableReport) -> Html:
    """Every column with its type and the reason for it."""
    rows = [
        tag(
            "tr",
            tag("td", column.form.name, class_="name"),
            tag("td", column.form.type),
            tag("td", "" if column.role == "feature" else column.role),
            tag("td", percent(column.missing / max(report.data.rows, 1)), class_="n"),
            tag("td", f"{column.distinct:,}", class_="n"),
            tag("td", worded("; ".join(filter(None, (column.reason, column.oddity))))),
        )
        for column in report.data.profile
    ]
    head = tag(
        "tr",
        tag("th", "column"),
        tag("th", "type"),
        tag("th", "role"),
        tag("th", "missing", class_="n"),
        tag("th", "distinct", class_="n"),
        tag("th", "reason"),
    )
    return tag(
        "section",
        tag("h2", "Columns"),
        *(tag("p", worded(note)) for note in report.notes),
        tag(
            "details",
            tag("summary", f"{len(rows)} columns with their types"),
            tag("div", tag("table", head, *rows), class_="wide"),
        ),
    )


def reproduce(report: SearchReport) -> Html:
    """Command, data, seed and versions of the search."""
    asked = report.asked
    facts = {
        "target": f"{asked.target}, {asked.task}"
        + (f": {report.data.reason}" if report.data.reason else ""),
        "data": _data(report.data) if isinstance(report, TableReport) else "",
        "seed": str(asked.seed),
        "versions": ", ".join(f"{name} {version}" for name, version in report.versions.items()),
        "machine": report.machine,
    }
    where = "report.json" if isinstance(report, RankingReport) else "plan.json"
    return tag(
        "section",
        tag("h2", "Reproduce"),
        tag("pre", asked.command) if asked.command else None,
        tag(
            "dl",
            *(
                part
                for name, text in facts.items()
                if text
                for part in (tag("dt", name), tag("dd", text))
            ),
        ),
        tag(
            "p",
            "The bundle has this report as data (report.json) and the plan of the search "
            f"({where}). The same plan, seed, data and versions give the same model, byte for "
            "byte.",
        ),
    )


def _data(data: Data) -> str:
    size = "" if data.size_mb is None else f"{megabytes(data.size_mb)}, "
    digest = data.sha256 or "unknown (a table in memory)"
    return f"{data.name}, {size}{data.rows:,} rows, {data.columns} columns, SHA-256 {digest}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _story(report: SearchReport) -> list[Html | str]:
    """The ensemble, the calibration and the served model in words."""
    served, name = report.served, report.asked.objective
    story: list[Html | str] = []
    if report.ensemble is not None:
        story.append(
            f"An ensemble of {len(report.members)} models was better than the best single model "
            "beyond noise, and was kept. "
            if report.ensemble.kept
            else "No ensemble was better than the best single model beyond noise. "
        )
    calibration = report.calibration
    if calibration is not None:
        story.append(
            f"Calibration ({calibration.kind}) lowered the loss of rows that it was not fitted on "
            f"from {number(calibration.before)} to {number(calibration.after)}. "
            if calibration.kept and calibration.before is not None
            else f"Predictions are calibrated ({calibration.kind}). "
            if calibration.kept
            else "Calibration did not help, so predictions are as the model gives them. "
        )
    if served is None:
        return story
    story.append(f"Served: {kind_of(served)}, {number(served.us_per_row_55, 2)} µs a row")
    story.append(f", because {served.why}. " if served.why else ". ")
    if served.teacher is not None:
        own, full = report.held_out.get(name), served.teacher.get(name)
        story.append(
            f"On rows held out its {in_text(name)} is {written(name, own)}; that of the full "
            f"ensemble is {written(name, full)}. "
        )
    return story


def _entry(report: SearchReport, entry: LeaderboardEntry) -> Html:
    about = [f"{entry.rounds:,} rounds"] if entry.rounds else []
    about += [f"{entry.rows:,} rows"] if entry.rows else []
    about += [f"list loss {number(entry.list_loss)}"] if entry.list_loss is not None else []
    about += [entry.note] if entry.note else []
    return tag(
        "tr",
        tag("td", tag("b", entry.family), f" {entry.name}"),
        tag("td", written(report.asked.objective, entry.validation), class_="n"),
        tag("td", seconds(entry.seconds).removesuffix(" s"), class_="n"),
        tag("td", number(entry.us_per_row, 2), class_="n"),
        tag("td", percent(entry.weight) if entry.weight else "", class_="n"),
        tag("td", ", ".join(about), class_="soft"),
        class_="chosen" if entry.weight else None,
    )
