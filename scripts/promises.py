"""Break the line that holds each promise, in a copy of the tree, and see that a test notices.

``tests/promises.toml`` lists what README, docs and docstrings promise: the sentence, the line of
code that holds it, a broken form of that line, and the tests that must fail then. First those tests
run as everything is, and must pass; then one line at a time is broken. Copies take part after part,
two at once.
Invariant: the checkout itself is never changed, and a promise counts as held only where tests that
pass as everything is failed.
"""

import argparse
import ast
import fcntl
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "promises.toml"
COPIES = ROOT / ".promises"
COPIED = ("src", "tests", "benchmarks", "examples", "docs", "pyproject.toml", "README.md")
LONGEST_S = 600.0
"""For one promise, its kernels' compilation included; tests that run for longer are no answer."""
_TESTS_FAILED = 1
"""What pytest exits with where it ran and a test failed; anything else is another trouble."""


@dataclass(frozen=True)
class Promise:
    """One entry of the list. ``line`` stands once in ``file``; ``tests`` are pytest's ids."""

    id: str
    part: str
    says: str
    where: str
    file: str
    line: str
    broken: str
    tests: tuple[str, ...]


def read_promises(path: Path = LIST) -> list[Promise]:
    """All promises, in the order of the list. Raises ValueError for an entry with other keys."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["promise"]
    known = {one.name for one in fields(Promise)}
    for entry in entries:
        if set(entry) != known:
            keys = ", ".join(sorted(known))
            raise ValueError(f"{path}: {entry.get('id')}: expected the keys {keys}")
    return [Promise(**entry | {"tests": tuple(entry["tests"])}) for entry in entries]


def faults_of(promise: Promise, root: Path = ROOT) -> list[str]:
    """What is wrong with an entry: a sentence, line or test that is not where it is said to be."""
    faults = []
    if _flat(promise.says) not in _flat((root / promise.where).read_text(encoding="utf-8")):
        faults.append(f'{promise.where} does not say "{promise.says}"')
    text = (root / promise.file).read_text(encoding="utf-8")
    if (count := text.count(promise.line)) != 1:
        faults.append(f"`line` stands {count} times in {promise.file}; expected once")
    elif promise.line == promise.broken:
        faults.append("`broken` is the line itself")
    elif promise.file.endswith(".py"):
        try:
            ast.parse(text.replace(promise.line, promise.broken))
        except SyntaxError as error:
            faults.append(f"`broken` is no Python: {error}")
    if not promise.tests:
        faults.append("no test is named")
    faults += [f"there is no test {test}" for test in promise.tests if not _exists(test, root)]
    return faults


def _flat(text: str) -> str:
    return " ".join(text.split())


def _exists(test: str, root: Path) -> bool:
    """Whether a file has a test of this name; values of parameters are not looked at."""
    path, _, name = test.partition("::")
    if not (root / path).is_file():
        return False
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    wanted = name.partition("[")[0].split("::")[-1]
    return any(isinstance(node, ast.FunctionDef) and node.name == wanted for node in ast.walk(tree))


class Copy:
    """A copy of the tree, in which one line at a time is broken. It belongs to one thread."""

    def __init__(self, number: int) -> None:
        self.root = COPIES / f"copy{number}"
        self._kernels = COPIES / f"kernels{number}"
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        skipped = shutil.ignore_patterns("__pycache__", ".*")
        for name in COPIED:  # with their times, by which machine code of an earlier run is found
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.root / name, ignore=skipped)
            else:
                shutil.copy2(ROOT / name, self.root / name)
        found = self._run(sys.executable, "-c", "import liverank; print(liverank.__file__)")
        if str(self.root) not in found.stdout:
            raise SystemExit(f"promises: not the copy, but {found.stdout or found.stderr} runs")

    def test(self, tests: Sequence[str], *, timeout_s: float = LONGEST_S) -> tuple[int | None, str]:
        """Run tests until one fails: pytest's exit code, None where time ran out, and its words."""
        # pytest's own limit of time would make a test fail that was only slow
        options = ("-x", "--timeout=0", "--durations=0", "-p", "no:cacheprovider")
        options += ("--hypothesis-profile=promises",)
        try:
            ended = self._run(sys.executable, "-m", "pytest", *options, *tests, timeout_s=timeout_s)
        except subprocess.TimeoutExpired:
            return None, f"nothing came of it in {timeout_s:.0f} s"
        return ended.returncode, ended.stdout + ended.stderr

    def test_broken(self, promise: Promise) -> tuple[int | None, str]:
        """The same for the tests of a promise while its line is broken."""
        file = self.root / promise.file
        whole, times = file.read_text(encoding="utf-8"), file.stat()
        kept = set(self._kernels.glob("*"))
        try:
            file.write_text(whole.replace(promise.line, promise.broken), encoding="utf-8")
            return self.test(promise.tests)
        finally:
            file.write_text(whole, encoding="utf-8")
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
            for folder in set(self._kernels.glob("*")) - kept:  # of a broken kernel
                shutil.rmtree(folder, ignore_errors=True)

    def _run(
        self, *command: str, timeout_s: float = LONGEST_S
    ) -> "subprocess.CompletedProcess[str]":
        path = {"PYTHONPATH": str(self.root / "src"), "LIVERANK_CACHE": str(self._kernels)}
        return subprocess.run(
            command,
            cwd=self.root,
            env=os.environ | path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )


class Trial:
    """Breaks promises in several copies at once, and tells of each as it ends."""

    def __init__(self) -> None:
        self.held: list[Promise] = []
        self.lived: list[Promise] = []
        self.unclear: list[Promise] = []
        """Those whose tests did not run, or fail as it is."""
        self._telling = threading.Lock()

    def run(self, parts: Sequence[Sequence[Promise]], copies: int) -> None:
        """Break them, each part in one copy, so that its kernels are compiled once."""
        waiting: queue.SimpleQueue[Sequence[Promise]] = queue.SimpleQueue()
        for part in parts:
            waiting.put(part)
        threads = [
            threading.Thread(target=self._work, args=(Copy(number), waiting), daemon=True)
            for number in range(1, min(copies, len(parts)) + 1)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, copy: Copy, waiting: "queue.SimpleQueue[Sequence[Promise]]") -> None:
        while True:
            try:
                part = waiting.get_nowait()
            except queue.Empty:
                return
            self._break_all(copy, part)

    def _break_all(self, copy: Copy, part: Sequence[Promise]) -> None:
        tests = list(dict.fromkeys(test for promise in part for test in promise.tests))
        began = time.monotonic()
        code, _ = copy.test(tests, timeout_s=2 * LONGEST_S)
        do_pass = code == 0
        what = f"{len(tests)} tests" + (" pass" if do_pass else ", not all of which pass")
        self._tell(f"{part[0].part:10} {what:48} {time.monotonic() - began:5.0f} s  as it is")
        for promise in part:
            began = time.monotonic()
            code, words = (0, "") if do_pass else copy.test(promise.tests)
            if code == 0:
                code, words = copy.test_broken(promise)
            else:
                code, words = None, f"the tests fail as it is\n{words}"
            if code == _TESTS_FAILED:
                word, ones = "held", self.held
            elif code == 0:
                word, ones = "LIVED", self.lived
            else:
                word, ones = f"UNCLEAR (exit code {code})\n{words[-2000:]}", self.unclear
            ones.append(promise)
            took_s = time.monotonic() - began
            self._tell(f"{promise.part:10} {promise.id:48} {took_s:5.0f} s  {word}")

    def _tell(self, line: str) -> None:
        with self._telling:
            print(line, flush=True)


def parts_of(promises: Sequence[Promise]) -> list[list[Promise]]:
    """The promises of each part, the longest list first."""
    parts: dict[str, list[Promise]] = {}
    for promise in promises:
        parts.setdefault(promise.part, []).append(promise)
    return sorted(parts.values(), key=len, reverse=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Break the promises; returns 0 where each was held by a test, else 1, and 2 for bad usage."""
    promises = read_promises()
    parts = sorted({promise.part for promise in promises})
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="PART", help=f"one of {', '.join(parts)}, or an id")
    parser.add_argument("--copies", type=int, default=2, help="copies at work at once; 2")
    arguments = parser.parse_args(argv)
    if arguments.only is not None:
        promises = [one for one in promises if arguments.only in (one.part, one.id)]
        if not promises:
            parser.error(f"--only {arguments.only}: expected an id, or one of {', '.join(parts)}")
    faults = [f"{one.id}: {fault}" for one in promises for fault in faults_of(one)]
    if faults:
        print("\n".join(faults), file=sys.stderr)
        return 1
    began = time.monotonic()
    COPIES.mkdir(exist_ok=True)
    trial = Trial()
    with (COPIES / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("promises: another run is at work in this checkout; wait for it", file=sys.stderr)
            return 1
        trial.run(parts_of(promises), arguments.copies)
    for promise in trial.lived:
        print(f'{promise.id} lived: "{promise.says}" ({promise.where}) is held by no test')
    minutes = (time.monotonic() - began) / 60
    spent = os.times()
    cpu_minutes = (spent.children_user + spent.children_system) / 60
    print(
        f"{len(promises)} promises: {len(trial.held)} held by a test, {len(trial.lived)} lived, "
        f"{len(trial.unclear)} unclear; {minutes:.1f} minutes, {cpu_minutes:.1f} of processor time"
    )
    return 0 if len(trial.held) == len(promises) else 1


if __name__ == "__main__":
    raise SystemExit(main())
