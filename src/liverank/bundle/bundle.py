"""A ranking bundle: one directory with all that serving needs, verified when it is read.

    bundle.json  the manifest: format, version, label, feature names, a SHA-256 of each other file
    spec.json    the features, and how each is computed
    model.npz    the arrays of one model for each label, and the names of the labels
    golden.npz   a few real rows, and the margins that each model gave them
    report.json  how the models were trained and evaluated
    report.html  the same as a page to read; older bundles have none
    lineage.json what the models come from: log, config, code, parent; older bundles have none

Invariant: a bundle that loads is the one that was saved, byte for byte, and its models give the
golden rows the same margins, bit for bit, on this machine. Nothing is pickled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
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
from liverank.bundle.lineage import Lineage
from liverank.bundle.manifest import (
    LINEAGE,
    MANIFEST,
    PAGE,
    REPAIR,
    Manifest,
    decode_manifest,
    make_manifest,
)
from liverank.errors import BundleError
from liverank.features.spec import FeatureSpec
from liverank.models.json_array import decode_json, encode_json, json_array, read_json_array
from liverank.models.predictor import Predictor

_NAMES = "labels"


@dataclass(frozen=True)
class Bundle:
    """A verified bundle: models by label; the first one ranks the lists.

    ``report`` is the JSON object of report.json, for people; ``golden`` holds a few real rows,
    float32[k, n_features]; ``lineage`` is None for bundles from before there was any.
    """

    spec: FeatureSpec
    heads: dict[str, Predictor]
    report: dict[str, Any]
    manifest: Manifest
    golden: NDArray[np.float32]
    lineage: Lineage | None = None

    @cached_property
    def model(self) -> Predictor:
        """The model that ranks the lists."""
        return next(iter(self.heads.values()))

    @property
    def version(self) -> str:
        """The name of the bundle: a short hash of its whole content."""
        return self.manifest.version


def pack_bundle(
    *,
    spec: FeatureSpec,
    heads: Mapping[str, Predictor],
    report: msgspec.Struct,
    golden: NDArray[np.float32],
    created_ms: int,
    page: bytes | None = None,
    lineage: Lineage | None = None,
) -> PackedBundle:
    """Encode a bundle as bytes.

    ``heads`` are models by label; the first one ranks the lists. ``golden`` holds one or more real
    rows, float32[k, n_features]; their margins are stored, and checked when the bundle is loaded.
    ``page`` is report.html, and ``lineage`` says what the models come from.
    Raises BundleError when spec, models and rows differ in width.
    """
    n_features = len(spec.names)
    widths = {model.n_features for model in heads.values()}
    if widths != {n_features} or golden.shape[1:] != (n_features,) or not len(golden):
        raise BundleError(
            f"a bundle of {n_features} features: its models score {sorted(widths)}, and the "
            f"golden rows are {list(golden.shape)}; expected [1 or more, {n_features}]"
        )
    arrays: dict[str, NDArray[Any]] = {_NAMES: json_array(tuple(heads))}
    for index, model in enumerate(heads.values()):
        arrays |= {f"head{index}.{name}": array for name, array in model.to_arrays().items()}
    files = {
        "spec.json": _encode_json(spec),
        "model.npz": encode_arrays(arrays),
        "golden.npz": encode_arrays({"rows": golden, "margins": _margins(heads, golden)}),
        "report.json": _encode_json(report),
    }
    if page is not None:
        files[PAGE] = page
    if lineage is not None:
        files[LINEAGE] = encode_json(lineage, indent=2) + b"\n"
    label = next(iter(heads))
    manifest = make_manifest(files, features=spec.names, label=label, created_ms=created_ms)
    return PackedBundle(manifest, files)


def load_bundle(directory: Path) -> Bundle:
    """Read and verify a bundle.

    Raises BundleError, which names the file and what to do, when a file is missing, changed, of
    another format, or when the model does not reproduce its golden margins.

    >>> load_bundle(Path("no/such/bundle"))
    Traceback (most recent call last):
    liverank.errors.BundleError: no/such/bundle/bundle.json: cannot be read: No such file ...
    """
    manifest = read_manifest(directory)
    files = read_files(directory, manifest, manifest.files)
    try:
        spec = decode_json(files["spec.json"], FeatureSpec, where="spec.json")
        report = decode_json(files["report.json"], dict[str, Any], where="report.json")
        heads = _read_heads(decode_arrays(files["model.npz"], "model.npz"))
        golden = _check_golden(heads, decode_arrays(files["golden.npz"], "golden.npz"))
        lineage = None
        if LINEAGE in files:
            lineage = decode_json(files[LINEAGE], Lineage, where=LINEAGE)
    except BundleError as error:
        raise BundleError(f"{directory}: {error}; {REPAIR}") from None
    width = next(iter(heads.values())).n_features
    if spec.names != manifest.features or width != len(spec.names):
        raise BundleError(
            f"{directory}: bundle.json names {len(manifest.features)} features, spec.json "
            f"{len(spec.names)}, the model scores {width}; {REPAIR}"
        )
    return Bundle(spec, heads, report, manifest, golden, lineage)


def read_manifest(directory: Path) -> Manifest:
    """Read only the manifest of a bundle. Raises BundleError."""
    path = directory / MANIFEST
    return decode_manifest(read_file(path), where=str(path))


def _encode_json(struct: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(struct), indent=2) + b"\n"


def _read_heads(arrays: dict[str, NDArray[Any]]) -> dict[str, Predictor]:
    names = read_json_array(arrays.pop(_NAMES, None), tuple[str, ...], where="model", name=_NAMES)
    heads = {}
    for index, name in enumerate(names):
        prefix = f"head{index}."
        own = [key for key in arrays if key.startswith(prefix)]
        heads[name] = Predictor.from_arrays(
            {key.removeprefix(prefix): arrays.pop(key) for key in own}
        )
    if arrays or len(heads) != len(names) or len({m.n_features for m in heads.values()}) != 1:
        raise BundleError(
            "model.npz: it must hold one model for each label, and all must read rows of one width"
        )
    if any(model.link != "sigmoid" or model.encoder is not None for model in heads.values()):
        raise BundleError(
            "model.npz: a model that ranks must give a probability and read features, not columns"
        )
    return heads


def _margins(heads: Mapping[str, Predictor], rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """The margins of each head: float64[n, n_heads]."""
    return np.hstack([model.margins(rows) for model in heads.values()])


def _check_golden(
    heads: dict[str, Predictor], golden: dict[str, NDArray[Any]]
) -> NDArray[np.float32]:
    """Return the golden rows once each head reproduces their margins. Raises BundleError."""
    rows, margins = golden.get("rows"), golden.get("margins")
    width = next(iter(heads.values())).n_features
    if (
        rows is None
        or margins is None
        or len(golden) != 2
        or rows.dtype != np.float32
        or rows.ndim != 2
        or rows.shape[1] != width
        or margins.dtype != np.float64
        or margins.shape != (len(rows), len(heads))
    ):
        raise BundleError("golden.npz: it must hold float32 `rows` and their float64 `margins`")
    rows = np.ascontiguousarray(rows)
    if _margins(heads, rows).tobytes() != margins.tobytes():
        raise BundleError(
            "golden.npz: the model does not reproduce the margins of its golden rows here"
        )
    return rows
