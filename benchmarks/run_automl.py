"""Our search for a model beside other people's: ``make bench-automl ARGS="--budget 60"``.

Runs what is not in the journal yet, then prints the report of all that is asked for. Tables are
those of a folder (a column ``target`` is enough; ``tables.toml`` beside them says more), or by
default the public ones at ``../shared/data`` where they are, and some that are made up.
See docs/automl.md.
"""

import argparse
import signal
import sys
from pathlib import Path

from automl.grid import choose_tables, grid, run_grid
from automl.lanes import cores_of_lanes
from automl.recorded import read_recorded, without_recorded
from automl.records import Journal
from automl.report import report
from automl.systems import BY_DEFAULT, ROOT, SYSTEMS
from liverank.errors import LiverankError


def main() -> int:
    """Run and report; 1 when a table cannot be used, 2 for bad usage."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, help="a folder; default: the public tables")
    parser.add_argument("--only", type=_names, default=[], help="of these names: a,b")
    parser.add_argument(
        "--systems", type=_names, default=list(BY_DEFAULT), help=f"of {', '.join(SYSTEMS)}"
    )
    parser.add_argument("--budget", type=_seconds, default=[60.0], help="seconds; several: 60,300")
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--cores", type=int, default=1, help="of each run")
    parser.add_argument("--lanes", type=int, default=1, help="runs at the same time")
    parser.add_argument("--again", action="store_true", help="repeat runs that are done")
    parser.add_argument("--report", action="store_true", help="run nothing, only report")
    parser.add_argument(
        "--recorded",
        action="store_true",
        help="take peers' figures of before where the table is the same; run them only elsewhere",
    )
    parser.add_argument("--keep", action="store_true", help="keep what runs leave in .bench/runs")
    parser.add_argument(
        "--journal", type=Path, default=ROOT / "bench" / "automl.jsonl", help="where runs are noted"
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.systems if name not in SYSTEMS]
    if unknown:
        parser.error(f"--systems: unknown `{unknown[0]}`; expected of {', '.join(SYSTEMS)}")
    try:
        lanes = cores_of_lanes(arguments.lanes, arguments.cores)
    except ValueError as error:
        parser.error(str(error))
    # so that what runs is ended too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    arguments.journal.parent.mkdir(parents=True, exist_ok=True)
    journal = Journal(arguments.journal)
    try:
        asked = grid(
            choose_tables(arguments.tables, arguments.only),
            arguments.systems,
            arguments.budget,
            seeds=arguments.seeds,
            cores=arguments.cores,
        )
        if arguments.recorded:
            asked = without_recorded(asked, read_recorded())
        if not arguments.report:
            done = {} if arguments.again else journal.read()
            left = {
                key: table
                for key, table in asked.items()
                if key not in done or done[key].failed is not None
            }
            print(f"{len(left)} runs to do, {len(asked) - len(left)} done before", flush=True)
            run_grid(left, journal, lanes, keep=arguments.keep)
    except LiverankError as error:
        print(f"bench-automl: {error}", file=sys.stderr)
        return 1
    records = journal.read()
    found = [records[key] for key in asked if key in records]
    recorded = read_recorded() if arguments.recorded else None
    text = report(found, recorded, systems=arguments.systems)
    arguments.journal.with_suffix(".md").write_text(text)
    print(text)
    return 0


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _seconds(text: str) -> list[float]:
    return [float(each.removesuffix("s")) for each in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
