"""Where compiled kernels are kept, whatever a machine allows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from liverank import compiled

PACKAGE = Path(compiled.__file__).parent


SETTLED = "from liverank.compiled import cache_folder; print(cache_folder())"
SCORED = """
import numpy as np
from liverank.compiled import cache_folder
from liverank.models.sigmoid_kernel import sigmoid_kernel
sigmoid_kernel(np.zeros(1))
print(cache_folder(), sum(sigmoid_kernel.stats.cache_hits.values()))
"""


@pytest.fixture
def package(tmp_path) -> Path:
    """A copy of the package whose own folders cannot be written, for a child to import."""
    copy = tmp_path / "site" / "liverank"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "__pycache__").write_text("a file is where the folder would be")
    return copy


def child(package: Path, code: str, **environment: str) -> list[str]:
    """The words that a new process prints, which knows of these variables only."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(package.parent), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def folders(tmp_path: Path, *names: str) -> list[Path]:
    made = [tmp_path / name for name in names]
    for folder in made:
        folder.mkdir()
    return made


def test_the_cache_lies_where_the_variable_says_else_with_the_user_else_in_temporary_files(
    package, tmp_path
):
    named, home, spare = folders(tmp_path, "named", "home", "spare")
    everything = {"LIVERANK_CACHE": str(named), "HOME": str(home), "TMPDIR": str(spare)}
    for variable, place in (
        ("LIVERANK_CACHE", named),
        ("HOME", home / ".cache" / "liverank"),
        ("TMPDIR", spare / f"liverank-{os.getuid()}"),
    ):
        [told] = child(package, SETTLED, **everything)
        assert Path(told).parent == place
        everything.pop(variable)
        everything.setdefault("HOME", "/proc/none")


def test_a_uid_without_a_home_and_a_folder_that_is_none_are_no_reason_to_fail(package, tmp_path):
    (spare,) = folders(tmp_path, "spare")
    code = NOBODY + SETTLED
    [told] = child(package, code, TMPDIR=str(spare), LIVERANK_CACHE=str(package / "errors.py"))
    assert Path(told).is_relative_to(spare)


def test_kernels_of_a_folder_that_cannot_be_written_are_used_all_the_same(package, tmp_path):
    warmed, spare = folders(tmp_path, "warmed", "spare")
    place, hits = child(package, SCORED, LIVERANK_CACHE=str(warmed))
    assert hits == "0", "nothing was compiled before"
    code = UNWRITABLE.format(folder=warmed) + SCORED
    place, hits = child(package, code, LIVERANK_CACHE=str(warmed), TMPDIR=str(spare))
    assert Path(place).is_relative_to(spare)
    assert hits == "1", "the kernel was loaded and not compiled"


def test_a_temporary_folder_that_others_can_write_is_not_trusted(package, tmp_path):
    (spare,) = folders(tmp_path, "spare")
    shared = spare / f"liverank-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    [told] = child(package, SETTLED, TMPDIR=str(spare), HOME="/proc/none")
    assert told == "None"


def test_kernels_of_other_packages_are_cached_where_numba_puts_them(package, tmp_path):
    (named,) = folders(tmp_path, "named")
    code = "import liverank.models.sigmoid_kernel, numba; print(repr(numba.config.CACHE_DIR))"
    [told] = child(package, code, LIVERANK_CACHE=str(named))
    assert told == "''"


def test_an_edited_kernel_finds_no_machine_code_of_the_old_one(package, tmp_path):
    (named,) = folders(tmp_path, "named")
    assert child(package, SCORED, LIVERANK_CACHE=str(named))[1] == "0"
    edited = package / "models" / "sigmoid_kernel.py"
    edited.write_text(edited.read_text() + "\nADDED = 1\n")
    assert child(package, SCORED, LIVERANK_CACHE=str(named))[1] == "0"
    assert child(package, SCORED, LIVERANK_CACHE=str(named))[1] == "1"


UNWRITABLE = """
import tempfile
really = tempfile.TemporaryFile
def refuse(*arguments, dir=None, **more):
    if str(dir).startswith("{folder}"):
        raise OSError(30, "Read-only file system")
    return really(*arguments, dir=dir, **more)
tempfile.TemporaryFile = refuse
"""
"""A mount that is read-only, also for root, who runs the tests in a container."""

NOBODY = """
import pwd
def getpwuid(uid):
    raise KeyError(uid)
pwd.getpwuid = getpwuid
"""
"""A uid that the system knows nothing of, as containers get it."""
