"""Run the cases of ``../shared/cases/serving`` and say which of them give what is expected.

Each case is a folder with a script that prints what a server does, and a text that says what it
ought to do. What of that a program can see stands in ``case_checks.py``. Cases run one after the
other in copies of their folders, on a port that is free. Where there are no cases, this says so and
is done.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from case_checks import CHECKS, LEFT_OUT

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT.parent / "shared" / "cases" / "serving"
PORT = "8291"
"""The port in the scripts."""
TIMEOUT_S = 180


def main() -> int:
    """Run the cases that were asked for; 1 if one of them fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], metavar="NN", help="the numbers of cases")
    parser.add_argument("--show", action="store_true", help="print what the scripts print")
    arguments = parser.parse_args()
    if not CASES.is_dir():
        print(f"{CASES}: there are no cases here; nothing was run")
        return 0
    folders = [one for one in sorted(CASES.iterdir()) if one.name[:2] not in LEFT_OUT]
    if arguments.only:
        folders = [one for one in folders if one.name[:2] in arguments.only]
    failed = []
    with tempfile.TemporaryDirectory(prefix="cases-") as scratch:
        for folder in folders:
            began = time.monotonic()
            output = run_case(folder, Path(scratch))
            unmet = unmet_of(folder.name, output)
            said = "FAIL" if unmet else "pass"
            print(f"{said}  {folder.name}  ({time.monotonic() - began:.0f} s)", flush=True)
            for claim in unmet:
                print(f"      not so: {claim}")
            if arguments.show or unmet:
                print("".join(f"      | {line[:300]}\n" for line in output.splitlines()), end="")
            if unmet:
                failed.append(folder.name)
    print(f"{len(folders) - len(failed)} of {len(folders)} cases give what is expected")
    return 1 if failed else 0


def run_case(folder: Path, scratch: Path) -> str:
    """Run the script of a case in a copy of its folder; what it printed."""
    copy = scratch / folder.name
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("w", "mnt"))
    (copy / "docs").symlink_to(ROOT / "docs")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    script = copy / "run.sh"
    script.write_text(script.read_text().replace(PORT, port))
    binaries = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}
    process = subprocess.Popen(
        ["bash", "run.sh"],
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        output += f"\nthe script was stopped after {TIMEOUT_S} s\n"
    for name in ("out", "err"):  # what the server itself said
        said = copy / "w" / name
        if said.exists():
            output += f"\n# w/{name}:\n{said.read_text(errors='replace')}"
    return output


def unmet_of(name: str, output: str) -> list[str]:
    """What of a case's expectations its output does not show."""
    check = CHECKS.get(name[:2])
    if check is None:
        return ["nothing checks this case; write a check in scripts/case_checks.py"]
    try:
        return [claim for claim, holds in check(output) if not holds]
    except (IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        return [f"the output has another form than the check expects: {error!r}"]


if __name__ == "__main__":
    sys.exit(main())
