"""Whether another checkout is slower or faster: folds, reads and training, in alternation.

``bench_versions.py --other DIR``: DIR is a checkout with its own ``.venv``. Each turn runs both, in
the other order than the turn before, so that what else the machine does hits both alike. Times are
processor time, and figures are medians of the turns. Folds and reads are those of ``bench_fold.py``
and ``bench_state.py`` of each checkout, training is ``liverank train`` on copies of one log.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = (
    "import runpy, sys, time; time.perf_counter = time.process_time; "
    "sys.argv = sys.argv[1:]; sys.path.insert(0, sys.argv[0].rpartition('/')[0]); "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)
"""Runs a benchmark with its clock showing processor time."""
COMMAND = (
    "import sys, time; time.monotonic = time.process_time; "
    "from liverank.cli import main; sys.exit(main(sys.argv[1:]))"
)
"""Runs a command whose budget is processor time, so that a busy machine gives no fewer trials."""
FOLD = {
    "read a file of events, s": ("read the file", "seconds"),
    "import into the log, s": ("import into the log, on disk", "seconds"),
    "put events into streams, s": ("put into streams", "seconds"),
    "put events into streams and fold, s": ("put into streams and fold", "seconds"),
    "replay, with features of rows, s": ("replay, with features of rows", "seconds"),
}
STATE = {
    "fold, the kernel alone, s": ("fold", "seconds"),
    "fold from segments on disk, s": ("from_segments", "seconds"),
    "read a list of 55, us": ("read", 0, "p50_us"),
    "read a list of 1,500, us": ("read", 1, "p50_us"),
}


def main() -> int:
    """Take turns, and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--other", type=Path, help="another checkout, with its .venv")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--people", type=int, default=600, help="people of the world")
    parser.add_argument("--budget", default="15s", help="of the search for a model")
    arguments = parser.parse_args()
    if arguments.other is None:
        print("nothing was compared: name another checkout with --other DIR")
        return 0
    checkouts = {"other": arguments.other.resolve(), "this": ROOT}
    turns: dict[str, list[dict[str, float]]] = {"other": [], "this": []}
    with tempfile.TemporaryDirectory() as name:
        world = make_world(Path(name) / "world", arguments.people, arguments.budget)
        for turn in range(arguments.turns + 1):
            for which in sorted(checkouts, reverse=turn % 2 == 0):
                checkout = checkouts[which]
                scratch = Path(name) / f"{which}-{turn}"
                figures = measure(checkout, world, scratch, arguments.people)
                if turn:  # the first one compiles kernels
                    turns[which].append(figures)
                print(f"turn {turn}, {which}: {json.dumps(figures)}", flush=True)
                shutil.rmtree(scratch)
    table = {
        step: {
            which: statistics.median(figures[step] for figures in turns[which])
            for which in checkouts
        }
        for step in turns["this"][0]
    }
    print(f"{'median of ' + str(arguments.turns) + ' turns':<38} {'other':>10} {'this':>10} ratio")
    for step, medians in table.items():
        ratio = medians["this"] / medians["other"]
        print(f"{step:<38} {medians['other']:>10.4g} {medians['this']:>10.4g} {ratio:>5.2f}")
    if arguments.out:
        arguments.out.write_text(json.dumps({"medians": table, "turns": turns}, indent=2) + "\n")
    return 0


def make_world(folder: Path, people: int, budget: str) -> Path:
    """A project of this checkout: a simulated world's events in its log."""
    liverank = ROOT / ".venv" / "bin" / "liverank"
    size = ["--people", str(people), "--days", "4"]
    run([str(liverank), "simulate", "run", *size, "--out", str(folder)], folder.parent)
    config = folder / "liverank.toml"
    config.write_text(config.read_text() + f'\n[training]\nbudget = "{budget}"\n')
    run([str(liverank), "ingest", "events.jsonl"], folder)
    return folder


def measure(checkout: Path, world: Path, scratch: Path, people: int) -> dict[str, float]:
    """All figures of one checkout, once."""
    scratch.mkdir()
    fold = bench(checkout, "bench_fold.py", scratch, "--people", str(people))
    sizes = ("--users", "20000", "--items", "2000", "--interactions", "400000")
    state = bench(checkout, "bench_state.py", scratch, *sizes)
    return {**pick(fold, FOLD), **pick(state, STATE), **train(checkout, world, scratch)}


def bench(checkout: Path, script: str, scratch: Path, *options: str) -> object:
    """Run a benchmark of a checkout with its clock showing processor time; its figures."""
    out = scratch / f"{script}.json"
    python = checkout / ".venv" / "bin" / "python"
    path = checkout / "benchmarks" / script
    run([str(python), "-c", SCRIPT, str(path), "--out", str(out), *options], scratch)
    return json.loads(out.read_text())


def pick(figures: object, steps: dict[str, tuple[str | int, ...]]) -> dict[str, float]:
    """The figures at some paths."""
    picked = {}
    for step, path in steps.items():
        value = figures
        for key in path:
            value = value[key]
        picked[step] = value
    return picked


def train(checkout: Path, world: Path, scratch: Path) -> dict[str, float]:
    """Train once on a copy of the world: processor seconds, peak memory, trials."""
    copy = scratch / "world"
    shutil.copytree(world, copy)
    python = checkout / ".venv" / "bin" / "python"
    command = [str(python), "-c", COMMAND, "train", "--force", "--json"]
    with (scratch / "out").open("w+") as out:
        process = subprocess.Popen(command, cwd=copy, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        out.seek(0)
        printed = out.read()
    if status:
        raise SystemExit(f"{checkout}: liverank train ended with {status}:\n{printed}")
    report = json.loads(printed.splitlines()[-1])["report"]
    return {
        "train, s": usage.ru_utime + usage.ru_stime,
        "train, peak MB": usage.ru_maxrss / 1024,
        "train, trials": len(report["plan"]["trials"]),
    }


def run(command: list[str], folder: Path) -> None:
    """Run a program in silence; end with what it said where it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


if __name__ == "__main__":
    sys.exit(main())
