"""``liverank predict``: apply a bundle of ``liverank automl`` to the rows of a table."""

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
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
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write: .parquet or .csv")
    parser.add_argument(
        "--attributions", action="store_true", help="add each column's part in the prediction"
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COL",
        help="carry over a column, such as an id; may be given again",
    )
    parser.add_argument(
        "--score",
        action="store_true",
        help="the rows hold the target: compare the figures with those that the report claims",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write the bundle's report with these figures in it: .html",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Predict batch by batch, and join the batches into one file."""
    from liverank.automl.data.read_table import read_batches
    from liverank.automl.report.later_rows import LaterScore
    from liverank.bundle.table_bundle import load_table_bundle
    from liverank.cli.commands.predict.batch_file import BatchFile
    from liverank.cli.commands.predict.batches import BatchPredictor, columns_of_plain_numbers
    from liverank.cli.commands.predict.score import report_of, show_later
    from liverank.tables.table_file import TableFile

    started_s = time.monotonic()
    out: Path | None = arguments.out
    _check_files(arguments)
    bundle = load_table_bundle(arguments.bundle)
    file = TableFile(arguments.data)
    predictor = BatchPredictor(bundle, keep=arguments.keep, attributions=arguments.attributions)
    report = report_of(bundle) if arguments.score else None
    score = None if report is None else LaterScore(report, bundle.predictor.link)
    rows, decimals = 0, columns_of_plain_numbers(bundle, report)
    folder = Path(tempfile.mkdtemp(prefix=".draft-", dir=None if out is None else out.parent))
    batches = BatchFile(folder)
    try:
        with console.status("predicting") as status:
            for batch in read_batches(file, decimals=decimals):
                predictions, margins = predictor.predict(batch, arguments.data)
                if out is not None:
                    batches.add(predictions)
                if score is not None:
                    score.add(batch, margins)
                rows += batch.height
                status.update(f"predicting, {rows:,} rows so far")
        if not rows:
            raise BundleError(f"{arguments.data}: has a header and no rows")
        if out is not None:
            batches.join(out, bundle, () if file.dialect is None else predictor.kept)
    except OSError as error:
        raise BundleError(
            f"{out}: cannot be written: {error.strerror or error}; "
            "free some space, or choose another --out"
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result: dict[str, Any] = {
        "rows": rows,
        "target": bundle.target,
        "classes": list(bundle.classes),
        "positive": bundle.classes[1] if bundle.predictor.link == "sigmoid" else None,
        "columns": predictor.columns,
        "out": None if out is None else str(out),
    }
    later, misread = predictor.later, predictor.later.warnings()
    if score is not None and report is not None:
        result["score"] = show_later(arguments.report, report, score, console, misread=misread)
        misread = result["score"].pop("warnings")
    result |= _show_notes([*file.notes, *later.notes()], [*misread, *file.warnings], console)
    result["seconds"] = round(time.monotonic() - started_s, 3)
    _show_end(result, console)
    return result


def _show_end(result: dict[str, Any], console: Console) -> None:
    out, positive = result["out"], result["positive"]
    where = "" if out is None else f": {out}"
    if positive is not None and out is not None:
        console.print(escape(f'`probability` is that of "{positive}"'))
    shown = f"{result['rows']:,} rows of {result['target']} in {result['seconds']:.1f} s"
    console.print(escape(f"{shown}{where}"))


def _show_notes(
    notes: Sequence[str], warnings: Sequence[str], console: Console
) -> dict[str, list[str]]:
    """Print what is odd about the rows; return it for ``--json``."""
    for warning in warnings:
        console.print(f"[yellow]Warning:[/yellow] {escape(warning)}")
    for note in notes:
        console.print(f"Note: {escape(note)}")
    return {"notes": list(notes), "warnings": list(warnings)}


def _check_files(arguments: argparse.Namespace) -> None:
    """Raise BundleError, before any work, for a file that could not be written."""
    out, page = arguments.out, arguments.report
    if out is None and not arguments.score:
        raise BundleError("name a file for the predictions with --out, or ask for --score, or both")
    if page is not None and not arguments.score:
        raise BundleError("--report writes what --score measures: give --score too")
    if page is not None and page.suffix != ".html":
        raise BundleError(f"{page}: a report goes to a file in .html; name one with --report")
    if out is not None and out.suffix not in _SUFFIXES:
        raise BundleError(f"{out}: predictions go to a .parquet or .csv file; name one with --out")
    for file in (out, page):
        if file is not None and not file.parent.is_dir():
            raise BundleError(f"{file}: its folder does not exist; make it, or choose another file")
        if file is not None and file.is_dir():
            raise BundleError(f"{file}: is a folder; name a file")
