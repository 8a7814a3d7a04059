"""A bundle of a table: one directory; reading it needs only NumPy, numba and msgspec.

    bundle.json  the manifest: version, target, columns, a SHA-256 of each other file
    model.npz    encoders, trees, weights, calibration
    golden.json  a few real rows, and the margins that the model gave them
    report.json  how the model was found; report.html and other files are for people

Invariant: a bundle that loads is the one that was saved, byte for byte, and its model gives the
golden rows the same margins, bit for bit, on this machine. Nothing is pickled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.bundle.files import (
    PackedBundle,
    decode_arrays,
    encode_arrays,
    read_file,
    read_files,
)
from liverank.bundle.manifest import (
    MANIFEST,
    REPAIR,
    TABLE_FILES,
    Manifest,
    decode_manifest,
    make_manifest,
)
from liverank.errors import BundleError, ServingError
from liverank.models.encoder.columns import Columns, Input, plain_numbers
from liverank.models.encoder.encoder import Encoder
from liverank.models.encoder.rows import read_rows
from liverank.models.json_array import decode_json, encode_json
from liverank.models.predictor import Predictor

_BATCH_ROWS = 50_000
"""Rows of a file that are read at a time."""


class _Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of golden.json: columns as arrays of values, and margins by row."""

    columns: dict[str, list[Any]]
    margins: list[list[float]]


@dataclass(frozen=True, eq=False)
class TableBundle:
    """A verified model of a table.

    ``documents`` holds its other files, such as report.json; ``golden`` holds a few real rows.
    """

    predictor: Predictor
    manifest: Manifest
    documents: dict[str, bytes]
    golden: Columns

    @property
    def version(self) -> str:
        """The name of the bundle: a short hash of its whole content."""
        return self.manifest.version

    @property
    def target(self) -> str:
        """The column that is predicted."""
        return self.manifest.label

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; of two, the second is the positive one. Empty for a regression."""
        return self.predictor.classes

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The columns that the model reads."""
        return _encoder(self.predictor).inputs

    def predict(self, rows: object) -> NDArray[np.float64]:
        """Predictions for rows; None is unknown, and other columns are ignored.

        ``rows`` are a dict with a list of values for each column, or with the values of one row; a
        list of such rows; a data frame of polars or pandas, an Arrow table, a structured array; or
        the path of a file, which needs polars. Returns float64[n], the probability of the second
        class or the value, or float64[n, k], the probability of each class. Raises ServingError for
        columns that are missing or of different lengths and for rows in no known form, and
        SourceError for a file that cannot be read.
        """
        if isinstance(rows, str | Path):
            return self._predict_file(Path(rows))
        return self.predictor.predict(read_rows(rows, self.inputs))

    def _predict_file(self, path: Path) -> NDArray[np.float64]:
        from liverank.tables.table_file import TableFile

        batches = TableFile(path).batches(_BATCH_ROWS, plain_numbers(self.inputs))
        predictions = [self.predictor.predict(read_rows(batch, self.inputs)) for batch in batches]
        if not predictions:
            raise ServingError(f"{path}: has a header and no rows")
        return np.concatenate(predictions)


def pack_table_bundle(
    *,
    predictor: Predictor,
    target: str,
    golden: Columns,
    report: bytes,
    documents: Mapping[str, bytes] | None = None,
    created_ms: int,
) -> PackedBundle:
    """Encode a model of a table as bytes.

    ``golden`` are the columns of one or more real rows; their margins are stored, and checked when
    the bundle is loaded. ``report`` is JSON. Raises BundleError when there are no rows.
    """
    encoder = _encoder(predictor)
    columns = {column.name: golden[column.name] for column in encoder.inputs}
    margins = predictor.margins(encoder.transform(columns))
    if len(margins) == 0:
        raise BundleError("a bundle needs one or more golden rows, got none")
    rows = _Golden({name: _listed(each) for name, each in columns.items()}, margins.tolist())
    files = {
        "model.npz": encode_arrays(predictor.to_arrays(), compressed=True),
        "golden.json": encode_json(rows, indent=2) + b"\n",
        "report.json": report,
        **(documents or {}),
    }
    manifest = make_manifest(files, features=tuple(columns), label=target, created_ms=created_ms)
    return PackedBundle(manifest, files)


def load_table_bundle(directory: Path | str) -> TableBundle:
    """Read and verify a model of a table.

    Raises BundleError, which names the file and what to do, when a file is missing, changed or of
    another format, or when the model does not reproduce its golden margins.

    >>> load_table_bundle(Path("no/such/bundle"))
    Traceback (most recent call last):
    liverank.errors.BundleError: no/such/bundle/bundle.json: cannot be read: No such file ...
    """
    directory = Path(directory)
    path = directory / MANIFEST
    manifest = decode_manifest(read_file(path), where=str(path), of_table=True)
    files = read_files(directory, manifest, manifest.files)
    try:
        predictor = Predictor.from_arrays(decode_arrays(files["model.npz"], "model.npz"))
        names = tuple(column.name for column in _encoder(predictor).inputs)
        if names != manifest.features:
            raise BundleError("model.npz: it does not read the columns that bundle.json names")
        golden = _check_golden(
            predictor, decode_json(files["golden.json"], _Golden, where="golden.json")
        )
    except BundleError as error:
        raise BundleError(f"{directory}: {error}; {REPAIR}") from None
    documents = {name: files[name] for name in files if name not in TABLE_FILES[:2]}
    return TableBundle(predictor, manifest, documents, golden)


def _check_golden(predictor: Predictor, golden: _Golden) -> Columns:
    """Return the golden columns once the model reproduces their margins. Raises BundleError."""
    encoder = _encoder(predictor)
    if set(golden.columns) != {column.name for column in encoder.inputs}:
        raise BundleError("golden.json: its columns are not those that the model reads")
    columns = {
        column.name: _array(column, golden.columns[column.name]) for column in encoder.inputs
    }
    try:
        margins = predictor.margins(encoder.transform(columns))
    except ServingError as error:
        raise BundleError(f"golden.json: {error}") from None
    if margins.tolist() != golden.margins or not golden.margins:
        raise BundleError(
            "golden.json: the model does not reproduce the margins of its golden rows here"
        )
    return columns


def _encoder(predictor: Predictor) -> Encoder:
    if predictor.encoder is None:
        raise BundleError("a model of a table reads columns, and this one has no encoder")
    return predictor.encoder


def _listed(values: NDArray[Any]) -> list[Any]:
    if values.dtype == object:
        return [list(v) if isinstance(v, tuple) else v for v in values]
    return [None if np.isnan(value) else value for value in values.tolist()]


def _array(column: Input, values: list[Any]) -> NDArray[Any]:
    """The opposite of ``_listed``; raises BundleError for values of another type."""
    if column.type in ("number", "boolean", "time"):
        if not all(value is None or isinstance(value, int | float) for value in values):
            raise BundleError(
                f"golden.json: column `{column.name}` holds values that are not numbers"
            )
        return np.array([np.nan if value is None else value for value in values], np.float64)
    result = np.empty(len(values), object)
    for row, value in enumerate(values):
        result[row] = tuple(value) if isinstance(value, list) else value
    return result
