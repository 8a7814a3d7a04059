"""Figures of peers that were measured before, on tables that are still the same.

``recorded_peers.json`` holds what ``benchmarks/RESULTS.md`` says of them: medians over seeds.
Invariant: they count only where our own run had the same rows: the loss of a constant tells.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from automl.cells import Cell
from automl.records import Key, Record
from automl.systems import OURS
from automl.tables import Table

FILE = Path(__file__).with_name("recorded_peers.json")


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a system on a table, medians over the seeds."""

    loss: float
    auc: float | None = None
    claimed_ratio: float | None = None
    seconds: float | None = None
    batch_us: float | None = None
    batch_p99_us: float | None = None
    size_mb: float | None = None


class RecordedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table, and the figures of each system; ``constants`` are of each seed's held back rows."""

    split: str
    task: str
    budget_s: float
    cores: int
    constants: tuple[float, ...]
    systems: dict[str, Figures]


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """All recorded figures, by table, with the versions of the systems."""

    source: str
    versions: dict[str, str]
    tables: dict[str, RecordedTable]


def read_recorded(path: Path = FILE) -> Recorded:
    """The recorded figures."""
    return msgspec.json.decode(path.read_bytes(), type=Recorded)


def without_recorded(asked: Mapping[Key, Table], recorded: Recorded) -> dict[Key, Table]:
    """The runs that are asked for, less those of peers whose figures are recorded."""
    return {key: table for key, table in asked.items() if not _is_recorded(key, recorded)}


def recorded_cells(
    records: Iterable[Record], recorded: Recorded, systems: Sequence[str]
) -> tuple[list[Cell], list[str]]:
    """Cells of peers on the tables of our own records; and the tables that are other ones now."""
    cells: list[Cell] = []
    other: list[str] = []
    ours: dict[str, Record] = {}
    for record in records:
        known = recorded.tables.get(record.table)
        if record.system != OURS or known is None or record.constant is None:
            continue
        if (record.budget_s, record.cores) == (known.budget_s, known.cores):
            ours.setdefault(record.table, record)
    for name, record in ours.items():
        known = recorded.tables[name]
        if record.seed >= len(known.constants) or not math.isclose(
            known.constants[record.seed], record.constant or 0.0, rel_tol=1e-9
        ):
            other.append(name)
            continue
        cells += [
            _cell(name, system, known, figures)
            for system, figures in known.systems.items()
            if system in systems
        ]
    return cells, other


def _is_recorded(key: Key, recorded: Recorded) -> bool:
    known = recorded.tables.get(key.table)
    return (
        known is not None
        and key.system in known.systems
        and (key.budget_s, key.cores) == (known.budget_s, known.cores)
    )


def _cell(name: str, system: str, known: RecordedTable, figures: Figures) -> Cell:
    seconds = figures.seconds
    return Cell(
        table=name,
        system=system,
        budget_s=known.budget_s,
        split=known.split,
        task=known.task,
        runs=len(known.constants),
        failed=None,
        loss=figures.loss,
        auc=figures.auc,
        constant=None,
        claimed_ratio=figures.claimed_ratio,
        taught_ratio=None,
        seconds=seconds,
        over=None if seconds is None else seconds / known.budget_s - 1,
        size_mb=figures.size_mb,
        batch_us=figures.batch_us,
        batch_p99_us=figures.batch_p99_us,
        encoded_us=None,
        encoded_p99_us=None,
    )
