"""A proof as tables, for the terminal (rich) and as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table

from liverank.proof.results import METRIC_WORDS, METRICS, Proof, ProofResult
from liverank.proof.words import (
    covered_text,
    interval_text,
    lift_text,
    share_text,
    value_text,
)


@dataclass(frozen=True)
class Grid:
    """A table: title, columns, and rows of texts. The first column is a name."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def result_grid(result: ProofResult) -> Grid:
    """Each metric as reported for one seed, and its true value."""
    return Grid(
        title=f"Seed {result.seed}: {result.variant} against {result.control}, "
        f"{sum(result.units.values()):,} people, {result.world.days_of_test} days",
        columns=(
            "metric",
            "lift",
            "95 % interval",
            "verdict",
            "true lift",
            "covers the truth",
            "of oracle",
        ),
        rows=tuple(
            (
                METRIC_WORDS[metric.name],
                lift_text(metric.reported.lift),
                interval_text(metric.reported.lift_ci),
                metric.reported.verdict,
                lift_text(metric.true_lift),
                covered_text(metric.covered),
                share_text(metric.oracle_share),
            )
            for metric in result.metrics
        ),
    )


def truth_grid(result: ProofResult) -> Grid:
    """The true values of each policy."""
    return Grid(
        title=f"Seed {result.seed}: the truth, everybody on one policy",
        columns=("policy", *(METRIC_WORDS[name] for name in METRICS)),
        rows=tuple(
            (
                one.policy + (" (best heuristic)" if one.policy == result.best_heuristic else ""),
                *(value_text(name, one.values[name]) for name in METRICS),
            )
            for one in result.truth
        ),
    )


def interference_grid(result: ProofResult) -> Grid:
    """Interference between the two variants of the test."""
    return Grid(
        title=f"Seed {result.seed}: the test's people less themselves where all are on it",
        columns=("metric", result.control, result.variant),
        rows=tuple(
            (
                METRIC_WORDS[metric.name],
                lift_text(metric.control_shift),
                lift_text(metric.variant_shift),
            )
            for metric in result.metrics
        ),
    )


def proof_grid(proof: Proof) -> Grid:
    """Summary over all seeds."""
    number = len(proof.results)
    return Grid(
        title=f"{number} {'seed' if number == 1 else 'seeds'}",
        columns=(
            "metric",
            "mean lift",
            "mean true lift",
            "proven better",
            "covers the truth",
            "of oracle",
        ),
        rows=tuple(
            (
                METRIC_WORDS[one.name],
                lift_text(one.mean_lift),
                lift_text(one.mean_true_lift),
                f"{one.better} of {number}",
                f"{one.covered} of {one.judged}",
                share_text(one.mean_share),
            )
            for one in proof.metrics
        ),
    )


def rich_table(grid: Grid) -> Table:
    """A grid for the terminal."""
    table = Table(title=grid.title, box=SIMPLE_HEAD, pad_edge=False, title_justify="left")
    for number, column in enumerate(grid.columns):
        table.add_column(column, justify="right" if number else "left")
    for row in grid.rows:
        table.add_row(*row)
    return table


def markdown(grids: Sequence[Grid]) -> str:
    """Grids as Markdown, each under its title.

    >>> print(markdown([Grid("Lifts", ("metric", "lift"), (("joins", "+2 %"),))]))
    **Lifts**
    <BLANKLINE>
    | metric | lift |
    | --- | --- |
    | joins | +2 % |
    <BLANKLINE>
    """
    return "\n".join(_markdown(grid) for grid in grids)


def _markdown(grid: Grid) -> str:
    lines = [grid.columns, ("---",) * len(grid.columns), *grid.rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{grid.title}**\n\n{table}\n"
