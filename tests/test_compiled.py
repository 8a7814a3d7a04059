"""Kernels are never run from machine code of another source."""

import ast
import shutil
from pathlib import Path

import pytest

from liverank import compiled

PACKAGE = Path(compiled.__file__).parent


@pytest.fixture
def package(tmp_path) -> Path:
    """A copy of the package's sources, to edit."""
    copy = tmp_path / "liverank"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def kernel_files() -> list[Path]:
    """The files whose functions are compiled."""
    return [
        path.relative_to(PACKAGE)
        for path in sorted(PACKAGE.rglob("*.py"))
        if "\n@compiled\n" in path.read_text(encoding="utf-8")
    ]


def imported_by(file: Path) -> set[Path]:
    """The files of the package that a file imports by name."""
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    candidates = {Path(*name.split(".")[1:]).with_suffix(".py") for name in names if "." in name}
    return {path for path in candidates if (PACKAGE / path).is_file()} - RAISED


RAISED = {Path("errors.py")}
"""Raised by the plain functions beside a kernel, compiled into none."""


def test_there_are_kernels_to_look_at():
    assert Path("features/kernels/fold/fold.py") in kernel_files()


@pytest.mark.parametrize("file", kernel_files(), ids=str)
def test_editing_a_kernel_or_what_it_imports_gives_another_folder(file, package):
    before = compiled._fingerprint(package)
    for path in sorted({file, *imported_by(file)}):
        source = (package / path).read_text(encoding="utf-8")
        (package / path).write_text(source + "\nADDED = 1\n", encoding="utf-8")
        after = compiled._fingerprint(package)
        assert after != before, f"{path}, which {file} is compiled with"
        before = after


def test_editing_anything_else_keeps_the_machine_code(package):
    before = compiled._fingerprint(package)
    (package / "cli" / "paths.py").write_text("EDITED = True\n", encoding="utf-8")
    assert compiled._fingerprint(package) == before


def test_a_copy_elsewhere_has_the_same_fingerprint(package):
    assert compiled._fingerprint(package) == compiled._fingerprint(PACKAGE)
