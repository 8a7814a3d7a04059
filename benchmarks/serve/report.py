"""Tables of what was measured, for the screen and for RESULTS.md (they are Markdown)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serve.loads import Row


@dataclass(frozen=True, slots=True)
class Price:
    """A machine that anybody can rent, on paper: nothing was measured on it."""

    name: str
    cores: int
    euros_an_hour: float
    source: str


PRICE = Price(
    "Hetzner CCX13, 2 vCPU, 8 GB", 2, 0.0589, "42.99 euro a month of 730 hours, before tax, as "
    "listed by github.com/moveinfra/eu-cloud-prices on 2026-10-28",
)  # fmt: skip


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; numbers to the right.

    >>> print(table(["stage", "us"], [["read", 12.34], ["score", None]]))
    | stage | us |
    | --- | ---: |
    | read | 12.3 |
    | score |  |
    """
    numeric = [
        all(isinstance(row[column], int | float | None) for row in rows)
        for column in range(len(header))
    ]
    lines = [
        "| " + " | ".join(header) + " |",
        "| " + " | ".join("---:" if each else "---" for each in numeric) + " |",
        *("| " + " | ".join(map(_cell, row)) + " |" for row in rows),
    ]
    return "\n".join(lines)


def load_table(rows: Sequence[Row]) -> str:
    """Loads, a row each."""
    header = (
        "load", "sent", "answered a second", "p50 ms", "p90 ms", "p99 ms", "max ms", "failed",
        "503", "fallbacks", "fold lag p99 ms", "processor us a request", "load average before",
    )  # fmt: skip
    cells = [
        [
            row.name + ("" if row.kept_up else " (the generator was behind)"),
            row.sent,
            row.per_s,
            row.p50,
            row.p90,
            row.p99,
            row.most,
            row.failed,
            row.refused,
            ", ".join(f"{name} {count:,}" for name, count in row.fallbacks.items()) or "none",
            row.fold_lag_p99,
            row.cpu_us,
            row.load_average,
        ]
        for row in rows
    ]
    return table(header, cells)


def stage_table(stages: dict[str, float]) -> str:
    """Microseconds by stage, with their sum."""
    total = sum(stages.values())
    rows = [[name, us, f"{us / total:.0%}"] for name, us in stages.items()]
    return table(("stage", "us", "share"), [*rows, ["together", total, "100%"]])


def glue_table(figures: dict[str, dict[str, Any]]) -> str:
    """Processor time a request of each, and how many times ours that is."""
    ours = figures["liverank"]["cpu_us"]
    rows = [
        [
            name,
            each["cpu_us"],
            each["cpu_us"] / ours,
            each["per_s"],
            each["p50_ms"],
            each["p99_ms"],
            each["what"],
        ]
        for name, each in figures.items()
    ]
    header = (
        "system", "processor us a request", "times ours", "answered a second", "p50 ms", "p99 ms",
        "what it does",
    )  # fmt: skip
    return table(header, rows)


def cost_table(row: Row, candidates: int, price: Price = PRICE) -> str:
    """What candidates cost by the processor time of a load, on paper, and by which price."""
    per_core_s = candidates * 1e6 / row.cpu_us
    per_euro = per_core_s * price.cores * 3600 / price.euros_an_hour
    rows = [
        ["candidates for a second of one core", f"{per_core_s:,.0f}"],
        ["candidates for a euro, all cores busy", f"{per_euro / 1e9:,.2f} billion"],
        ["rankings for a euro", f"{per_euro / candidates / 1e6:,.1f} million"],
    ]
    told = table(("on paper", ""), rows)
    return f"{told}\n\n{price.name}: {price.euros_an_hour} euro an hour ({price.source})."


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.{1 if value >= 10 else 2}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
