"""Prints the results of a load test: a small table, and the distribution of latencies."""

from math import floor, log10

from rich.console import Console
from rich.table import Table

from liverank.loadtest.histogram import Histogram
from liverank.loadtest.report import LoadReport, Quantiles, Requests

_A_DECADE = 5
"""Number of bars in the plot for each factor of ten."""
_WIDTH = 50


def show_load(
    report: LoadReport, latencies: Histogram, console: Console, *, is_plotted: bool
) -> None:
    """Print the report of a load test."""
    console.print(_table(report))
    if is_plotted and latencies.count:
        console.print("\nLatency of rankings, from when they were due")
        for line in latency_bars(latencies):
            console.print(line, markup=False)
    for name, counts in (
        ("Errors", report.rank.errors),
        ("Fallbacks", report.rank.fallbacks),
        ("Errors of events", report.events.errors if report.events else {}),
    ):
        if counts:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
            console.print(f"{name}: {kinds}", style="red", markup=False)
    for what in report.rank.wrong + (report.events.wrong if report.events else []):
        console.print(f"  {what}", style="red", markup=False)
    for note in report.notes:
        is_loud = not report.generator.kept_up and note == report.notes[0]
        console.print(note, style="bold red" if is_loud else "yellow", markup=False)
    for one in report.objectives:
        measured = "not measured" if one.measured is None else f"{one.measured:g}"
        console.print(
            f"{'met    ' if one.met else 'NOT MET'} {one.objective} ({measured})",
            style="green" if one.met else "bold red",
            markup=False,
        )


def latency_bars(latencies: Histogram) -> list[str]:
    """A line for each range of latencies (five to a factor of ten), with its share as a bar.

    >>> latencies = Histogram()
    >>> for value_us in (1000, 1100, 1200, 2000):
    ...     latencies.record(value_us)
    >>> for line in latency_bars(latencies):
    ...     print(line)
       1 to    1.58 ms  75.00 % ██████████████████████████████████████████████████
    1.58 to    2.51 ms  25.00 % █████████████████
    """
    counts: dict[int, int] = {}
    for value_us, count in latencies.filled():
        bucket = floor(_A_DECADE * log10(max(value_us, 1)) + 1e-9)
        counts[bucket] = counts.get(bucket, 0) + count
    most = max(counts.values())
    lines = []
    for bucket in range(min(counts), max(counts) + 1):
        count = counts.get(bucket, 0)
        low, high = (10 ** (at / _A_DECADE) / 1000 for at in (bucket, bucket + 1))
        bar = "█" * round(_WIDTH * count / most) or ("▏" if count else "")
        lines.append(f"{low:4.3g} to {high:7.3g} ms {count / latencies.count:7.2%} {bar}".rstrip())
    return [line.replace("%", " %") for line in lines]


def _table(report: LoadReport) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in ("sent", "answered", "a second", "p50", "p90", "p99", "p99.9", "max"):
        table.add_column(name, justify="right")
    table.add_row("rankings", *_counted(report.rank), *_cells(report.rank.latency_ms))
    if report.events is not None:
        table.add_row("events", *_counted(report.events), *_cells(report.events.latency_ms))
    lag = report.fold_lag_ms
    if lag is not None:
        seen = lag.probes - lag.unseen
        row = ("fold lag", str(lag.probes), str(seen), "", lag.p50, None, lag.p99, None, lag.max)
        table.add_row(*(cell if isinstance(cell, str) else _figure(cell) for cell in row))
    if report.generator.late_ms is not None:
        table.add_row("sent late", "", "", "", *_cells(report.generator.late_ms))
    server = "unknown" if report.server_cpu_us is None else f"{report.server_cpu_us:,.0f} us"
    own = "unknown" if report.generator.cpu_us is None else f"{report.generator.cpu_us:,.0f} us"
    table.caption = (
        f"times in ms; processor time a request: server {server}, generator {own}; "
        f"{report.seconds:.1f} s, {report.rank.retries} sent again"
    )
    table.caption_justify = "left"
    return table


def _counted(requests: Requests) -> tuple[str, str, str]:
    return f"{requests.sent:,}", f"{requests.answered:,}", f"{requests.per_second:,.1f}"


def _cells(latency: Quantiles) -> list[str]:
    figures = (latency.p50, latency.p90, latency.p99, latency.p99_9, latency.max)
    return [_figure(figure) for figure in figures]


def _figure(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.2f}"
