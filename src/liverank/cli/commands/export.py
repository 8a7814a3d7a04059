"""``liverank export``: a bundle as one file of ONNX, for whatever runs such files."""

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

_WITHIN = 1e-5
"""Of the scale of the margins, that an export may be off."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "bundle", type=Path, metavar="BUNDLE", help="a bundle of `automl` or of `train`"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="where to write: .onnx"
    )
    parser.add_argument(
        "--attributions", action="store_true", help="add each column's contribution to the file"
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Write the file, and run the bundle's golden rows through it where ONNX Runtime is there."""
    out: Path = arguments.out
    if out.suffix != ".onnx":
        raise BundleError(f"{out}: an export goes to a file in .onnx; name one with --out")
    content, feed, margins, about = _export(arguments.bundle, attributions=arguments.attributions)
    off = _difference(content, feed, margins)
    if off is not None and off > _WITHIN:
        raise BundleError(
            f"{arguments.bundle}: ONNX Runtime gives its golden rows margins that are {off:.2g} of "
            "their scale off, so nothing was written; please report it with the bundle"
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
        "bundle": about["bundle"],
        "inputs": list(feed),
        "size_mb": round(len(content) / 1e6, 4),
        "attributions": arguments.attributions,
        "difference": off,
    }


def _export(
    directory: Path, *, attributions: bool
) -> tuple[bytes, Mapping[str, NDArray[Any]], NDArray[np.float64], dict[str, str]]:
    """The file, its golden rows and their margins, and its metadata."""
    if (directory / "spec.json").exists():
        ranks = load_bundle(directory)
        about = {
            "bundle": ranks.version,
            "target": ranks.manifest.label,
            "features": json.dumps(ranks.spec.names),
        }
        content = to_onnx(ranks.model, about, attributions=attributions)
        return content, {"rows": ranks.golden}, ranks.model.margins(ranks.golden), about
    bundle = load_table_bundle(directory)
    encoder = bundle.predictor.encoder
    assert encoder is not None
    forms = [msgspec.to_builtins(form) for form in encoder.inputs]
    about = {
        "bundle": bundle.version,
        "target": bundle.target,
        "classes": json.dumps(bundle.classes, ensure_ascii=False),
        "inputs": json.dumps(forms, ensure_ascii=False),
    }
    content = to_onnx(bundle.predictor, about, attributions=attributions)
    margins = bundle.predictor.margins(encoder.transform(bundle.golden))
    return content, onnx_columns(encoder, bundle.golden), margins, about


def _difference(
    content: bytes, feed: Mapping[str, NDArray[Any]], margins: NDArray[np.float64]
) -> float | None:
    """How far the file's margins are off, as a share of their scale; None without the runtime."""
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = session.run([session.get_outputs()[0].name], dict(feed))[0]
    scale = max(float(np.abs(margins).max()), 1.0)
    return float(np.abs(found - margins).max()) / scale
