"""``liverank export``: write a bundle as one ONNX file, for any program that runs ONNX."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape

from liverank.bundle.bundle import load_bundle
from liverank.bundle.onnx import to_onnx
from liverank.bundle.onnx_encoder import onnx_columns
from liverank.bundle.table_bundle import load_table_bundle
from liverank.durable import write_durably
from liverank.errors import BundleError

HELP = "write a bundle as one file of ONNX, encoder and calibration included"

_TOLERANCE = 1e-5
"""Largest difference of an export's margins, as a share of their scale."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "bundle", type=Path, metavar="BUNDLE", help="a bundle of `automl` or of `train`"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where to write: .onnx"
    )
    parser.add_argument(
        "--attributions",
        action="store_true",
        help="also write each column's contribution to the prediction",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Write the file, and check it on the bundle's golden rows if ONNX Runtime is installed."""
    out: Path = arguments.out
    if out.suffix != ".onnx":
        raise BundleError(
            f"{out}: the name of an ONNX file ends in .onnx; name such a file with --out"
        )
    content, feed, margins, metadata = _export(
        arguments.bundle, attributions=arguments.attributions
    )
    off = _difference(content, feed, margins)
    if off is not None and off > _TOLERANCE:
        raise BundleError(
            f"{arguments.bundle}: on its golden rows, ONNX Runtime's margins differ by {off:.2g} "
            "of their scale, so nothing was written; please report it with the bundle"
        )
    try:
        write_durably(out, content)
    except OSError as error:
        raise BundleError(
            f"{out}: cannot be written: {error.strerror}; choose another --out, or free some space"
        ) from None
    checked = (
        "not checked, since the package onnxruntime is not installed"
        if off is None
        else f"within {off:.1g} of ours on {len(margins)} golden rows"
    )
    console.print(escape(f"{out}: {len(content) / 1e6:.2f} MB, {checked}"))
    return {
        "out": str(out),
        "bundle": metadata["bundle"],
        "inputs": list(feed),
        "size_mb": round(len(content) / 1e6, 4),
        "attributions": arguments.attributions,
        "difference": off,
    }


def _export(
    directory: Path, *, attributions: bool
) -> tuple[bytes, Mapping[str, NDArray[Any]], NDArray[np.float64], dict[str, str]]:
    """The ONNX file, its inputs and margins for the golden rows, and its metadata."""
    if (directory / "spec.json").exists():
        ranks = load_bundle(directory)
        metadata = {
            "bundle": ranks.version,
            "target": ranks.manifest.label,
            "features": json.dumps(ranks.spec.names),
        }
        content = to_onnx(ranks.model, metadata, attributions=attributions)
        return content, {"rows": ranks.golden}, ranks.model.margins(ranks.golden), metadata
    bundle = load_table_bundle(directory)
    encoder = bundle.predictor.encoder
    assert encoder is not None
    forms = [msgspec.to_builtins(form) for form in encoder.inputs]
    metadata = {
        "bundle": bundle.version,
        "target": bundle.target,
        "classes": json.dumps(bundle.classes, ensure_ascii=False),
        "inputs": json.dumps(forms, ensure_ascii=False),
    }
    content = to_onnx(bundle.predictor, metadata, attributions=attributions)
    margins = bundle.predictor.margins(encoder.transform(bundle.golden))
    return content, onnx_columns(encoder, bundle.golden), margins, metadata


def _difference(
    content: bytes, feed: Mapping[str, NDArray[Any]], margins: NDArray[np.float64]
) -> float | None:
    """Largest difference of margins, as a share of their scale; None without ONNX Runtime."""
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = session.run([session.get_outputs()[0].name], dict(feed))[0]
    scale = max(float(np.abs(margins).max()), 1.0)
    return float(np.abs(found - margins).max()) / scale
