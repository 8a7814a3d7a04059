"""A week of bare clicks turned into rows to learn from: from the files to an array on disk.

Globo's 1.4 million clicks, each beside 19 other items that were clicked in the day before it, with
all features that the config of ``examples/globo`` derives. Rows are written chunk by chunk to one
``.npy`` file. Clicks of the first day only warm up the window.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from liverank.config import Config, load_config
from liverank.dataset.lists.implied import Choices
from liverank.dataset.lists.lists import Lists
from liverank.dataset.replay import replay
from liverank.events.frame import in_import_order
from liverank.events.schema.profile import profile_events
from liverank.events.schema.schema import resolve_schema
from liverank.events.sources.read_events import read_all
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.quantities import duration_ms
from measuring import memory

ROOT = Path(__file__).resolve().parent.parent
FRAME_EVENTS = 262_144
PER_LIST = 20


def main() -> None:
    """Build the rows once, after a small turn that compiles the kernels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the data"
    )
    parser.add_argument("--folder", type=Path, help="where to write the rows, 5 to 15 GB for all")
    parser.add_argument("--clicks", type=int, default=10**9, help="use only the first so many")
    arguments = parser.parse_args()
    clicks = arguments.data / "globo_news"
    if not clicks.is_dir():
        print(f"skipped: {clicks} is not there; --data names the folder of the data")
        return

    config = load_config(ROOT / "examples" / "globo" / "liverank.toml")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "rows.npy"
        build(clicks, config, path, first=20_000)
        with memory() as peak:
            figures = build(clicks, config, path, first=arguments.clicks)
        figures["file_gb"] = path.stat().st_size / 1e9
    figures |= {"peak_own_gb": peak.own / 1e9, "peak_resident_gb": peak.resident / 1e9}
    seconds = figures["seconds"]
    print(f"{figures['clicks']:,} clicks, {figures['lists']:,} lists, {figures['rows']:,} rows")
    print(f"{figures['features']} features, a file of {figures['file_gb']:.1f} GB")
    for step in seconds:
        print(f"{step:<32} {seconds[step]:>8.1f} s")
    print(f"{'own memory, at most':<32} {figures['peak_own_gb']:>8.2f} GB")
    print(f"{'with pages of mapped files':<32} {figures['peak_resident_gb']:>8.2f} GB")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def build(clicks: Path, config: Config, path: Path, *, first: int) -> dict[str, Any]:
    """Read, find candidates, replay and write; what came out, and the seconds of each step."""
    began = time.perf_counter()
    frame = in_import_order(read_all([clicks], config.sources)[0]).head(first)
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    read = time.perf_counter()
    profile = profile_events(frame.iter_slices(FRAME_EVENTS))
    spec = derive_spec(resolve_schema(config, profile), config)
    assert config.candidates is not None
    limit_ms = duration_ms(config.features.max_future)
    choices = Choices(config.candidates, max_future_ms=limit_ms)
    for part in frame.iter_slices(FRAME_EVENTS):
        choices.add(part)
    lists = choices.lists(
        spec.layout,
        from_ms=-np.inf,
        to_ms=np.inf,
        at_most=frame.height,
        per_list=PER_LIST,
        seed=config.training.seed,
    )
    found = time.perf_counter()
    write_rows(path, frame, spec, lists, config)
    done = time.perf_counter()
    return {
        "clicks": frame.height,
        "lists": len(lists),
        "rows": len(lists.labels),
        "features": len(spec.names),
        "seconds": {
            "read the file": read - began,
            "find the candidates": found - read,
            "replay and write the rows": done - found,
            "in all": done - began,
        },
    }


def write_rows(
    path: Path, frame: pl.DataFrame, spec: FeatureSpec, lists: Lists, config: Config
) -> None:
    """Write the rows' features as a ``.npy`` array, float32[rows, features], as they are read."""
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)),
        "fortran_order": False,
        "shape": (len(lists.labels), len(spec.names)),
    }
    with path.open("wb") as file:
        np.lib.format.write_array_header_2_0(file, header)
        for chunk in replay(
            frame.iter_slices(FRAME_EVENTS),
            spec,
            lists.reads,
            max_future_ms=duration_ms(config.features.max_future),
        ):
            chunk.features.tofile(file)


if __name__ == "__main__":
    main()
