"""``source_fingerprint``: a digest of modules and of all that they import from their package.

Machine code and snapshots are valid only for the sources that produced them. These sources are
found by import statements, so a moved or a new file cannot be missed. Invariant: the
fingerprint depends on the text of these files and on their paths within the package alone.
"""

import hashlib
import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<module>[\w.]+)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n]*)"
    r"|import[ \t]+(?P<modules>[^\n]*))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*")


def source_fingerprint(package: Path, files: Iterable[Path]) -> str:
    """16 hex digits that change whenever one of these files, or a module it imports, changes.

    ``package`` is the directory of a package whose modules import each other by absolute names. An
    import counts anywhere in a file, also within a function; modules of other packages do not
    count. A process reads each file once.
    """
    digest = hashlib.sha256()
    for path in sorted(imported_files(package, files)):
        digest.update(f"{path.removeprefix(str(package))} {_digest(path)}\n".encode())
    return digest.hexdigest()[:16]


def imported_files(package: Path, files: Iterable[Path]) -> set[str]:
    """The paths of these files and of all files of the package that they import, transitively."""
    reached: set[str] = set()
    waiting = [str(path) for path in files]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += _imports(str(package), path)
    return reached


@cache
def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


@cache
def _imports(package: str, path: str) -> list[str]:
    """The files of the package that one file names in its import statements."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    files: list[str] = []
    for found in _IMPORT.finditer(text):
        if module := found["module"]:
            files += _files_of(package, module)
            if not _is_plain_module(package, module):
                names = re.findall(r"\w+", _COMMENT.sub("", found["names"]))
                for name in names:
                    files += _files_of(package, f"{module}.{name}")
        else:
            for listed in _COMMENT.sub("", found["modules"]).split(","):
                files += _files_of(package, listed.strip().partition(" ")[0])
    return files


@cache
def _files_of(package: str, name: str) -> list[str]:
    """The file of a module by its full name, if the package has it."""
    path = _path_of(package, name)
    candidates = () if path is None else (f"{path}.py", f"{path}/__init__.py")
    return [file for file in candidates if os.path.isfile(file)]


@cache
def _is_plain_module(package: str, name: str) -> bool:
    """Whether a name is of another package or of a file, and so contains no modules."""
    path = _path_of(package, name)
    return path is None or os.path.isfile(f"{path}.py")


def _path_of(package: str, name: str) -> str | None:
    """The path of a module of the package, without ``.py``; None for other packages."""
    first, _, rest = name.partition(".")
    if first != os.path.basename(package):
        return None
    return os.path.join(package, *rest.split(".")) if rest else package
