"""``compiled``: compiles kernels, and caches their machine code on disk.

numba's own on-disk cache notices a change in a kernel's file, but not in the files of the kernels
that it calls. Here each module's machine code is stored in a folder named after a fingerprint of
the module and of all that it imports, so stale machine code never runs after an upgrade or an edit,
and only kernels that depend on the change are recompiled.

The cache is the first of these directories that is writable or already holds machine code of these
sources: that of LIVERANK_CACHE (or else NUMBA_CACHE_DIR), the package's own ``__pycache__``, the
user's cache, and a directory of temporary files. Machine code in a read-only directory (such as an
image that was warmed up when it was built) is linked into a temporary one, because numba does not
read a cache that it cannot write. Invariants: kernels of other packages are cached as usual; where
no directory is writable nothing fails, but kernels are compiled at each start.
"""

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.registry import CPUDispatcher

from liverank.fingerprint import source_fingerprint

_P = ParamSpec("_P")
_T = TypeVar("_T")

CACHE_VARIABLE = "LIVERANK_CACHE"
"""Environment variable with the directory of the cache."""

_PACKAGE = Path(__file__).parent


def compiled(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Compile a function of arrays and scalars to machine code at its first call.

    The kernel releases the GIL, divides by zero as IEEE 754 defines, and never reorders or fuses
    floating-point operations: the same inputs give the same bits everywhere it is inlined.
    """
    kernel = numba.njit(nogil=True, error_model="numpy")(function)
    if _CACHE is not None and isinstance(kernel, CPUDispatcher):  # a function if JIT is disabled
        vars(kernel)["_cache"] = _KernelCache(function)  # type: ignore[no-untyped-call]  # numba's
    result: Callable[_P, _T] = kernel
    return result


def cache_folder() -> Path | None:
    """The directory where this process caches machine code; None if no directory is writable."""
    return _CACHE


@cache
def kernel_folder(file: str) -> str:
    """The folder name of a module's machine code: the module's name and its fingerprint.

    For a kernel of another package it is the name of the kernel's file alone.
    """
    name = file.removesuffix(".py")
    ours = f"{_PACKAGE}{os.sep}"
    name = name[len(ours) :].replace(os.sep, ".") if name.startswith(ours) else Path(name).name
    return f"{name}-{kernel_fingerprint(_PACKAGE, Path(file))}"


def kernel_fingerprint(package: Path, file: Path) -> str:
    """A digest that changes with the kernel's module, its imports, or the compiler."""
    sources = source_fingerprint(package, [file, package / "compiled.py"])
    return hashlib.sha256(f"{numba.__version__} {sources}".encode()).hexdigest()[:16]


class _KernelLocator(_CacheLocator):
    """Gives numba the folder of one function's machine code, and the fingerprint of its source."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        self._py_file = file  # numba names it in a warning
        self._folder = kernel_folder(file)
        self._line = function.__code__.co_firstlineno

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "_KernelLocator":
        return cls(py_func, py_file)

    def get_cache_path(self) -> str:
        return f"{_CACHE}{os.sep}{self._folder}"

    def get_source_stamp(self) -> str:
        return self._folder

    def get_disambiguator(self) -> str:
        return str(self._line)


class _KernelCacheImpl(CompileResultCacheImpl):
    _locator_classes: list[type[object]] = [_KernelLocator]  # noqa: RUF012  # as in numba


class _KernelCache(FunctionCache):
    """numba's cache of one function, in our own folder."""

    _impl_class = _KernelCacheImpl


def _cache_folder() -> Path | None:
    """The first usable directory, in the order of the module's docstring."""
    for parent in _parents():
        folder = parent / "kernels"
        if _is_writable(folder):
            return folder
        if (kernels := _kernels(folder)) and (linked := _linked(folder, kernels)):
            return linked
    temporary = _temporary()
    folder_there = None if temporary is None else temporary / "kernels"
    return folder_there if folder_there is not None and _is_writable(folder_there) else None


def _parents() -> Iterator[Path]:
    named = os.environ.get(CACHE_VARIABLE) or os.environ.get("NUMBA_CACHE_DIR")
    if named:
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
    """The files of machine code in a directory that were compiled from the current sources."""
    found: list[Path] = []
    with suppress(OSError):
        for path in sorted(folder.glob("*/*.nb[ic]")):
            name = path.parent.name
            source = _PACKAGE.joinpath(*name.rpartition("-")[0].split(".")).with_suffix(".py")
            if source.is_file() and kernel_folder(str(source)) == name:
                found.append(path)
    return found


def _linked(folder: Path, kernels: list[Path]) -> Path | None:
    """A temporary directory of links to these files, named after them; None if none is writable."""
    temporary = _temporary()
    if temporary is None:
        return None
    digest = hashlib.sha256(str(folder).encode(errors="surrogateescape"))
    try:
        for path in kernels:
            found = path.stat()
            digest.update(
                f"{path.relative_to(folder)} {found.st_size} {found.st_mtime_ns}".encode()
            )
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
    """A temporary directory that only this user can write, since code is loaded from it."""
    try:
        folder = Path(tempfile.gettempdir()) / f"liverank-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    is_ours = found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return folder if is_ours and stat.S_ISDIR(found.st_mode) else None


_CACHE = _cache_folder()
