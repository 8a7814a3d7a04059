"""``compiled``: the one way kernels are compiled and cached.

numba's own on-disk cache notices a change in a kernel's file, but not in the files of the kernels
that it calls. Here the cache's folder is named after a fingerprint of all kernel sources, so an
upgrade or an edit can never run stale machine code.

The folder lies in the first of these places that can be written, or holds kernels already: the one
that LIVERANK_CACHE names, the package's own ``__pycache__``, the user's cache, and a folder of
temporary files. Kernels of a folder that cannot be written (an image that was warmed up while it
was built) are linked into a temporary one, because numba reads none that it could not write.
Invariant: nothing here fails for want of a place; without one, kernels are compiled at each start.
"""

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

import numba

_P = ParamSpec("_P")
_T = TypeVar("_T")

CACHE_VARIABLE = "LIVERANK_CACHE"
"""The environment variable that names the folder of the cache."""

_PACKAGE = Path(__file__).parent
_COMPILED_IN = ("compiled.py", "layout.py", "compiler.py", "event_arrays.py", "constants.py")
"""Files beside the kernels' own whose options and constants are compiled into them."""


def compiled(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Compile a function of arrays and scalars to machine code at its first call.

    The kernel releases the GIL, divides by zero as IEEE 754 says, and never reorders or fuses
    floating-point operations: the same inputs give the same bits everywhere it is inlined.
    """
    decorate = numba.njit(cache=_CACHE is not None, nogil=True, error_model="numpy")
    result: Callable[_P, _T] = decorate(function)
    return result


def cache_folder() -> Path | None:
    """Where machine code is kept by this process, or None where no folder can be written."""
    return _CACHE


def kernels_fingerprint() -> str:
    """Another one whenever the source of a kernel, or the compiler, is another."""
    return _fingerprint(_PACKAGE)


def _fingerprint(package: Path) -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(package.rglob("*.py")):
        if "kernel" in str(path.relative_to(package)) or path.name in _COMPILED_IN:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path | None:
    """The first folder that can be used; see above."""
    name = f"kernels-{_fingerprint(_PACKAGE)}"
    for parent in _places():
        folder = parent / name
        if _is_writable(folder):
            return folder
        if (kernels := _kernels(folder)) and (linked := _linked(folder, kernels)):
            return linked
    temporary = _temporary()
    return temporary / name if temporary is not None and _is_writable(temporary / name) else None


def _places() -> Iterator[Path]:
    if named := os.environ.get(CACHE_VARIABLE):
        yield Path(named).absolute()
    yield _PACKAGE / "__pycache__"
    if home := os.environ.get("XDG_CACHE_HOME"):
        yield Path(home) / "liverank"
    else:
        with suppress(RuntimeError):  # a uid without an entry and without HOME
            yield Path.home() / ".cache" / "liverank"


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # a mount may be read-only all the same
    except OSError:
        return False
    return True


def _kernels(folder: Path) -> list[Path]:
    """The files of compiled kernels in a folder."""
    with suppress(OSError):
        return sorted(folder.glob("*/*.nb[ic]"))
    return []


def _linked(folder: Path, kernels: list[Path]) -> Path | None:
    """A temporary folder with links to these kernels, named after what they are; None for none."""
    temporary = _temporary()
    if temporary is None:
        return None
    digest = hashlib.sha256(str(folder).encode(errors="surrogateescape"))
    try:
        for path in kernels:
            found = path.stat()
            digest.update(f"{path.name} {found.st_size} {found.st_mtime_ns}".encode())
        links = temporary / f"{folder.name}-{digest.hexdigest()[:16]}"
        for path in kernels:
            link = links / path.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                link.symlink_to(path)
    except OSError:
        return None
    return links if _is_writable(links) else None


def _temporary() -> Path | None:
    """A folder of temporary files that nobody else can write, since code is loaded from it."""
    try:
        folder = Path(tempfile.gettempdir()) / f"liverank-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    is_ours = found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return folder if is_ours and stat.S_ISDIR(found.st_mode) else None


def _settled_cache() -> Path | None:
    """The folder, told to numba; one that NUMBA_CACHE_DIR names is numba's own business."""
    if not os.environ.get(CACHE_VARIABLE) and (named := os.environ.get("NUMBA_CACHE_DIR")):
        return Path(named)
    folder = _cache_folder()
    numba.config.CACHE_DIR = "" if folder is None else str(folder)  # type: ignore[attr-defined]  # made by numba
    return folder


_CACHE = _settled_cache()
