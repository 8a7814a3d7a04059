"""Kernels are never run from machine code of another source."""

import ast
import shutil
from functools import cache
from pathlib import Path

import pytest

from liverank import compiled
from liverank.fingerprint import imported_files

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


@cache
def imported_by(file: Path) -> set[Path]:
    """The files of the package that a file imports by name, as Python's parser sees it."""
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, "fingerprints follow absolute imports"
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    ours = [Path(*name.split(".")[1:]) for name in names if name.split(".")[0] == "liverank"]
    candidates = {path.with_suffix(".py") for path in ours if path.name}
    candidates |= {path / "__init__.py" for path in ours}
    return {path for path in candidates if (PACKAGE / path).is_file()}


def all_imported_by(file: Path) -> set[Path]:
    reached: set[Path] = set()
    waiting = {file}
    while waiting:
        path = waiting.pop()
        reached.add(path)
        waiting |= imported_by(path) - reached
    return reached


def edit(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")


def fingerprint(package: Path, file: Path) -> str:
    """The fingerprint that a new process computes."""
    forget()
    return compiled.kernel_fingerprint(package, package / file)


def forget() -> None:
    from liverank import fingerprint

    for function in (fingerprint._digest, fingerprint._imports, fingerprint._files_of):
        function.cache_clear()


def test_there_are_kernels_to_look_at():
    assert Path("features/kernels/fold/fold.py") in kernel_files()


@pytest.mark.parametrize("file", kernel_files(), ids=str)
def test_a_kernel_is_fingerprinted_with_exactly_what_its_module_imports(file):
    found = {Path(path).relative_to(PACKAGE) for path in imported_files(PACKAGE, [PACKAGE / file])}
    assert found == all_imported_by(file)
    assert Path("compiled.py") in found, "the options that it is compiled with"


def test_the_files_of_all_kernels_are_kept_under_their_fingerprints():
    from liverank.features.kernels.memory.bitset import groups_of

    file = Path("features/kernels/memory/bitset.py")
    folder = Path(groups_of._cache.cache_path)
    assert folder.parent == compiled.cache_folder()
    assert folder.name == f"features.kernels.memory.bitset-{fingerprint(PACKAGE, file)}"


def test_a_changed_constant_that_a_kernel_imports_changes_its_fingerprint(package):
    kernel = Path("features/kernels/fold/history.py")
    before = fingerprint(package, kernel)
    constants = package / "features" / "layout" / "constants.py"
    source = constants.read_text(encoding="utf-8")
    assert "MAX_ELEMENTS = 8" in source
    constants.write_text(source.replace("MAX_ELEMENTS = 8", "MAX_ELEMENTS = 9"), encoding="utf-8")
    assert fingerprint(package, kernel) != before


def test_an_edit_of_what_a_kernel_imports_at_second_hand_changes_its_fingerprint(package):
    kernel = Path("features/kernels/replay.py")
    before = fingerprint(package, kernel)
    edit(package / "features" / "kernels" / "memory" / "bitset.py")
    assert fingerprint(package, kernel) != before


def test_an_edit_of_anything_else_keeps_the_machine_code(package):
    kernel = Path("features/kernels/fold/history.py")
    before = fingerprint(package, kernel)
    for other in ("cli/project/paths.py", "features/compiler.py", "features/layout/layout.py"):
        edit(package / other)
    edit(package / "features" / "kernels" / "read" / "read.py")
    assert fingerprint(package, kernel) == before


def test_kernels_import_only_kernels_and_constants():
    for file in kernel_files():
        if file.parts[0] != "features":
            continue
        for path in all_imported_by(file) - set(kernel_files()):
            is_constants = not imported_by(path) and "def " not in (PACKAGE / path).read_text()
            assert is_constants or path.name in ("compiled.py", "fingerprint.py"), (file, path)


def test_a_copy_elsewhere_has_the_same_fingerprint(package):
    kernel = Path("features/kernels/fold/fold.py")
    assert fingerprint(package, kernel) == fingerprint(PACKAGE, kernel)
