"""``compiled``: the one way kernels are compiled and cached.

numba's own on-disk cache notices a change in a kernel's file, but not in the files of the kernels
that it calls. Here the cache's folder is named after a fingerprint of all kernel sources, so an
upgrade or an edit can never run stale machine code.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import numba

_P = ParamSpec("_P")
_T = TypeVar("_T")

_PACKAGE = Path(__file__).parent
_COMPILED_IN = ("compiled.py", "layout.py", "instructions.py", "stream.py")
"""Files beside the kernels' own whose options and constants are compiled into them."""


def compiled(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Compile a function of arrays and scalars to machine code at its first call.

    The kernel releases the GIL, divides by zero as IEEE 754 says, and never reorders or fuses
    floating-point operations: the same inputs give the same bits everywhere it is inlined.
    """
    result: Callable[_P, _T] = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    return result


def kernels_fingerprint() -> str:
    """Another one whenever the source of a kernel, or the compiler, is another."""
    return _fingerprint(_PACKAGE)


def _fingerprint(package: Path) -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(package.rglob("*.py")):
        if "kernel" in str(path.relative_to(package)) or path.name in _COMPILED_IN:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    """The package's own ``__pycache__`` where that can be written, else the user's cache."""
    name = f"kernels-{_fingerprint(_PACKAGE)}"
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    for parent in (_PACKAGE / "__pycache__", Path(home) / "liverank"):
        try:
            (parent / name).mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(parent / name, os.W_OK):
            return parent / name
    return Path(tempfile.gettempdir()) / f"liverank-{os.getuid()}" / name


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]  # made by numba
