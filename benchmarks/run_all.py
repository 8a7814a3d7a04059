"""Run every ``bench_*.py`` of this folder, one after another, and say on which machine.

Each benchmark is a program of its own: ``python benchmarks/bench_scoring.py --out FILE`` prints a
table and writes its figures to FILE as one JSON object. Measure on a quiet machine.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGES = ("liverank", "numpy", "numba", "polars", "msgspec", "lightgbm", "httptools", "uvloop")


def main() -> int:
    """Run the chosen benchmarks; 1 when one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="run those whose name holds this text")
    parser.add_argument("--out", type=Path, default=HERE.parent / "bench", help="folder for JSON")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    machine = describe_machine()
    (arguments.out / "machine.json").write_text(json.dumps(machine, indent=2) + "\n")
    print(
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB", flush=True
    )
    print(", ".join(f"{name} {version}" for name, version in machine["versions"].items()))

    failed = []
    scripts = [path for path in sorted(HERE.glob("bench_*.py")) if arguments.only in path.stem]
    for script in scripts:
        name = script.stem.removeprefix("bench_")
        print(f"\n== {name}", flush=True)
        command = [sys.executable, str(script), "--out", str(arguments.out / f"{name}.json")]
        if subprocess.run(command, check=False).returncode != 0:
            failed.append(name)
    print(
        f"\n{len(scripts) - len(failed)} of {len(scripts)} benchmarks ran; JSON in {arguments.out}"
    )
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def describe_machine() -> dict[str, Any]:
    """The hardware and the versions that every figure must be read with."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.platform(),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
    }


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    if known.exists():
        for line in known.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
