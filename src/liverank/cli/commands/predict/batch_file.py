"""Collects predictions batch by batch on disk, and writes them as one file.

Classes and the columns that are carried over get the type that they came in: a CSV file keeps
their text as it is, and a Parquet file has numbers and booleans where all the text is.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from liverank.automl.profile.class_values import with_class_type
from liverank.bundle.table_bundle import TableBundle
from liverank.cli.commands.predict.score import class_type_of
from liverank.errors import BundleError
from liverank.values.words import UNKNOWN

_WHOLE = r"^(?:0|-?[1-9]\d*)$"
_NUMBER = r"^-?(?:0|[1-9]\d{0,14})(?:\.\d+)?$"
"""Numbers that lose nothing as float64; leading zeros are those of codes."""
_BOOLEAN = r"^(?i:true|false)$"


class BatchFile:
    """Predictions on disk, one file a batch, joined at the end with little memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[Path] = []

    def add(self, predictions: pl.DataFrame) -> None:
        """Write a batch to disk. Raises OSError."""
        self._files.append(self._folder / f"{len(self._files)}.parquet")
        predictions.write_parquet(self._files[-1])

    def join(self, out: Path, bundle: TableBundle, texts: Sequence[str]) -> None:
        """Join all batches into a file, which appears complete or not at all.

        ``texts`` are columns that were read as text from a delimited file. Raises OSError, and
        BundleError for a column that a CSV file cannot hold.
        """
        whole = pl.scan_parquet(self._files, glob=False)
        draft = self._folder / f"whole{out.suffix}"
        class_type = class_type_of(bundle)
        is_csv = out.suffix == ".csv"
        if bundle.classes and (class_type == "number" or not is_csv):
            typed = with_class_type(pl.col("class"), bundle.classes, class_type)
            whole = whole.with_columns(typed)
        if is_csv:
            _check_flat(out, whole.collect_schema())
            whole.sink_csv(draft)
        else:
            whole.with_columns(_as_read(whole, texts)).sink_parquet(draft)
        draft.replace(out)


def _check_flat(out: Path, schema: pl.Schema) -> None:
    for name, dtype in schema.items():
        if dtype.is_nested() or dtype == pl.Binary:
            raise BundleError(
                f"{out}: column `{name}` is {dtype}, which CSV cannot hold; give --out a name in "
                ".parquet, or keep other columns"
            )


def _as_read(stored: pl.LazyFrame, names: Sequence[str]) -> list[pl.Expr]:
    """The columns of text with the type that all their known values have."""
    if not names:
        return []
    text = {name: pl.col(name).str.strip_chars() for name in names}
    known = {
        name: each.filter(~each.str.to_lowercase().is_in(list(UNKNOWN)))
        for name, each in text.items()
    }
    checks = [
        check.alias(f"{number} {kind}")
        for number, each in enumerate(known.values())
        for kind, check in (
            ("known", each.count() > 0),
            ("whole", each.str.contains(_WHOLE).all()),
            ("number", each.str.contains(_NUMBER).all()),
            ("boolean", each.str.contains(_BOOLEAN).all()),
            ("i64", each.cast(pl.Int64, strict=False).is_not_null().all()),
            ("u64", each.cast(pl.UInt64, strict=False).is_not_null().all()),
        )
    ]
    found = stored.select(checks).collect(engine="streaming").row(0, named=True)
    typed = []
    for number, (name, each) in enumerate(text.items()):
        has = {kind: found[f"{number} {kind}"] for kind in ("whole", "number", "boolean")}
        if not found[f"{number} known"]:
            continue
        if has["whole"] and found[f"{number} i64"]:
            typed.append(each.cast(pl.Int64, strict=False).alias(name))
        elif has["whole"] and found[f"{number} u64"]:
            typed.append(each.cast(pl.UInt64, strict=False).alias(name))
        elif has["number"]:
            typed.append(each.cast(pl.Float64, strict=False).alias(name))
        elif has["boolean"]:
            lower = each.str.to_lowercase()
            flag = pl.when(lower == "true").then(True).when(lower == "false").then(False)
            typed.append(flag.alias(name))
    return typed
