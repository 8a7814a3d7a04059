"""``liverank warmup``: compile the kernels of a server in advance."""

import argparse
import time
from typing import Any

from rich.console import Console

from liverank.compiled import CACHE_VARIABLE, cache_folder
from liverank.errors import ServingError
from liverank.serving.processes.warm_all import compile_everything

HELP = "compile the kernels of a server into the cache, for instance while building an image"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments: there are none."""


def run(_arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Fill the cache, and print its folder, its size and the time taken.

    Raises ServingError if no folder can be written.
    """
    folder = cache_folder()
    if folder is None:
        raise ServingError(
            "machine code cannot be kept, because no folder can be written: not the package's, nor "
            f"the user's cache, nor the folder of temporary files; name one with {CACHE_VARIABLE}"
        )
    before = set(folder.rglob("*.nbc"))
    began = time.perf_counter()
    compile_everything()
    seconds = time.perf_counter() - began
    files = set(folder.rglob("*.nbc"))
    size = sum(path.stat().st_size for path in folder.rglob("*.nb[ic]"))
    added = len(files - before)
    console.print(
        f"The kernels of a server are in {folder}: {len(files)} files, {size / 1e6:,.1f} MB, "
        f"{added} of them compiled now; it took {seconds:.1f} s",
        soft_wrap=True,
    )
    return {
        "ok": True,
        "cache": str(folder),
        "files": len(files),
        "compiled": added,
        "bytes": size,
        "seconds": round(seconds, 3),
    }
