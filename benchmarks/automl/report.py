"""What all runs together say, as Markdown for ``benchmarks/RESULTS.md``."""

import statistics
from collections.abc import Iterable, Sequence

from automl.cells import Cell, best_peer, cells_of, mean_ranks
from automl.recorded import Recorded, recorded_cells
from automl.records import Record
from automl.systems import BY_DEFAULT, OURS
from automl.verdicts import verdicts


def report(
    records: Iterable[Record],
    recorded: Recorded | None = None,
    *,
    systems: Sequence[str] = BY_DEFAULT,
) -> str:
    """Tables by budget: losses side by side, then all figures, then what holds of the promise.

    With ``recorded`` the figures of ``systems`` of before count where the table is the same.
    """
    records = list(records)
    if not records:
        return "No runs yet.\n"
    cells = cells_of(records)
    parts = [_preface(records)]
    if recorded is not None:
        before, other = recorded_cells(records, recorded, systems)
        measured = {(cell.table, cell.system) for cell in cells}
        cells += [cell for cell in before if (cell.table, cell.system) not in measured]
        parts += _recorded_preface(records, recorded, before, other)
    for budget_s in sorted({cell.budget_s for cell in cells}):
        some = sorted(
            (cell for cell in cells if cell.budget_s == budget_s),
            key=lambda cell: (cell.split, cell.table),
        )
        parts += [f"### {budget_s:g} s", losses(some), figures(some), promises(some)]
        if wrong := failures(some):
            parts.append(wrong)
    return "\n\n".join(parts) + "\n"


def losses(cells: Sequence[Cell]) -> str:
    """A row a table and a column a system: log-loss or RMSE, the least bold; then mean ranks."""
    systems = _systems(cells)
    lines: list[Sequence[str]] = [("table", "a constant", *systems, "ours to best peer")]
    for table in dict.fromkeys(cell.table for cell in cells):
        found = {cell.system: cell for cell in cells if cell.table == table}
        first = next(iter(found.values()))
        known = [cell.loss for cell in found.values() if cell.loss is not None]
        row = [f"{table} ({first.split}, {first.task})", number(first.constant)]
        for system in systems:
            cell = found.get(system)
            loss = None if cell is None else cell.loss
            told = number(loss)
            if cell is not None and loss is None:
                told = "failed"
            row.append(f"**{told}**" if loss is not None and loss == min(known) else told)
        peer = best_peer(cells, table)
        ours = found[OURS].loss if OURS in found else None
        ratio = "" if peer is None or not peer.loss or ours is None else f"{ours / peer.loss:.4f}"
        lines.append([*row, ratio])
    for split in ("chronological", "shuffled"):
        ranks = mean_ranks([cell for cell in cells if cell.split == split])
        if ranks:
            shown = [f"{ranks[name]:.2f}" if name in ranks else "" for name in systems]
            lines.append((f"mean rank, {split}", "", *shown, ""))
    return markdown(lines)


def figures(cells: Sequence[Cell]) -> str:
    """A row a table and a system, with all else that was measured."""
    lines = [
        ("table", "system", "runs", "loss", "AUC", "claimed / came", "seconds", "55 rows, us",
         "p99, us", "MB")
    ]  # fmt: skip
    for cell in cells:
        lines.append(
            (
                cell.table, cell.system, str(cell.runs), number(cell.loss), number(cell.auc),
                number(cell.claimed_ratio, 3), number(cell.seconds, 3), whole(cell.batch_us),
                whole(cell.batch_p99_us), number(cell.size_mb, 3),
            )
        )  # fmt: skip
        if cell.encoded_us is not None:
            empty = ("",) * 5
            lines.append(
                ("", "with encoding", *empty, whole(cell.encoded_us),
                 whole(cell.encoded_p99_us), "")
            )  # fmt: skip
    return markdown(lines)


def promises(cells: Sequence[Cell]) -> str:
    """What was promised, and whether it holds."""
    rows = [(each.figure, each.word, each.measured) for each in verdicts(cells)]
    return markdown([("promised", "", "measured"), *rows])


def failures(cells: Sequence[Cell]) -> str:
    """Why runs gave nothing; empty where all did."""
    return "\n".join(
        f"- {cell.system} on {cell.table} failed: {cell.failed}"
        for cell in cells
        if cell.failed is not None
    )


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table; the first line is its head.

    >>> print(markdown([("a", "b"), ("1", "2")]))
    | a | b |
    | --- | --- |
    | 1 | 2 |
    """
    head, *rows = ("| " + " | ".join(line) + " |" for line in lines)
    return "\n".join([head, "| " + " | ".join("---" for _ in lines[0]) + " |", *rows])


def number(value: float | None, digits: int = 4) -> str:
    """So many significant digits; nothing for what is not known.

    >>> number(0.123456), number(61234.5), number(None)
    ('0.1235', '61,234', '')
    """
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:#.{digits}g}".rstrip(".")


def whole(value: float | None) -> str:
    """A whole number."""
    return "" if value is None else f"{value:,.0f}"


def _recorded_preface(
    records: Sequence[Record], recorded: Recorded, before: Sequence[Cell], other: Sequence[str]
) -> list[str]:
    """Where the recorded figures are from, and what they cannot be compared with."""
    versions = ", ".join(f"{name} {version}" for name, version in recorded.versions.items())
    parts = []
    if before:
        tables = {cell.table for cell in before}
        parts.append(
            f"Of {len(tables)} tables the figures of peers were recorded before "
            f"({recorded.source}; {versions})."
        )
        seeds: dict[str, int] = {}
        for record in records:
            if record.system == OURS and record.split == "shuffled" and record.table in tables:
                seeds[record.table] = seeds.get(record.table, 0) + 1
        few = [name for name, n in seeds.items() if n < len(recorded.tables[name].constants)]
        if few:
            parts.append(
                f"Of {', '.join(sorted(few))} we ran fewer seeds than they: other rows were held "
                "back, so these ratios are rough."
            )
    if other:
        parts.append(
            f"{', '.join(sorted(other))}: not the table of the recorded figures; run its peers "
            "without --recorded."
        )
    return parts


def _systems(cells: Sequence[Cell]) -> list[str]:
    """Ours first."""
    names = dict.fromkeys(cell.system for cell in cells)
    return sorted(names, key=lambda name: name != OURS)


def _preface(records: Sequence[Record]) -> str:
    versions = {r.system: r.version for r in records if r.version and r.system != OURS}
    commits = sorted({r.commit for r in records if r.system == OURS})
    seeds = sorted({r.seed for r in records})
    if commits:
        versions = {OURS: f"at {', '.join(commits)}"} | dict(sorted(versions.items()))
    loads = [r.load for r in records if r.load is not None]
    return (
        f"Medians over {len(seeds)} seed{'s' if len(seeds) != 1 else ''}, "
        f"{records[0].cores} core{'s' if records[0].cores != 1 else ''} a run. "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + (f". Load of the machine before a run: {statistics.median(loads):.1f}" if loads else "")
        + (f", at most {max(loads):.1f}." if loads else ".")
    )
