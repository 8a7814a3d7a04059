"""The section on costs: time, memory, and the server's performance under load."""

from liverank.experiments.reporting.html.tables import cell, grid
from liverank.markup import Html, tag
from liverank.proof.page.facts import LoadFigures, PageFacts
from liverank.proof.page.words import seconds_words
from liverank.proof.results import Phase


def cost(facts: PageFacts) -> Html:
    """Totals of the whole run, and a row for each stage."""
    phases = facts.result.phases
    rows = [_row(phase) for phase in phases]
    processors = f"{facts.processors} processor{'' if facts.processors == 1 else 's'}"
    cards = [
        (
            "The whole demo",
            seconds_words(facts.seconds),
            f"on {processors}, with no other hardware",
        ),
        (
            "Training",
            seconds_words(facts.result.training.seconds),
            f"{facts.result.training.rows:,} rows, no settings",
        ),
        (
            "Lists served",
            f"{sum(phase.visits for phase in phases):,}",
            f"and {sum(phase.events for phase in phases):,} events taken in",
        ),
    ]
    if facts.peak_memory_mb is not None:
        memory = f"{facts.peak_memory_mb:,.0f} MB"
        cards.append(("Memory", memory, "the most that any process held"))
    if facts.load is not None:
        cards += _of_load(facts.load)
    return tag(
        "section",
        tag("h2", "What it cost"),
        tag("div", *(_card(*card) for card in cards), class_="cards costs"),
        tag(
            "details",
            tag("summary", "Each stage"),
            grid(["stage", "time", "simulated days", "lists", "events"], rows, numbers=range(1, 5)),
        ),
    )


def go_on(facts: PageFacts) -> Html:
    """The scope and limits of the page, and the next steps."""
    return tag(
        "section",
        tag("h2", "What this shows, and what it does not"),
        tag(
            "p",
            "The people are simulated, so the size of the lift says little about yours. What it "
            "shows is that the loop needs nobody's help: events come in, a model is trained, an "
            "A/B test is run and decided, and what it reports can be held against the truth. On "
            "your own app the same commands measure your own lift. How the world is made, and "
            "where each of its numbers comes from, is in docs/world.md.",
        ),
        tag("p", "Try it:") if facts.commands else None,
        tag("pre", "\n".join(facts.commands)) if facts.commands else None,
    )


def _row(phase: Phase) -> Html:
    return tag(
        "tr",
        tag("th", phase.words),
        cell(seconds_words(phase.seconds)),
        cell(f"{phase.simulated_days:g}" if phase.simulated_days else ""),
        cell(f"{phase.visits:,}" if phase.visits else ""),
        cell(f"{phase.events:,}" if phase.events else ""),
    )


def _of_load(load: LoadFigures) -> list[tuple[str, str, str]]:
    if load.p50_ms is None or load.p99_ms is None:
        return []
    errors = "no errors" if load.errors == 0 else f"{load.errors:,} errors"
    return [
        (
            "Load test",
            f"{load.per_second:,.0f} lists/s",
            f"a fixed rate for {load.seconds:.0f} s, {load.candidates} rooms each, {errors}",
        ),
        (
            "Time to rank",
            f"{load.p50_ms:.1f} ms",
            f"half are faster; 99 of 100 within {load.p99_ms:.1f} ms",
        ),
    ]


def _card(name: str, value: str, note: str) -> Html:
    return tag(
        "div",
        tag("span", name, class_="name"),
        tag("span", value, class_="value"),
        tag("span", note, class_="note"),
        class_="card",
    )
