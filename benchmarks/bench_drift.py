"""Tables that change with time: the loss that came on the newest fifth, and the one claimed.

Ours beside FLAML, LightGBM and CatBoost, on tables that ``automl/drift_tables.py`` makes up and on
SEA's stream where it is at hand. Every run is kept in ``bench/drift.jsonl``, so what was
interrupted goes on where it stopped. With 20 s of budget all takes some seven minutes; less with
``--lanes 2``.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import polars as pl

from automl.drift_tables import MAKERS
from automl.grid import choose_tables, grid, run_grid
from automl.lanes import cores_of_lanes
from automl.records import Journal, Record
from automl.systems import OURS, ROOT

SYSTEMS = (OURS, "flaml", "lightgbm", "catboost")
SEED = 7
SEA = ROOT.parent / "shared" / "data" / "tables" / "sea_stream.csv.gz"
_FIRST_MS, _HOUR_MS = 1_577_836_800_000, 3_600_000


def main() -> int:
    """Run what was not run before, and print a line a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=20.0, help="seconds")
    parser.add_argument("--only", default="", help="of these tables: a,b")
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=1, help="runs at the same time")
    parser.add_argument("--again", action="store_true", help="repeat runs that are done")
    arguments = parser.parse_args()
    folder = ROOT / "bench" / "drift"
    write_tables(folder)
    journal = Journal(ROOT / "bench" / "drift.jsonl")
    systems = arguments.systems.split(",")
    only = [name for name in arguments.only.split(",") if name]
    asked = grid(
        choose_tables(folder, only), systems, [arguments.budget], seeds=arguments.seeds, cores=1
    )
    done = {} if arguments.again else journal.read()
    left = {key: table for key, table in asked.items() if key not in done or done[key].failed}
    run_grid(left, journal, cores_of_lanes(arguments.lanes, 1), keep=False)
    records = journal.read()
    print_lines([records[key] for key in asked if key in records], systems)
    return 0


def write_tables(folder: Path) -> None:
    """The tables, and what is to say of them, where they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = {name: lambda make=make: make(SEED) for name, make in MAKERS.items()}
    if SEA.is_file():
        frames["sea_stream"] = _sea_stream
    for name, make in frames.items():
        if not (folder / f"{name}.parquet").is_file():
            make().write_parquet(folder / f"{name}.parquet")
    asks = [f'[{name}]\ntarget = "y"\ntime = "at"\n' for name in frames]
    (folder / "tables.toml").write_text("\n".join(asks), encoding="utf-8")


def print_lines(records: list[Record], systems: list[str]) -> None:
    """A line of Markdown a run of ours, with the losses of the others beside it."""
    print("| table | came | claimed | 95 % interval | covered | " + " | ".join(systems[1:]) + " |")
    print("| --- | ---: | ---: | ---: | --- | " + " | ".join("---:" for _ in systems[1:]) + " |")
    for ours in (each for each in records if each.system == OURS and each.loss is not None):
        claim: dict[str, Any] = ours.details.get("claim") or {}
        low, high = claim.get("low", float("nan")), claim.get("high", float("nan"))
        others = [
            next((f"{r.loss:.4f}" for r in records if _is_beside(r, ours, name)), "")
            for name in systems[1:]
        ]
        print(
            f"| {ours.table} | {ours.loss:.4f} | {ours.claimed or float('nan'):.4f} | "
            f"{low:.3f} to {high:.3f} | {'yes' if low <= (ours.loss or 0) <= high else 'no'} | "
            + " | ".join(others)
            + " |"
        )


def _is_beside(record: Record, ours: Record, system: str) -> bool:
    same = (record.table, record.seed) == (ours.table, ours.seed)
    return same and record.system == system and record.loss is not None


def _sea_stream() -> pl.DataFrame:
    """SEA's stream in the order of its rows, an hour apart."""
    table = pl.read_csv(SEA).rename({"class": "y"})
    hours = _FIRST_MS + pl.int_range(table.height) * _HOUR_MS
    return table.select(hours.cast(pl.Datetime("ms")).alias("at"), pl.all())


if __name__ == "__main__":
    sys.exit(main())
