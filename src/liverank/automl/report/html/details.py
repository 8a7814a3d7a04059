"""The record: what was tried, what the columns were taken for, and how to do it all again."""

from liverank.automl.report.html.metric_names import figure_of, in_text, written
from liverank.automl.report.html.numbers import megabytes, number, percent, seconds
from liverank.automl.report.html.overview import kind_of
from liverank.automl.report.table_schema import Data, Entry, TableReport
from liverank.markup import Html, tag, worded

_MOST_ENTRIES = 25


def tried(report: TableReport) -> Html:
    """The leaderboard, the best first, and what became of it."""
    name = report.asked.objective
    sign = -1 if report.asked.larger_is_better else 1
    ranked = sorted(
        report.leaderboard,
        key=lambda e: (e.validation is None, sign * (e.validation or 0.0), e.family, e.name),
    )
    shown = [
        *ranked[:_MOST_ENTRIES],
        *(e for e in ranked[_MOST_ENTRIES:] if e.weight),
    ]
    head = tag(
        "tr",
        tag("th", "model"),
        *(
            tag("th", title, class_="n")
            for title in (figure_of(name).name, "seconds", "µs/row", "in the blend")
        ),
        tag("th", ""),
    )
    left = len(ranked) - len(shown)
    return tag(
        "section",
        tag("h2", "What was tried, and what won"),
        tag("p", *_story(report)),
        tag(
            "div",
            tag("table", head, *(_entry(report, entry) for entry in shown)),
            class_="wide",
        ),
        tag("p", f"{left} more did worse.") if left else None,
        *(
            tag("p", tag("b", f"Not tried: {family}. "), why)
            for family, why in report.skipped.items()
        ),
    )


def columns(report: TableReport) -> Html:
    """Every column: what it was taken for and why."""
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
        tag("th", "why"),
    )
    return tag(
        "section",
        tag("h2", "The columns"),
        *(tag("p", worded(note)) for note in report.notes),
        tag(
            "details",
            tag("summary", f"{len(rows)} columns, and what each was taken for"),
            tag("div", tag("table", head, *rows), class_="wide"),
        ),
    )


def again(report: TableReport) -> Html:
    """What is needed to do it again: command, data, seed, versions."""
    asked, data = report.asked, report.data
    facts = {
        "target": f"{asked.target}, {asked.task}" + (f": {data.reason}" if data.reason else ""),
        "data": _data(data),
        "seed": str(asked.seed),
        "versions": ", ".join(f"{name} {version}" for name, version in report.versions.items()),
        "machine": report.machine,
    }
    return tag(
        "section",
        tag("h2", "How to do it again"),
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
            "The bundle holds this report as data (report.json) with the plan of the search; the "
            "same plan and seed on the same data give the same model, byte for byte.",
        ),
    )


def _data(data: Data) -> str:
    size = "" if data.size_mb is None else f"{megabytes(data.size_mb)}, "
    digest = data.sha256 or "unknown: it was a table in memory"
    return f"{data.name}, {size}{data.rows:,} rows, {data.columns} columns, SHA-256 {digest}"


def _story(report: TableReport) -> list[Html | str]:
    """In words: the blend, calibration and what is served."""
    served, name = report.served, report.asked.objective
    said: list[Html | str] = []
    if report.blend is not None:
        members = sum(entry.weight > 0 for entry in report.leaderboard)
        said.append(
            f"A blend of {members} models beat the best single one beyond noise, and was kept. "
            if report.blend.kept
            else "No blend beat the best single model beyond noise, so that one was kept. "
        )
    calibration = report.calibration
    if calibration is not None:
        said.append(
            f"Calibration ({calibration.kind}) lowered the loss on rows it had not seen from "
            f"{number(calibration.before)} to {number(calibration.after)}. "
            if calibration.kept
            else "Calibration did not help, so answers are as the model gives them. "
        )
    said.append(f"Served: {kind_of(served)}, {number(served.us_per_row_55, 2)} µs a row")
    said.append(f", because {served.why}. " if served.why else ". ")
    if served.teacher is not None:
        mine, whole = served.figures.get(name), served.teacher.get(name)
        said.append(
            f"On rows held out its {in_text(name)} is {written(name, mine)}, "
            f"where the whole blend has {written(name, whole)}. "
        )
    return said


def _entry(report: TableReport, entry: Entry) -> Html:
    about = [f"{entry.rounds:,} rounds"] if entry.rounds else []
    about += [f"{entry.rows:,} rows"] if entry.rows else []
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
