"""``liverank predict``: what a bundle of ``liverank automl`` says of the rows of a table."""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from liverank.errors import BundleError

HELP = "predict the rows of a table by a bundle of `liverank automl`"

_SUFFIXES = (".parquet", ".csv")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="a bundle's directory")
    parser.add_argument("data", type=Path, metavar="DATA", help="CSV, TSV or Parquet, of any size")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where to write: .parquet or .csv"
    )
    parser.add_argument(
        "--attributions", action="store_true", help="add each column's part in the answer"
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COL",
        help="carry over a column, such as an id; may be given again",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Predict piece by piece, and put the pieces together."""
    import polars as pl

    from liverank.automl.table_batches import read_batches
    from liverank.bundle.table_bundle import load_table_bundle
    from liverank.cli.table_answers import Answering

    started = time.monotonic()
    out: Path = arguments.out
    if out.suffix not in _SUFFIXES:
        raise BundleError(f"{out}: answers go to a file in .parquet or .csv; name one with --out")
    if not out.parent.is_dir():
        raise BundleError(f"{out}: its folder does not exist; make it, or choose another --out")
    bundle = load_table_bundle(arguments.bundle)
    answering = Answering(bundle, keep=arguments.keep, attributions=arguments.attributions)
    rows = 0
    pieces: list[Path] = []
    folder = Path(tempfile.mkdtemp(prefix=".draft-", dir=out.parent))
    try:
        with console.status("predicting") as status:
            for batch in read_batches(arguments.data):
                pieces.append(folder / f"{len(pieces)}.parquet")
                answering.answer(batch, arguments.data).write_parquet(pieces[-1])
                rows += batch.height
                status.update(f"predicting, {rows:,} rows so far")
        if not pieces:
            raise BundleError(f"{arguments.data}: has a header and no rows")
        whole, draft = pl.scan_parquet(pieces, glob=False), folder / f"whole{out.suffix}"
        if out.suffix == ".csv":
            whole.sink_csv(draft)
        else:
            whole.sink_parquet(draft)
        draft.replace(out)
    except OSError as error:
        raise BundleError(f"{out}: cannot be written: {error.strerror}; free some space") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - started
    console.print(escape(f"{rows:,} rows of {bundle.target} in {seconds:.1f} s: {out}"))
    return {
        "rows": rows,
        "target": bundle.target,
        "classes": list(bundle.classes),
        "columns": answering.columns,
        "seconds": round(seconds, 3),
        "out": str(out),
    }
