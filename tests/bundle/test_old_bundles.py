"""Bundles that an older version wrote still load, answer the same bits and give the same bytes.

``old_bundles`` holds one bundle of each kind with inputs and its answers. Never write them again:
when a format changes, this test shows whether bundles in use can still be read.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from liverank.automl.report.html.page import render_report
from liverank.automl.report.reports import decode_ranking_report, decode_report
from liverank.automl.trials.plan import decode_plan
from liverank.bundle.bundle import load_bundle, pack_bundle
from liverank.bundle.files import decode_arrays
from liverank.bundle.manifest import encode_manifest
from liverank.bundle.table_bundle import load_table_bundle, pack_table_bundle

HERE = Path(__file__).parent / "old_bundles"
TABLES = {
    "binary": ["forest", "linear", "mlp"],
    "multiclass": ["forest", "forest", "forest", "mlp"],
    "net": ["mlp"],
    "linear": ["linear", "linear"],
}


def stored(name):
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def same_arrays(content, path):
    """Whether two npz files hold the same bits; their compression may differ by zlib's version."""
    new, old = decode_arrays(content, "new"), decode_arrays(path.read_bytes(), "old")
    assert list(new) == list(old)
    return all(
        new[name].dtype == old[name].dtype and new[name].tobytes() == old[name].tobytes()
        for name in old
    )


@pytest.mark.parametrize("name", TABLES)
def test_an_old_bundle_of_a_table_answers_the_same_bits(name):
    bundle = load_table_bundle(HERE / name)
    assert [type(t.part).__name__.lower() for t in bundle.predictor.terms] == TABLES[name]
    types = [column.type for column in bundle.inputs]
    assert types == ["number", "category", "time", "text", "list", "boolean"]
    answers = bundle.predict(stored("table_rows.json"))
    assert answers.tolist() == stored(f"{name}.answers.json")["answers"]


@pytest.mark.parametrize("name", TABLES)
def test_the_report_and_the_plan_of_an_old_bundle_are_read(name):
    documents = load_table_bundle(HERE / name).documents
    report = decode_report(documents["report.json"])
    assert report.asked.target == "y"
    assert report.data.rows == 260
    assert [block.name for block in report.split.blocks] == ["train", "validation", "holdout"]
    assert report.held_out == json.loads(documents["report.json"])["validation"]
    assert "<html" in render_report(report)
    assert decode_plan(documents["plan.json"]).rows is None


@pytest.mark.parametrize("name", TABLES)
def test_an_old_bundle_of_a_table_is_packed_to_the_same_bytes(name):
    bundle = load_table_bundle(HERE / name)
    packed = pack_table_bundle(
        predictor=bundle.predictor,
        target=bundle.target,
        golden=bundle.golden,
        report=bundle.documents["report.json"],
        documents=bundle.documents,
        created_ms=bundle.manifest.created_ms,
    )
    assert same_arrays(packed.files["model.npz"], HERE / name / "model.npz")
    assert packed.files["golden.json"] == (HERE / name / "golden.json").read_bytes()
    assert encode_manifest(bundle.manifest) == (HERE / name / "bundle.json").read_bytes()


def test_an_old_bundle_that_ranks_answers_the_same_bits():
    bundle = load_bundle(HERE / "ranking")
    known = stored("ranking.answers.json")
    rows = np.array(known["rows"], np.float64).astype(np.float32)
    assert list(bundle.heads) == ["join", "stay"]
    for label, model in bundle.heads.items():
        assert model.answers(rows).tolist() == known["answers"][label]
    assert bundle.report["rows"], "the report is an object of JSON"


def test_the_report_of_an_old_bundle_that_ranks_is_read():
    old = stored("ranking/report.json")
    report = decode_ranking_report((HERE / "ranking/report.json").read_bytes())
    assert (report.data.rows, report.data.positives) == (old["rows"], old["positives"])
    assert report.held_out["log_loss"] == old["scores"]["log_loss"]
    assert report.baseline["log_loss"] == old["scores"]["base_rate_log_loss"]
    spans = {"train": "fit", "validation": "choose", "holdout": "judge"}
    assert {block.name: block.to_ms for block in report.split.blocks} == {
        name: old[span]["to_ms"] for name, span in spans.items()
    }
    assert [entry.title for entry in report.leaderboard] == [c["name"] for c in old["candidates"]]
    assert {entry.title: entry.weight for entry in report.members} == {
        member["name"]: member["weight"] for member in old["blend"]
    }
    assert list(report.heads) == ["stay"]
    assert report.against is not None
    page = render_report(report)
    for heading in ("Comparison with heuristics", "Further labels", "Leaderboard"):
        assert heading in page


def test_an_old_bundle_that_ranks_is_packed_to_the_same_bytes():
    bundle = load_bundle(HERE / "ranking")
    packed = pack_bundle(
        spec=bundle.spec,
        heads=bundle.heads,
        report=bundle.report,
        golden=bundle.golden,
        created_ms=bundle.manifest.created_ms,
    )
    assert same_arrays(packed.files["model.npz"], HERE / "ranking/model.npz")
    assert same_arrays(packed.files["golden.npz"], HERE / "ranking/golden.npz")
    for name in ("spec.json", "report.json"):
        assert packed.files[name] == (HERE / "ranking" / name).read_bytes()
    assert encode_manifest(bundle.manifest) == (HERE / "ranking/bundle.json").read_bytes()
