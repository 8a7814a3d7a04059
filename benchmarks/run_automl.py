"""Our search for a model beside other people's: ``make bench-automl ARGS="--budget 60"``.

Runs what is not in the journal yet, then prints the report of all that is. Tables are those of a
folder (a column ``target`` is enough; ``tables.toml`` beside them says more), or by default the
public ones at ``../shared/data`` where they are, and some that are made up. See docs/automl.md.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from automl.lanes import cores_of_lanes, work_in_lanes
from automl.log_tables import log_tables
from automl.made_tables import made_tables
from automl.processes import Processes
from automl.records import Journal, Key, Record
from automl.report import report
from automl.runs import prepare_table, run_system
from automl.systems import BY_DEFAULT, OURS, ROOT, SYSTEMS, InstallError, prepare
from automl.tables import Table, find_tables
from automl.warm import warm_up
from liverank.errors import LiverankError

DATA = ROOT.parent / "shared" / "data"
WORK = ROOT / ".bench"


class Job(NamedTuple):
    """A system, on a table, with a budget and a seed."""

    table: Table
    system: str
    budget_s: float
    seed: int


def main() -> int:
    """Run and report; 1 when the tables cannot be read, 2 for bad usage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, help="a folder; default: the public tables")
    parser.add_argument("--only", default="", help="tables of these names, separated by commas")
    parser.add_argument("--systems", default=",".join(BY_DEFAULT), help=", ".join(SYSTEMS))
    parser.add_argument("--budget", default="60", help="seconds; several, separated by commas")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--cores", type=int, default=1, help="of each run")
    parser.add_argument("--lanes", type=int, default=1, help="runs at the same time")
    parser.add_argument("--again", action="store_true", help="repeat runs that are done")
    parser.add_argument("--report", action="store_true", help="run nothing, only report")
    parser.add_argument("--keep", action="store_true", help="keep what the runs leave in .bench/")
    parser.add_argument("--journal", type=Path, default=ROOT / "bench" / "automl.jsonl")
    arguments = parser.parse_args()
    systems = [name for name in arguments.systems.split(",") if name]
    unknown = [name for name in systems if name not in SYSTEMS]
    if unknown:
        parser.error(f"--systems: unknown `{unknown[0]}`; expected of {', '.join(SYSTEMS)}")
    try:
        budgets = [float(each) for each in arguments.budget.removesuffix("s").split(",")]
        lanes = cores_of_lanes(arguments.lanes, arguments.cores)
    except ValueError as error:
        parser.error(str(error))
    arguments.journal.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal(arguments.journal)
    try:
        tables = chosen(arguments.tables, [name for name in arguments.only.split(",") if name])
        if not arguments.report:
            jobs = [
                Job(table, system, budget_s, seed)
                for budget_s in budgets
                for seed in range(arguments.seeds)
                for table in tables
                for system in systems
            ]
            run_all(
                jobs,
                journal,
                lanes,
                cores=arguments.cores,
                again=arguments.again,
                keep=arguments.keep,
            )
    except LiverankError as error:
        print(f"bench-automl: {error}", file=sys.stderr)
        return 1
    prints = {table.fingerprint for table in tables}
    kept = [r for r in journal.read().values() if r.fingerprint in prints and r.system in systems]
    text = report(kept)
    arguments.journal.with_suffix(".md").write_text(text)
    print(text)
    return 0


def chosen(folder: Path | None, names: list[str]) -> list[Table]:
    """The tables of a folder, or those that are there by default.

    Raises SourceError for a folder that cannot be used, SystemExit for a name that is not there.
    """
    if folder is not None:
        tables = find_tables(folder)
    else:
        public = DATA / "tables"
        tables = find_tables(public) if public.is_dir() else []
        tables += log_tables(DATA, WORK / "tables") + made_tables(WORK / "tables")
    known = [table.name for table in tables]
    absent = [name for name in names if name not in known]
    if absent:
        raise SystemExit(f"--only: there is no table `{absent[0]}`, but {', '.join(known)}")
    return [table for table in tables if not names or table.name in names]


def run_all(
    jobs: list[Job], journal: Journal, lanes: list[set[int]], *, cores: int, again: bool, keep: bool
) -> None:
    """Run what is not done yet, and note each."""
    done = {} if again else journal.read()
    prints = {table: table.fingerprint for table in {job.table for job in jobs}}

    def key(job: Job) -> Key:
        table = job.table
        return Key(table.name, prints[table], job.system, job.budget_s, job.seed, cores)

    left = [job for job in jobs if key(job) not in done or done[key(job)].failed is not None]
    print(f"{len(left)} runs to do, {len(jobs) - len(left)} done before", flush=True)
    pythons: dict[str, Path | InstallError] = {}
    for name in dict.fromkeys(job.system for job in left):
        try:
            pythons[name] = prepare(SYSTEMS[name].environment, WORK)
        except InstallError as error:
            print(f"{name}: cannot be installed: {error}", file=sys.stderr)
            pythons[name] = error
    if OURS in pythons:
        warm_up()
    commit = code_at()

    def work(job: Job) -> None:
        folder = WORK / "runs" / f"{job.table.name}-{job.system}-{job.budget_s:g}-{job.seed}"
        shutil.rmtree(folder, ignore_errors=True)
        prepared = prepare_table(job.table, folder / "table", seed=job.seed)
        record = run_system(
            processes,
            job.system,
            pythons[job.system],
            prepared,
            folder / "run",
            budget_s=job.budget_s,
            seed=job.seed,
            cores=cores,
            commit=commit,
        )
        journal.add(record)
        print(line(record), flush=True)
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)

    processes = Processes()
    try:
        work_in_lanes(work, left, lanes)
    finally:
        processes.stop()


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
    git = ["git", "-C", str(ROOT)]
    found = subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], check=False, capture_output=True, text=True
    )
    if found.returncode != 0:
        return "unknown"
    changed = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no"],
        check=False,
        capture_output=True,
        text=True,
    )
    return found.stdout.strip() + ("+" if changed.stdout.strip() else "")


if __name__ == "__main__":
    sys.exit(main())
