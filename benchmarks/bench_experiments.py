"""The report of an experiment: 10 million exposures of a million users, and peers on its table.

``liverank experiment report`` runs in a process of its own on a log that is made up first: three
seed metrics and a guardrail, 28 daily looks, CUPED, the split, novelty and segments. Its peers get
the table of a row a user that ours makes on its way, in memory, and give one comparison at the end
of each of the same metrics with the same covariate; they read no log, and look once. Ours is timed
on that table too. tea-tasting comes with the dev extra; gbstats is installed for the occasion.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from liverank.config import parse_config
from liverank.events.log import Log
from liverank.experiments.gathering.collect import gather
from liverank.experiments.gathering.views import needs_of
from liverank.experiments.reporting.report_input import report_input_of
from liverank.experiments.reporting.series import columns_of, exposed_by, series_of
from made_experiment import CONFIG, DAY_MS, START_MS, Size, write_log
from measuring import timed

HERE = Path(__file__).resolve().parent
GBSTATS = "gbstats==0.8.0"


def main() -> None:
    """Make the log, report it, and compare on the same table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--exposures", type=int, default=10_000_000)
    parser.add_argument("--interactions", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="where the log is kept; default: nowhere")
    arguments = parser.parse_args()
    size = Size(arguments.users, arguments.exposures, arguments.interactions)
    with tempfile.TemporaryDirectory() as scratch:
        project = arguments.folder or Path(scratch)
        log_folder = project / ".liverank" / "log"
        figures: dict[str, Any] = {"users": size.users, "exposures": size.exposures}
        if not log_folder.exists():
            log_folder.parent.mkdir(parents=True)
            (project / "liverank.toml").write_text(CONFIG)
            events, seconds = timed(lambda: write_log(log_folder, size))
            print(f"log of {events:,} events written in {seconds:.0f} s", flush=True)
        figures["report"] = reported(project)
        print_line("liverank, from the log, 28 looks", figures["report"])
        table = user_table(project)
        path = Path(scratch) / "table.parquet"
        table.write_parquet(path)
        figures["table_rows"] = table.height
        for peer in ("ours", "tea_tasting", "gbstats"):
            figures[peer] = compared(peer, path, Path(scratch))
            print_line(f"{peer}, from the table, one look", figures[peer])
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def reported(project: Path) -> dict[str, Any]:
    """Seconds and the peak of memory of the command; and what it says."""
    command = [
        sys.executable, "-c", _MEASURED, "experiment", "report", "tab",
        "--config", str(project / "liverank.toml"), "--html", str(project / "report.html"),
        "--json",
    ]  # fmt: skip
    done, seconds = timed(lambda: subprocess.run(command, capture_output=True, text=True))
    if done.returncode:
        raise SystemExit(done.stderr)
    report, last = done.stdout.splitlines()[-2:]
    found = json.loads(report)
    peak, processor = last.split()
    return {
        "seconds": round(seconds, 1),
        "processor_s": round(float(processor), 1),
        "peak_mb": round(int(peak) / 1024),
        "exposures": found["exposures"],
        "units": found["units"],
        "decision": found["decision"]["sentence"],
        "lifts": {one["name"]: one["variants"][0]["effect"]["lift"] for one in found["metrics"]},
    }


_MEASURED = """
import sys, time
from liverank.cli import main
code = main(sys.argv[1:])
with open("/proc/self/status") as status:
    (line,) = (line for line in status if line.startswith("VmHWM"))
print(line.split()[1], time.process_time())
sys.exit(code)
"""
"""The command, then the most memory that its process ever held, in kB, and its processor time."""


def user_table(project: Path) -> pl.DataFrame:
    """A row a user: the variant, and each metric's columns with its covariate's."""
    asked = report_input_of(
        parse_config(CONFIG), "tab", now_ms=START_MS + 28 * DAY_MS, listed=False
    )
    with Log.open(project / ".liverank" / "log") as log:
        gathered = gather(log.read(columns=asked.wanted().columns), asked.wanted())
    end = float(asked.now_ms)
    metrics = list(asked.all_metrics)
    series = series_of(gathered, metrics, needs_of(gathered, metrics), [end], tuple(asked.shares))
    frames = []
    for arm in asked.shares:
        units = exposed_by(gathered, arm, end)
        columns: dict[str, Any] = {}
        for metric in metrics:
            values = columns_of(
                gathered, series.last[metric.name], series.before[metric.name], units
            )
            if len(values) != units.stop - units.start:
                continue  # some units are not counted yet: peers have no word for that
            columns |= {f"{metric.name}_{at}": values[:, at] for at in range(values.shape[1])}
        frames.append(pl.DataFrame({"variant": [arm] * (units.stop - units.start), **columns}))
    return pl.concat(frames)


def compared(peer: str, table: Path, scratch: Path) -> dict[str, Any]:
    """What a peer takes for the comparisons, by its own clock, without imports and reading."""
    python = sys.executable
    if peer == "gbstats":
        python = str(scratch / "gbstats" / "bin" / "python")
        subprocess.run([sys.executable, "-m", "venv", str(scratch / "gbstats")], check=True)
        packages = [GBSTATS, "pyarrow", "polars"]
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", *packages], capture_output=True, text=True
        )
        if done.returncode:
            return {"failed": done.stderr.strip().splitlines()[-1]}
    script = HERE / "peers" / f"experiment_{peer}.py"
    done = subprocess.run([python, str(script), str(table)], capture_output=True, text=True)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def print_line(name: str, figures: dict[str, Any]) -> None:
    """One line of the table."""
    if "failed" in figures:
        print(f"{name:40} did not run: {figures['failed']}", flush=True)
        return
    lifts = ", ".join(f"{metric} {lift:+.4%}" for metric, lift in figures["lifts"].items())
    print(f"{name:40} {figures['seconds']:8.2f} s {figures['peak_mb']:7,} MB   {lifts}", flush=True)


if __name__ == "__main__":
    main()
