"""The page of a proof of upkeep: one file with inline style and pictures, and no script."""

from importlib.resources import files

from liverank.autopilot.letter.write import FOLDER
from liverank.experiments.reporting.html.chart import Frame
from liverank.markup import Html, tag, whole_page
from liverank.proof.tables import Grid
from liverank.proof.upkeep.results import FaultRow, UpkeepResult, Week
from liverank.proof.upkeep.tables import alarm_grid, decision_grid, fault_grid, week_grid
from liverank.proof.words import share_text

_STYLE = """
main { max-width: 960px; } td { white-space: normal; } .legend span { margin-right: 22px; }
.once { fill: none; stroke: var(--soft); stroke-width: 2; stroke-dasharray: 5 4; }
.key.once { border-top-style: dashed; border-color: var(--soft); }
.fault { fill: var(--bad-wash); } ol.letters { columns: 3; padding-left: 22px; }
"""


def render_page(result: UpkeepResult) -> str:
    """The results as an HTML page; letters are linked as files of FOLDER next to the page."""
    house = (files("liverank.experiments.reporting.html") / "style.css").read_text(encoding="utf-8")
    page = whole_page(
        "liverank: kept by nobody",
        house + _STYLE,
        _head(result),
        _chart(result),
        _section("Week by week", week_grid(result), _ABOUT_WEEKS),
        _section("What autopilot decided", decision_grid(result)),
        _section("What broke", fault_grid(result)) if result.faults else None,
        _section("Alarms", alarm_grid(result)) if result.alarms else None,
        _letters(result),
    )
    return page.replace(" %", "\N{NO-BREAK SPACE}%")


_ABOUT_WEEKS = (
    "Joins per impression of the people outside the holdout, as the simulator counts them. The "
    "oracle ranks by the true chances of each person. The last two columns are the shares of what "
    "the oracle gains over the most popular list."
)


def _head(result: UpkeepResult) -> Html:
    shares = [week.autopilot_share for week in result.weeks if week.autopilot_share is not None]
    last = shares[-4:]
    mean = sum(last) / len(last) if last else None
    released = sum(row.action == "released" for row in result.decisions)
    refused = sum(row.action == "refused" for row in result.decisions)
    back = sum(row.action in ("returned", "dropped", "withdrawn") for row in result.decisions)
    return tag(
        "header",
        tag("p", f"{result.people:,} simulated people, seed {result.seed}", class_="kicker"),
        tag("h1", f"{result.days} days, kept by nobody"),
        tag(
            "p",
            "A product without a model or history begins, and nobody touches it again. Autopilot "
            "decides when there is enough to learn from, trains, judges each challenger on lists "
            "that no model saw, releases it in steps, raises alarms and writes a letter a week.",
        ),
        tag(
            "div",
            _card("of the oracle's gain", share_text(mean), "mean of the last four weeks"),
            _card("trainings", f"{result.trainings}", f"{result.training_seconds:,.0f} s in all"),
            _card("released", f"{released}", f"{refused} refused, {back} taken back"),
            _card("alarms", f"{len(result.alarms)}", f"{len(result.faults)} faults were injected"),
            class_="cards",
        ),
    )


def _card(name: str, value: str, note: str) -> Html:
    return tag(
        "div",
        tag("span", name, class_="name"),
        tag("span", value, class_="value"),
        tag("span", note, class_="note"),
        class_="card",
    )


def _chart(result: UpkeepResult) -> Html:
    shares = [
        share
        for week in result.weeks
        for share in (week.autopilot_share, week.trained_once_share)
        if share is not None
    ]
    low, high = min([0.0, *shares]), max([1.0, *shares])
    frame = Frame((0.5, len(result.weeks) + 0.5), (low - 0.05, high + 0.02), True, "week")
    marks = [
        *(_fault(frame, fault, (low - 0.05, high + 0.02)) for fault in result.faults),
        frame.line(_points(result.weeks, "trained_once_share"), "once"),
        frame.line(_points(result.weeks, "autopilot_share"), "line"),
    ]
    return tag(
        "section",
        tag("h2", "Share of the oracle's gain"),
        tag(
            "p",
            tag("span", tag("i", class_="key"), "autopilot"),
            tag("span", tag("i", class_="key once"), "its first model alone"),
            class_="legend",
        ),
        tag("figure", frame.draw(*marks, label="Share of the oracle's gain by week")),
        tag("p", "Red stretches are the days of an injected fault.") if result.faults else None,
    )


def _points(weeks: tuple[Week, ...], name: str) -> list[tuple[float, float]]:
    found = [(float(week.number), getattr(week, name)) for week in weeks]
    return [(number, share) for number, share in found if share is not None]


def _fault(frame: Frame, fault: FaultRow, span: tuple[float, float]) -> Html:
    begin = fault.from_day / 7 + 0.5
    end = begin + fault.days / 7
    corners = [(begin, span[0]), (begin, span[1]), (end, span[1]), (end, span[0])]
    return frame.line(corners, "fault")


def _section(title: str, grid: Grid, about: str | None = None) -> Html:
    head = tag("tr", *(tag("th", name) for name in grid.columns))
    rows = [tag("tr", *(tag("td", cell) for cell in row)) for row in grid.rows]
    table = tag("div", tag("table", head, *rows), class_="wide")
    return tag("section", tag("h2", title), None if about is None else tag("p", about), table)


def _letters(result: UpkeepResult) -> Html | None:
    if not result.letters:
        return None
    links = (
        tag("li", tag("a", name.removesuffix(".html"), href=f"{FOLDER}/{name}"))
        for name in result.letters
    )
    return tag("section", tag("h2", "The letter of each week"), tag("ol", *links, class_="letters"))
