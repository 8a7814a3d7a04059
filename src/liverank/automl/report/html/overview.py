"""The top of the report: what the model predicts, how good it is, and the warnings."""

from liverank.automl.report.html.metric_names import (
    better_by,
    in_text,
    meaning_of,
    title_of,
    written,
)
from liverank.automl.report.html.numbers import megabytes, number, percent, seconds
from liverank.automl.report.reports import SearchReport, TableReport
from liverank.automl.report.schema import ServedModel
from liverank.markup import Html, joined, tag, worded

_KINDS = {
    "single": "the best single model",
    "full_ensemble": "the ensemble of the best models",
    "fast_ensemble": "an ensemble of fast models",
    "student": "a model distilled from the ensemble:",
}


def head(report: SearchReport) -> Html:
    """The title and one paragraph of summary."""
    verb = "Predicting" if isinstance(report, TableReport) else "Ranking by"
    return tag(
        "header",
        tag("p", "liverank · model report", class_="kicker"),
        tag("h1", f"{verb} ", tag("em", report.asked.target)),
        tag(
            "p",
            f"{_prediction(report)}, trained on ",
            *_data(report),
            ". ",
            _summary(report),
            _in_plain_words(report),
            class_="lead",
        ),
    )


def cards(report: SearchReport) -> Html:
    """The most important figures."""
    asked, served = report.asked, report.served
    name = asked.objective
    shown = [_score_card(report, name, main=True)]
    others = [key for key in report.held_out if key != name]
    shown += [_score_card(report, key) for key in others[:2]]
    if served is not None:
        shown.append(
            _card(
                "Speed",
                f"{number(served.us_per_row_55, 2)} µs",
                "a row in batches of 55, on one core; "
                f"limit: {number(asked.serving_budget_us, 2)} µs",
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


def warnings(report: SearchReport) -> Html:
    """Leaks, drift and other warnings, or that there are none."""
    leaks = report.leaks if isinstance(report, TableReport) else ()
    shown = [(f"Leak: {leak.column or 'rows'}", _sentence(leak.message)) for leak in leaks]
    messages = {leak.message for leak in leaks}
    shown += [("Warning", _sentence(text)) for text in report.warnings if text not in messages]
    if report.stopped:
        shown.append(("Stopped", _sentence(report.stopped)))
    if not shown:
        return tag("p", tag("b", "No warnings. "), _no_warnings(report), class_="fine")
    return tag(
        "section",
        tag("h2", "Warnings"),
        *(tag("p", tag("b", title), " ", worded(text), class_="warning") for title, text in shown),
    )


def kind_of(served: ServedModel) -> str:
    """The served model in words."""
    kind, _, shape = served.kind.partition(" ")
    return f"{_KINDS.get(kind, kind)} {shape}".strip()


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _no_warnings(report: SearchReport) -> str:
    if isinstance(report, TableReport):
        return (
            "No column predicts the target suspiciously well, and no holdout row is a copy of a "
            "train row."
        )
    return "The model beats the constant baseline, and later rows look like earlier ones."


def _prediction(report: SearchReport) -> str:
    asked = report.asked
    if not isinstance(report, TableReport):
        return "It predicts how likely each item of a list is to succeed"
    if asked.task == "binary":
        return f"It predicts how likely “{asked.classes[1]}” is"
    if asked.task == "multiclass":
        return f"It predicts which of {len(asked.classes)} classes a row belongs to"
    return "It predicts a number"


def _data(report: SearchReport) -> tuple[Html | str, ...]:
    data = report.data
    used = "" if data.used_rows is None else f"{data.used_rows:,} of "
    if isinstance(report, TableReport):
        columns = f"{used}{data.rows:,} rows and {data.columns} columns of "
        return columns, tag("b", data.name)
    successes = "" if data.positives is None else f" with {data.positives:,} successes"
    return (f"{used}{data.rows:,} rows{successes} and {data.columns} features of the log",)


def _summary(report: SearchReport) -> str:
    name = report.asked.objective
    value, base = report.held_out.get(name), report.baseline.get(name)
    share = better_by(name, value, base)
    holdout = next((b.rows for b in report.split.blocks if b.name == "holdout"), 0)
    if not holdout:
        return "Rows were too few to hold some out, so it was not validated."
    rows = "newest" if report.split.kind == "chronological" else "held-out"
    where = f"measured on {holdout:,} {rows} rows that it was not trained on"
    if share is None:
        return f"{title_of(name)} is {written(name, value)}, {where}."
    if share <= 0:
        return f"It is no better than the constant baseline, {where}: do not use it."
    return (
        f"Its {in_text(name)} is {percent(share)} lower than that of the constant baseline, "
        f"{where}."
    )


def _in_plain_words(report: SearchReport) -> str | None:
    """How good the model is, without naming a metric."""
    figures, base, task = report.held_out, report.baseline, report.asked.task
    known = {name: value for name, value in figures.items() if value is not None}
    if task == "binary" and "auc" in known:
        good = "succeeded" if not isinstance(report, TableReport) else "is"
        what = "" if not isinstance(report, TableReport) else f" “{report.asked.classes[1]}”"
        bad = "did not" if not isinstance(report, TableReport) else "is not"
        return (
            f" Given a row that {good}{what} and one that {bad}, it ranks the first one higher in "
            f"{percent(known['auc'])} of cases; chance is 50 %."
        )
    if task == "multiclass" and "accuracy" in known:
        return (
            f" It predicts the right class for {percent(known['accuracy'])} of the rows; the most "
            f"frequent class alone is right for {percent(base.get('accuracy'))}."
        )
    if task == "regression" and "mae" in known:
        return (
            f" Its error is {number(known['mae'])} on average; that of the constant baseline is "
            f"{number(base.get('mae'))}."
        )
    return None


def _score_card(report: SearchReport, name: str, *, main: bool = False) -> Html:
    value = report.held_out.get(name)
    test = report.test if isinstance(report, TableReport) else None
    notes = []
    if name in report.intervals:
        low, high = report.intervals[name]
        notes.append(f"95 % interval {written(name, low)} to {written(name, high)}")
    elif report.intervals and value is not None:
        notes.append("no interval: it hangs on too few rows")
    if test is not None and test.get(name) is not None:
        notes.append(f"on the test table {written(name, test[name])}")
    elif report.baseline.get(name) is not None:
        notes.append(f"constant baseline {written(name, report.baseline[name])}")
    return _card(
        title_of(name), written(name, value), "; ".join(notes), meaning_of(name), main=main
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
