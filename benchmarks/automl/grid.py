"""All runs of a comparison: what is asked for, less what is done, prepared, run and noted."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from automl.lanes import work_in_lanes
from automl.log_tables import log_tables, write_log_table
from automl.made_tables import drifting_tables, made_tables
from automl.prepared import prepare_table
from automl.processes import Processes
from automl.records import Journal, Key, Record
from automl.runs import run_system
from automl.systems import OURS, ROOT, SYSTEMS, InstallError, install
from automl.tables import Table, find_tables
from automl.warm import warm_up
from liverank.errors import SourceError

DATA = ROOT.parent / "shared" / "data"
WORK = ROOT / ".bench"


def choose_tables(folder: Path | None, names: Sequence[str]) -> list[Table]:
    """The tables of a folder, or those that are there by default; of these names, if any are given.

    Raises SourceError for a folder that cannot be used, and for a name that is not there.
    """
    logs: list[Table] = []
    if folder is not None:
        tables = find_tables(folder)
    else:
        public = DATA / "tables"
        logs = log_tables(DATA, WORK / "tables")
        tables = find_tables(public) if public.is_dir() else []
        tables += logs + made_tables(WORK / "tables") + drifting_tables(WORK / "tables")
    known = [table.name for table in tables]
    absent = [name for name in names if name not in known]
    if absent:
        raise SourceError(f"there is no table `{absent[0]}`; expected of {', '.join(known)}")
    chosen = [table for table in tables if not names or table.name in names]
    for table in chosen:
        if table in logs:
            write_log_table(table, DATA)
    return chosen


def grid(
    tables: Sequence[Table],
    systems: Sequence[str],
    budgets: Sequence[float],
    *,
    seeds: int,
    cores: int,
) -> dict[Key, Table]:
    """All runs that are asked for, in an order in which a part of them already tells something."""
    prints = {table.name: table.fingerprint for table in tables}
    return {
        Key(table.name, prints[table.name], system, budget_s, seed, cores): table
        for budget_s in budgets
        for seed in range(seeds)
        for table in tables
        for system in systems
    }


def run_grid(
    left: dict[Key, Table], journal: Journal, lanes: Sequence[set[int]], *, keep: bool
) -> None:
    """Run them all, and note each as it ends.

    Raises, before anything runs, SourceError when a table cannot be used.
    """
    if not left:
        return
    (WORK / "runs").mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=WORK / "runs"))
    processes = Processes()
    try:
        _run(left, journal, lanes, folder, processes, keep=keep)
    finally:
        processes.stop()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _run(
    left: dict[Key, Table],
    journal: Journal,
    lanes: Sequence[set[int]],
    folder: Path,
    processes: Processes,
    *,
    keep: bool,
) -> None:
    wanted = {(key.table, key.seed): table for key, table in left.items()}
    prepared = {
        (name, seed): prepare_table(table, folder / f"{name}-{seed}", seed=seed)
        for (name, seed), table in wanted.items()
    }
    pythons: dict[str, Path | InstallError] = {}
    for name in dict.fromkeys(key.system for key in left):
        try:
            pythons[name] = install(SYSTEMS[name].environment, WORK)
        except InstallError as error:
            print(f"{name}: cannot be installed: {error}", file=sys.stderr)
            pythons[name] = error
    if OURS in pythons:
        warm_up()
    commit = code_at()

    def work(key: Key) -> None:
        place = folder / f"{key.table}-{key.system}-{key.budget_s:g}-{key.seed}"
        place.mkdir()
        record = run_system(
            key,
            pythons[key.system],
            prepared[key.table, key.seed],
            place,
            processes,
            commit=commit,
        )
        journal.add(record)
        print(line(record), flush=True)
        if not keep:
            shutil.rmtree(place, ignore_errors=True)

    work_in_lanes(work, left, lanes)


def line(record: Record) -> str:
    """One run in one line."""
    what = f"{record.table:<16} {record.system:<16} {record.budget_s:>4g} s, seed {record.seed}: "
    if record.failed is not None or record.loss is None:
        return what + f"failed: {record.failed}"
    figures = ", ".join(
        f"{name} {'unknown' if value is None else f'{value:.5g}'}"
        for name, value in record.scores.items()
    )
    return what + f"{figures}; claimed {record.claimed or 0:.5g}; {record.seconds or 0:.1f} s"


def code_at() -> str:
    """The commit of this checkout, with ``+`` where its files differ."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return (commit or "unknown") + ("+" if changed else "")


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *words], check=False, capture_output=True, text=True
    )
    return done.stdout.strip()
