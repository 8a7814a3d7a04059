"""One directory with all that serving needs, written whole and verified when it is read.

    bundle.json  the manifest: format, version, label, feature names, a SHA-256 of each other file
    spec.json    which features there are, and how they are read
    model.npz    the model's arrays
    golden.npz   rows, and the margins that the model gave them
    report.json  how the model came to be

Invariant: a bundle that loads is the one that was saved, byte for byte, and its model gives the
golden rows the same margins, bit for bit, on this machine. Nothing is pickled.
"""

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
    FILES,
    MANIFEST,
    REPAIR,
    Manifest,
    decode_manifest,
    make_manifest,
)
from liverank.errors import BundleError
from liverank.features.spec import FeatureSpec
from liverank.models.model import Model


@dataclass(frozen=True)
class Bundle:
    """A verified bundle.

    ``report`` is the JSON object of report.json, for people; ``golden`` are a few real rows,
    float32[k, n_features].
    """

    spec: FeatureSpec
    model: Model
    report: dict[str, Any]
    manifest: Manifest
    golden: NDArray[np.float32]

    @property
    def version(self) -> str:
        """The name of the bundle: a short hash of all of it."""
        return self.manifest.version


def pack_bundle(
    *,
    spec: FeatureSpec,
    model: Model,
    report: msgspec.Struct,
    golden: NDArray[np.float32],
    label: str,
    created_ms: int,
) -> PackedBundle:
    """Put a bundle into bytes.

    ``golden`` is float32[k, n_features] with k above 0: real rows, whose margins are kept to be
    reproduced. Raises BundleError when spec, model and rows differ in width.
    """
    n_features = len(spec.names)
    if model.n_features != n_features or golden.shape[1:] != (n_features,) or not len(golden):
        raise BundleError(
            f"a bundle of {n_features} features: the model scores {model.n_features}, and the "
            f"golden rows are {list(golden.shape)}; expected [1 or more, {n_features}]"
        )
    files = {
        "spec.json": _encode_json(spec),
        "model.npz": encode_arrays(model.to_arrays()),
        "golden.npz": encode_arrays({"rows": golden, "margins": model.margin(golden)}),
        "report.json": _encode_json(report),
    }
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
    files = read_files(directory, manifest, FILES)
    try:
        spec = msgspec.json.decode(files["spec.json"], type=FeatureSpec)
        report = msgspec.json.decode(files["report.json"], type=dict[str, Any])
        model = Model.from_arrays(decode_arrays(files["model.npz"], "model.npz"))
        golden = _check_golden(model, decode_arrays(files["golden.npz"], "golden.npz"))
    except (msgspec.MsgspecError, UnicodeDecodeError, BundleError) as error:
        raise BundleError(f"{directory}: {error}; {REPAIR}") from None
    if spec.names != manifest.features or model.n_features != len(spec.names):
        raise BundleError(
            f"{directory}: bundle.json names {len(manifest.features)} features, spec.json "
            f"{len(spec.names)}, the model scores {model.n_features}; {REPAIR}"
        )
    return Bundle(spec, model, report, manifest, golden)


def read_manifest(directory: Path) -> Manifest:
    """Read only the manifest of a bundle. Raises BundleError."""
    path = directory / MANIFEST
    return decode_manifest(read_file(path), where=str(path))


def _encode_json(struct: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(struct), indent=2) + b"\n"


def _check_golden(model: Model, golden: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The rows, whose margins are as they were."""
    rows, margins = golden.get("rows"), golden.get("margins")
    if (
        rows is None
        or margins is None
        or len(golden) != 2
        or rows.dtype != np.float32
        or rows.ndim != 2
        or rows.shape[1] != model.n_features
        or margins.dtype != np.float64
        or margins.shape != (len(rows),)
    ):
        raise BundleError("golden.npz: it must hold float32 `rows` and their float64 `margins`")
    rows = np.ascontiguousarray(rows)
    if model.margin(rows).tobytes() != margins.tobytes():
        raise BundleError("golden.npz: the model gives its golden rows other margins here")
    return rows
