"""Prints a report in a terminal: the decision, then the evidence."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table

from liverank.experiments.analysis.words import p_value
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.reporting.facts import Report
from liverank.experiments.reporting.html.words import shown, value_text
from liverank.experiments.reporting.sentences import utc_day

_STYLES = {"ship": "green", "stop": "red", "wait": "yellow"}
_VERDICTS = {"better": "green", "safe": "green", "worse": "red", "harmed": "red"}


def print_report(report: Report, console: Console) -> None:
    """Print a report on the console."""
    decision = report.decision
    lines = [f"[bold]{escape(decision.sentence)}[/bold]"]
    lines += [f"- {escape(line)}" for line in decision.reasons]
    if decision.changes:
        lines += ["", "What would change it:", *(f"- {escape(line)}" for line in decision.changes)]
    console.print(
        Panel("\n".join(lines), title=escape(report.experiment), style=_STYLES[decision.action])
    )
    planned = (report.planned_end_ms - report.start_ms) / DAY_MS
    days = max(report.until_ms - report.start_ms, 0) / DAY_MS
    arms = ", ".join(f"{name} {units:,}" for name, units in report.units_by_arm.items())
    console.print(
        f"{report.state}, day {days:.1f} of {planned:g} (from {utc_day(report.start_ms)}); "
        f"{report.units:,} users: {escape(arms)}"
    )
    if report.split is not None:
        style = "green" if report.split.ok else "bold red"
        sentence = escape(report.split.sentence)
        console.print(f"[{style}]{sentence[:1].upper()}{sentence[1:]}[/{style}]")
        for line in report.split.where:
            console.print(f"  [red]{escape(line)}[/red]")
    if report.metrics:
        console.print(metric_table(report))
    _print_lines(
        "Novelty",
        [
            f"{metric.name} of {variant.variant}: {variant.novelty.sentence}"
            for metric in report.metrics
            if metric.role == "primary"
            for variant in metric.variants
            if variant.novelty is not None
        ],
        console,
    )
    if report.segments:
        console.print(segment_table(report))
    _print_lines("Holdout", _holdout_lines(report), console)
    _print_lines("Good to know", list(report.notes), console)
    _print_lines("How it was computed", list(report.how), console)


def metric_table(report: Report) -> Table:
    """A row for each metric and variant."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("metric")
    several = len(report.variants) > 1
    names = ("variant",) if several else ()
    for name in names:
        table.add_column(name)
    second = "value" if several else report.variants[0]
    for name in (report.control, second, "effect", "from", "to", "p"):
        table.add_column(escape(name), justify="right", no_wrap=True)
    table.add_column("verdict")
    for metric in report.metrics:
        for variant in metric.variants:
            effect = shown(variant.effect)
            guard = " (guardrail)" if metric.role == "guardrail" else ""
            p = variant.p if guard else variant.adjusted_p
            style = _VERDICTS.get(variant.verdict, "")
            verdict = variant.verdict
            if variant.effect.reason:
                verdict += f": {variant.effect.reason}"
            table.add_row(
                escape(metric.name) + guard,
                *((escape(variant.variant),) if several else ()),
                value_text(variant.effect.control),
                value_text(variant.effect.value),
                effect.text(effect.value),
                *(effect.text(end) for end in (effect.low, effect.high)),
                p_value(p),
                escape(verdict),
                style=style,
            )
    return table


def segment_table(report: Report) -> Table:
    """The primary metric by segment."""
    table = Table(
        title=f"Segments ({len(report.segments)} comparisons; p corrected for all of them)",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for name in ("segment", "level", "variant"):
        table.add_column(name)
    for name in ("users", "effect", "from", "to", "p"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in report.segments:
        effect = shown(one.effect)
        table.add_row(
            *map(escape, (one.segment, one.level, one.variant)),
            f"{one.effect.n_control + one.effect.n_variant:,}",
            *(effect.text(value) for value in effect[:3]),
            p_value(one.adjusted_p),
        )
    return table


def _holdout_lines(report: Report) -> list[str]:
    found = []
    for one in report.holdout:
        effect = shown(one.effect)
        found.append(
            f"{one.variant} against {one.units:,} users of the holdout, {one.metric}: "
            f"{effect.text(effect.value)} ({effect.interval}), p {p_value(one.p)}"
        )
    return found


def _print_lines(title: str, lines: list[str], console: Console) -> None:
    if lines:
        console.print(f"[bold]{title}[/bold]")
        for line in lines:
            console.print(Padding(f"- {escape(line)}", (0, 0, 0, 2)))
