"""Formats the analysis of an experiment's table for the terminal and as JSON."""

import math
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liverank.experiments.analysis import Analysis
from liverank.experiments.analysis.results import MetricResult
from liverank.experiments.analysis.words import interval, number, p_value, percent


def show_analysis(found: Analysis, console: Console) -> None:
    """Print the decision, the split, each metric, and notes."""
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
    """The object for ``--json``; unknown values are null."""
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
    """A row for each metric and variant, with the p-value that decides."""
    variants = list(dict.fromkeys(result.variant for result in found.results))
    is_single = len(variants) == 1
    is_adjusted = any(result.adjusted_p > result.p for result in found.results)
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("metric", no_wrap=True)
    if not is_single:
        table.add_column("variant", no_wrap=True)
    value = variants[0] if is_single else "value"
    level = f"{100 * found.level:.4g} % interval"
    for heading in (found.control, value, "lift", level, "p (Holm)" if is_adjusted else "p"):
        table.add_column(escape(heading), justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for result in found.results:
        comparison = result.comparison
        is_known = not math.isnan(comparison.lift_ci[0])
        cells = [
            result.metric,
            *([] if is_single else [result.variant]),
            number(comparison.control),
            number(comparison.value),
            percent(comparison.lift),
            interval(comparison.lift_ci) if is_known else "unknown",
            p_value(result.adjusted_p),
            _verdict(result, found),
        ]
        table.add_row(*(escape(cell) for cell in cells))
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
