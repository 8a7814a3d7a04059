"""A search's result as a bundle: the model, its golden rows, the report as JSON and HTML."""

import hashlib
from pathlib import Path

from liverank.automl.report.html.page import render_report
from liverank.automl.report.reports import TableReport, encode_report
from liverank.automl.trials.plan import Plan, encode_plan
from liverank.bundle.files import PackedBundle
from liverank.bundle.table_bundle import pack_table_bundle
from liverank.models.encoder.columns import Columns
from liverank.models.predictor import Predictor


def pack_result(
    predictor: Predictor, report: TableReport, plan: Plan, golden: Columns, *, created_ms: int
) -> PackedBundle:
    """The files of a bundle; ``golden`` are columns of a few rows. Raises BundleError."""
    return pack_table_bundle(
        predictor=predictor,
        target=report.asked.target,
        golden=golden,
        report=encode_report(report),
        documents={
            "report.html": render_report(report).encode(),
            "plan.json": encode_plan(plan) + b"\n",
        },
        created_ms=created_ms,
    )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
