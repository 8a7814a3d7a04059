"""Run the cases of ``../shared/cases`` and say which of them give what is expected.

Each case is a folder with a script that prints what a server (``serving``) or a search on a table
(``automl``) does, and a text that says what it ought to do. What of that a program can see is in
``case_checks.py`` and ``case_checks_automl.py``. Cases run one after the other in copies of their
folders, servers on a port that is free. Where there are no cases, this says so and is done.
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

import case_checks
import case_checks_automl

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT.parent / "shared" / "cases"
SCRIPTS = {"serving": "run.sh", "automl": "cmd.sh"}
"""The script of a case, by its kind."""
CHECKS = {"serving": case_checks.CHECKS, "automl": case_checks_automl.CHECKS}
LEFT_OUT = {f"serving/{number}" for number in case_checks.LEFT_OUT}
PORT = "8291"
"""The port in the scripts."""
TIMEOUT_S = 180


def main() -> int:
    """Run the cases that were asked for; 1 if one of them fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only",
        nargs="*",
        default=[],
        metavar="CASE",
        help="automl or serving, a number such as 08, or both as automl/08",
    )
    parser.add_argument("--show", action="store_true", help="print what the scripts print")
    arguments = parser.parse_args()
    if not CASES.is_dir():
        print(f"{CASES}: there are no cases here; nothing was run")
        return 0
    folders = [one for one in cases() if not arguments.only or names_of(one) & {*arguments.only}]
    failed = []
    with tempfile.TemporaryDirectory(prefix="cases-") as scratch:
        for folder in folders:
            began = time.monotonic()
            output = run_case(folder, Path(scratch))
            unmet = unmet_of(folder, output)
            said = "FAIL" if unmet else "pass"
            name = f"{folder.parent.name}/{folder.name}"
            print(f"{said}  {name}  ({time.monotonic() - began:.0f} s)", flush=True)
            for claim in unmet:
                print(f"      not so: {claim}")
            if arguments.show or unmet:
                print("".join(f"      | {line[:300]}\n" for line in output.splitlines()), end="")
            if unmet:
                failed.append(name)
    print(f"{len(folders) - len(failed)} of {len(folders)} cases give what is expected")
    return 1 if failed else 0


def cases() -> list[Path]:
    """The folders of all cases that are not left out."""
    folders = [folder for kind in SCRIPTS for folder in sorted((CASES / kind).glob("*/"))]
    return [folder for folder in folders if not names_of(folder) & LEFT_OUT]


def names_of(folder: Path) -> set[str]:
    """What a case may be called: by its kind, its number, or both."""
    kind, number = folder.parent.name, folder.name[:2]
    return {kind, number, f"{kind}/{number}"}


def run_case(folder: Path, scratch: Path) -> str:
    """Run the script of a case in a copy of its folder; what it printed."""
    copy = scratch / folder.parent.name / folder.name
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("w", "mnt"))
    (copy / "docs").symlink_to(ROOT / "docs")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    script = copy / SCRIPTS[folder.parent.name]
    text = script.read_text().replace(PORT, port)
    if folder.parent.name == "automl":
        text += "\n" + case_checks_automl.PROBES.get(folder.name[:2], "")
    script.write_text(text)
    binaries = Path(sys.executable).parent
    path = f"{binaries}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "500"}  # so that lines are not wrapped
    process = subprocess.Popen(
        ["bash", script.name],
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


def unmet_of(folder: Path, output: str) -> list[str]:
    """What of a case's expectations its output does not show."""
    check = CHECKS[folder.parent.name].get(folder.name[:2])
    if check is None:
        return [f"nothing checks this case; write a check in scripts/{module_of(folder)}"]
    try:
        return [claim for claim, holds in check(output) if not holds]
    except (IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        return [f"the output has another form than the check expects: {error!r}"]


def module_of(folder: Path) -> str:
    """The file with the checks of a kind of cases."""
    return "case_checks.py" if folder.parent.name == "serving" else "case_checks_automl.py"


if __name__ == "__main__":
    sys.exit(main())
