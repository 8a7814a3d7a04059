"""The top of the page: the decision in plain words, and the key figures."""

from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.reporting.facts import MetricFact, Report
from liverank.experiments.reporting.html.words import shown
from liverank.experiments.reporting.sentences import utc_day
from liverank.markup import Html, joined, tag, worded

_NAMES = {"ship": "Ship", "stop": "Stop", "wait": "Wait"}


def head(report: Report) -> Html:
    """The title and the decision."""
    decision = report.decision
    rest = decision.sentence.partition(": ")[2] or decision.sentence
    first = decision.sentence.partition(": ")[0] if rest != decision.sentence else ""
    return tag(
        "header",
        tag("p", "liverank · experiment report", class_="kicker"),
        tag("h1", report.experiment),
        tag(
            "div",
            tag("span", _NAMES[decision.action], class_="badge"),
            tag("p", first or _NAMES[decision.action], class_="first"),
            tag("p", _capital(rest), class_="lead"),
            _list("What it rests on", decision.reasons),
            _list("What would change it", decision.changes),
            class_=f"decision {decision.action}",
        ),
    )


def cards(report: Report) -> Html:
    """The primary metric, the units, the time and the split."""
    found = []
    primary = next((metric for metric in report.metrics if metric.role == "primary"), None)
    if primary is not None:
        found += [_effect_card(primary, number) for number in range(len(primary.variants))]
    arms = ", ".join(f"{name} {units:,}" for name, units in report.units_by_arm.items())
    found.append(_card("Users", f"{report.units:,}", arms))
    found.append(_time_card(report))
    if report.split is not None:
        found.append(
            _card(
                "Split",
                "as planned" if report.split.ok else "broken",
                "the arms have the users they should have"
                if report.split.ok
                else "do not trust these results",
                "fine" if report.split.ok else "bad",
            )
        )
    return tag("section", *found, class_="cards")


def _effect_card(metric: MetricFact, number: int) -> Html:
    variant = metric.variants[number]
    effect = shown(variant.effect)
    several = len(metric.variants) > 1
    mark = {"better": "fine", "worse": "bad"}.get(variant.verdict, "")
    return _card(
        f"{metric.name} · {variant.variant}" if several else metric.name,
        effect.text(effect.value),
        f"{effect.interval}; {variant.verdict}",
        f"main {mark}",
    )


def _time_card(report: Report) -> Html:
    planned = (report.planned_end_ms - report.start_ms) / DAY_MS
    days = max(report.until_ms - report.start_ms, 0) / DAY_MS
    state = {"running": f"until {utc_day(report.planned_end_ms)}", "stopped": "stopped by hand"}
    return _card(
        "Days",
        f"{days:.3g} of {planned:g}",
        f"from {utc_day(report.start_ms)}, {state.get(report.state, report.state)}",
    )


def _card(name: str, value: str, note: str, mark: str = "") -> Html:
    return tag(
        "div",
        tag("span", name, class_="name"),
        tag("span", value, class_="value"),
        tag("span", note, class_="note"),
        class_=f"card {mark}".strip(),
    )


def _list(title: str, lines: tuple[str, ...]) -> Html | None:
    if not lines:
        return None
    return joined(
        tag("h3", title), tag("ul", *(tag("li", worded(_capital(line))) for line in lines))
    )


def _capital(text: str) -> str:
    # a name at the start of a sentence is not capitalised
    first = text.split(" ", 1)[0]
    return text if "_" in first or not text else text[:1].upper() + text[1:]
