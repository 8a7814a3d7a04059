"""The analysis of a table of an experiment, in a terminal and as JSON."""

import math
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liverank.experiments.analysis import Analysis
from liverank.experiments.analysis.results import MetricResult
from liverank.experiments.analysis.words import interval, number, p_value, percent


def tell(found: Analysis, console: Console) -> None:
    """Print the decision, the split, each metric, and what to know of them."""
    color = {"ship": "green", "stop": "red", "wait": "yellow"}[found.decision.action]
    console.print(f"[bold {color}]{escape(found.decision.sentence)}[/]")
    for reason in found.decision.reasons:
        console.print(escape(f"- {reason}"))
    console.print()
    console.print(_metrics(found))
    console.print()
    for note in [*([found.split.sentence] if found.split.ok else []), *found.notes]:
        console.print(escape(f"- {note}"))


def as_json(found: Analysis) -> dict[str, Any]:
    """The object of ``--json``; what is unknown is null."""
    split, decision = found.split, found.decision
    metrics: dict[str, Any] = {}
    for result in found.results:
        metric = metrics.setdefault(
            result.metric,
            {
                "control": result.comparison.control,
                "control_name": found.control,
                "guardrail": result.is_guardrail,
                "direction": result.direction,
                "variants": {},
            },
        )
        metric["variants"][result.variant] = _variant(result, found)
    return {
        "ok": True,
        "srm": {
            "p": split.p,
            "ok": split.ok,
            "counts": dict(zip(split.arms, split.counts, strict=True)),
            "shares": dict(zip(split.arms, split.shares, strict=True)),
            "where": split.where,
        },
        "control": found.control,
        "metrics": metrics,
        "decision": decision.sentence,
        "action": decision.action,
        "ship": decision.variant,
        "reasons": decision.reasons,
        "until_users": decision.until_users,
        "until_ms": decision.until_ms,
        "alpha": found.alpha,
        "level": found.level,
        "notes": found.notes,
    }


def _variant(result: MetricResult, found: Analysis) -> dict[str, Any]:
    comparison = result.comparison
    return {
        "control": comparison.control,
        "value": comparison.value,
        "lift": comparison.lift,
        "ci": comparison.lift_ci,
        "difference": comparison.difference,
        "difference_ci": comparison.difference_ci,
        "p": result.p,
        "p_adjusted": result.adjusted_p,
        "significant": result.adjusted_p < found.alpha,
        "n_control": comparison.n_control,
        "n": comparison.n_variant,
        "variance_saved": comparison.variance_saved,
        "guard": result.guard if result.is_guardrail else None,
        "reason": comparison.reason or None,
    }


def _metrics(found: Analysis) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    several = any(result.adjusted_p > result.p for result in found.results)
    table.add_column("metric", overflow="fold")
    table.add_column("variant", overflow="fold")
    headings = [found.control, "value", "lift", f"{100 * found.level:.4g} % interval", "p"]
    for heading in [*headings, *(["p (Holm)"] if several else [])]:
        table.add_column(escape(heading), justify="right", no_wrap=True)
    table.add_column("")
    for result in found.results:
        comparison = result.comparison
        cells = [
            result.metric,
            result.variant,
            number(comparison.control),
            number(comparison.value),
            percent(comparison.lift),
            interval(comparison.lift_ci) if not math.isnan(comparison.lift_ci[0]) else "unknown",
            p_value(result.p),
        ]
        if several:
            cells.append("" if result.is_guardrail else p_value(result.adjusted_p))
        table.add_row(*(escape(cell) for cell in cells), _verdict(result, found))
    return table


def _verdict(result: MetricResult, found: Analysis) -> str:
    if not found.split.ok:
        return "not to be trusted"
    if result.is_guardrail:
        return result.guard
    if math.isnan(result.adjusted_p):
        return "unknown"
    if result.adjusted_p >= found.alpha:
        return "not proven"
    return "better" if result.gain > 0 else "worse"
