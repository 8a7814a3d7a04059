"""The top of the report: what the model is for, how good it is, and what to look at first."""

from liverank.automl.report.html.metric_names import better_by, figure_of, in_text, written
from liverank.automl.report.html.numbers import megabytes, number, percent, seconds
from liverank.automl.report.table_schema import Served, TableReport
from liverank.markup import Html, joined, tag, worded

_TASKS = {
    "binary": "yes or no",
    "multiclass": "one of several classes",
    "regression": "a number",
}

_KINDS = {
    "single": "the best single model",
    "ensemble": "the blend of the best models",
    "blend": "a blend of the fastest good models",
    "student": "one forest that the blend taught:",
}


def head(report: TableReport) -> Html:
    """The title and one paragraph that says it all."""
    asked, data = report.asked, report.data
    what = f"It predicts {_TASKS[asked.task]}"
    used = "" if data.used_rows is None else f"{data.used_rows:,} of "
    if asked.task == "binary":
        what = f"It predicts how likely “{asked.classes[1]}” is"
    elif asked.task == "multiclass":
        what = f"It predicts which of {len(asked.classes)} classes a row is of"
    return tag(
        "header",
        tag("p", "liverank · model report", class_="kicker"),
        tag("h1", "Predicting ", tag("em", asked.target)),
        tag(
            "p",
            f"{what}, learned from {used}{data.rows:,} rows and {data.columns} columns of ",
            tag("b", data.name),
            ". ",
            _verdict(report),
            _plainly(report),
            class_="lead",
        ),
    )


def cards(report: TableReport) -> Html:
    """The few figures that matter most."""
    asked, served = report.asked, report.served
    name = asked.objective
    shown = [_score_card(report, name, main=True)]
    others = [key for key in report.validation if key != name]
    shown += [_score_card(report, key) for key in others[:2]]
    shown.append(
        _card(
            "Speed",
            f"{number(served.us_per_row_55, 2)} µs",
            f"a row, 55 at a time, on one core; asked for: {number(asked.serving_budget_us, 2)} µs",
        )
    )
    shown.append(_card("Size", megabytes(served.size_mb), kind_of(served)))
    tried = len(report.leaderboard)
    shown.append(
        _card(
            "Search",
            seconds(report.seconds),
            f"of {seconds(asked.budget_s)} allowed; {tried} model{'s' * (tried != 1)} of "
            f"{len(report.families)} famil{'y' if len(report.families) == 1 else 'ies'} tried",
        )
    )
    return tag("section", *shown, class_="cards")


def warnings(report: TableReport) -> Html:
    """Leaks, drift and what else might be wrong, or that nothing was found."""
    found = [(f"Leak: {leak.column or 'rows'}", leak.message) for leak in report.leaks]
    told = {text for _, text in found}
    found += [("Warning", _sentence(text)) for text in report.warnings if text not in told]
    if report.stopped:
        found.append(("Stopped", report.stopped))
    if not found:
        return tag(
            "p",
            tag("b", "No warnings. "),
            "No column tells the target suspiciously well, and no row that judges was seen before.",
            class_="fine",
        )
    return tag(
        "section",
        tag("h2", "Look at this first"),
        *(tag("p", tag("b", title), " ", worded(text), class_="warning") for title, text in found),
    )


def kind_of(served: Served) -> str:
    """What is served, in words."""
    kind, _, shape = served.kind.partition(" ")
    return f"{_KINDS.get(kind, kind)} {shape}".strip()


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _verdict(report: TableReport) -> str:
    name = report.asked.objective
    value, base = report.validation.get(name), report.baseline.get(name)
    share = better_by(name, value, base)
    judged = next((b.rows for b in report.split.blocks if b.name == "judge"), 0)
    rows = "newest" if report.split.kind == "chronological" else "held-out"
    where = f"measured on {judged:,} {rows} rows that it did not learn from"
    if share is None:
        return f"{figure_of(name).name} is {written(name, value)}, {where}."
    if share <= 0:
        return f"It is no better than always answering with the average, {where}: do not use it."
    return (
        f"Its {in_text(name)} is {percent(share)} lower than that of always answering "
        f"with the average, {where}."
    )


def _plainly(report: TableReport) -> str | None:
    """How good it is for readers who know no figure."""
    figures, base, task = report.validation, report.baseline, report.asked.task
    known = {name: value for name, value in figures.items() if value is not None}
    if task == "binary" and "auc" in known:
        return (
            f" Shown a row that is “{report.asked.classes[1]}” and one that is not, it ranks the "
            f"right one first in {percent(known['auc'])} of cases; chance is 50 %."
        )
    if task == "multiclass" and "accuracy" in known:
        return (
            f" It names the right class of {percent(known['accuracy'])} of the rows; naming the "
            f"commonest always is right in {percent(base.get('accuracy'))}."
        )
    if task == "regression" and "mae" in known:
        return (
            f" It is off by {number(known['mae'])} on average; the average alone is off by "
            f"{number(base.get('mae'))}."
        )
    return None


def _score_card(report: TableReport, name: str, *, main: bool = False) -> Html:
    value = report.validation.get(name)
    notes = []
    if name in report.intervals:
        low, high = report.intervals[name]
        notes.append(f"95 % interval {written(name, low)} to {written(name, high)}")
    if report.test is not None and report.test.get(name) is not None:
        notes.append(f"on the test table {written(name, report.test[name])}")
    elif report.baseline.get(name) is not None:
        notes.append(f"the average alone {written(name, report.baseline[name])}")
    return _card(
        figure_of(name).name,
        written(name, value),
        "; ".join(notes),
        figure_of(name).says,
        main=main,
    )


def _card(name: str, value: str, note: str, title: str = "", *, main: bool = False) -> Html:
    return tag(
        "div",
        tag("span", name, class_="name"),
        tag("span", value, class_="value"),
        joined(tag("span", note, class_="note")),
        class_="card main" if main else "card",
        title=title or None,
    )
