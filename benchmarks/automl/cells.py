"""Runs of one system on one table with one budget, told together: medians over the seeds."""

import statistics
from collections.abc import Callable, Iterable
from typing import NamedTuple

from automl.records import Record
from automl.systems import OURS


class Cell(NamedTuple):
    """A system on a table; figures that no run gave are None.

    ``over`` is the largest share by which a run went over its budget; ``claimed_ratio`` the
    median of the claimed loss over the loss that came, ``taught_ratio`` of the served model's loss
    over its teacher's; ``batch_us`` of 55 rows.
    """

    table: str
    system: str
    budget_s: float
    split: str
    task: str
    runs: int
    failed: str | None
    loss: float | None
    auc: float | None
    constant: float | None
    claimed_ratio: float | None
    taught_ratio: float | None
    seconds: float | None
    over: float | None
    size_mb: float | None
    batch_us: float | None
    batch_p99_us: float | None
    encoded_us: float | None
    encoded_p99_us: float | None


def cells_of(records: Iterable[Record]) -> list[Cell]:
    """One cell a table, system and budget, in the order of the records.

    While some systems lack seeds, only those count that all systems have on that table: another
    seed holds back other rows, which may be easier.
    """
    runs: dict[tuple[str, float, str], dict[int, Record]] = {}
    for record in records:
        runs.setdefault((record.table, record.budget_s, record.system), {})[record.seed] = record
    seeds: dict[tuple[str, float], set[int]] = {}
    for (table, budget_s, _), by_seed in runs.items():
        seeds[table, budget_s] = seeds.get((table, budget_s), set(by_seed)) & set(by_seed)
    return [
        _cell([r for seed, r in by_seed.items() if seed in (seeds[key[:2]] or by_seed)])
        for key, by_seed in runs.items()
    ]


def best_peer(cells: Iterable[Cell], table: str) -> Cell | None:
    """The cell of the system, not ours, with the least loss on a table."""
    others = [c for c in cells if c.table == table and c.system != OURS and c.loss is not None]
    return min(others, key=lambda cell: cell.loss or 0.0, default=None)


def mean_ranks(cells: Iterable[Cell]) -> dict[str, float]:
    """The mean rank of each system over the tables that all have a figure for."""
    by_table: dict[str, dict[str, float]] = {}
    cells = list(cells)
    systems = list(dict.fromkeys(cell.system for cell in cells))
    for cell in cells:
        if cell.loss is not None:
            by_table.setdefault(cell.table, {})[cell.system] = cell.loss
    full = [losses for losses in by_table.values() if len(losses) == len(systems)]
    if not full:
        return {}
    return {
        system: statistics.fmean(_rank(losses[system], losses.values()) for losses in full)
        for system in systems
    }


def _rank(loss: float, losses: Iterable[float]) -> float:
    """1 for the least.

    >>> _rank(2.0, [1.0, 2.0, 2.0])
    2.5
    """
    losses = list(losses)
    return sum(each < loss for each in losses) + (losses.count(loss) + 1) / 2


def _cell(records: list[Record]) -> Cell:
    first = records[0]
    done = [record for record in records if record.failed is None]
    wrong = [record.failed for record in records if record.failed is not None]

    def median(figure: Callable[[Record], float | None]) -> float | None:
        known = [value for value in map(figure, done) if value is not None]
        return statistics.median(known) if known else None

    return Cell(
        table=first.table,
        system=first.system,
        budget_s=first.budget_s,
        split=first.split,
        task=first.task,
        runs=len(done),
        failed=wrong[0] if wrong else None,
        loss=median(lambda r: r.loss),
        auc=median(lambda r: r.scores.get("auc")),
        constant=median(lambda r: r.constant),
        claimed_ratio=median(lambda r: _ratio(r.claimed, r.loss)),
        taught_ratio=median(
            lambda r: _ratio(r.details.get("served_loss"), r.details.get("teacher_loss"))
        ),
        seconds=median(lambda r: r.seconds),
        over=max((r.seconds / r.budget_s - 1 for r in done if r.seconds), default=None),
        size_mb=median(lambda r: r.size_mb),
        batch_us=median(lambda r: r.batch_us),
        batch_p99_us=median(lambda r: r.batch_p99_us),
        encoded_us=median(lambda r: r.encoded_us),
        encoded_p99_us=median(lambda r: r.encoded_p99_us),
    )


def _ratio(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below
