"""``liverank export``: a bundle as a file of ONNX that answers, and tells parts, as the bundle."""

import json
import random
import sys

import msgspec
import numpy as np
import polars as pl
import pytest

from liverank import automl
from liverank.automl.data.columns import read_columns
from liverank.automl.table import warm_up
from liverank.bundle.bundle import pack_bundle
from liverank.bundle.files import write_bundle
from liverank.bundle.onnx_encoder import onnx_columns
from liverank.cli import main
from liverank.config import parse_config
from liverank.events.schema.schema import Schema
from liverank.features.spec import derive_spec
from liverank.models.attribution.by_column import make_explainer
from liverank.models.calibrator import Calibrator
from liverank.models.forest.forest import Forest
from liverank.models.predictor import Predictor, Term

onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")


def visits(n, seed):
    """Rows of every type of column, with holes."""
    draw = random.Random(seed)
    words = ["live", "jazz", "tonight", "room", "talk", "crypto", "football", "news"]
    rows = []
    for place in range(n):
        city, age = draw.choice(["Ulm", "Bonn", "Köln", None]), draw.gauss(40, 12)
        title = " ".join(draw.choice(words) for _ in range(draw.randint(3, 6)))
        stay = 1.5 * (city == "Ulm") + (age > 45) + ("jazz" in title) + draw.gauss(0, 0.3)
        rows.append(
            {
                "at": f"2026-0{1 + place * 8 // n}-{1 + place % 28:02}T{place % 24:02}:00:00Z",
                "city": city,
                "age": round(age, 1) if draw.random() > 0.1 else None,
                "vip": draw.choice(["yes", "no"]),
                "title": title,
                "tags": draw.choice(["a|b", "b", "c|a", None]),
                "stay": "long" if stay > 2 else "short" if stay > 1 else "none",
            }
        )
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def bundle_of(tmp_path_factory):
    warm_up()
    result = automl.fit(
        visits(900, 1), target="stay", time="at", budget_s=6, families=["linear", "lightgbm"]
    )
    directory = tmp_path_factory.mktemp("export") / "b"
    result.save(directory, created_ms=0)
    return directory


def export(capsys, *words):
    code = main(["export", *map(str, words), "--json"])
    heard = capsys.readouterr()
    return code, json.loads(heard.out.splitlines()[-1]), heard.err


def session_of(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_the_file_answers_odd_rows_as_the_bundle_does(bundle_of, tmp_path, capsys):
    code, told, _ = export(capsys, bundle_of, "--out", tmp_path / "m.onnx", "--attributions")
    assert code == 0
    assert told["difference"] < 1e-5
    bundle = automl.load(bundle_of)
    rows = visits(200, 2).drop("stay")
    odd = pl.DataFrame(
        {
            "at": [None, "never", "1969-12-31", "2199-02-28T23:59:59+14:00"],
            "city": ["a new one", "", " Ulm ", "ulm"],
            "age": [None, 1e300, -0.0, 1e-300],
            "vip": ["maybe", None, "1", "off"],
            "title": ["", None, "JAZZ jazz", "unheard words, ÄÖ!"],
            "tags": ["", None, "z", "a|a|b|"],
        },
        schema=rows.schema,
    )
    encoder = bundle.predictor.encoder
    columns = read_columns(pl.concat([rows, odd]), encoder.inputs)
    session = session_of(tmp_path / "m.onnx")
    outputs = [port.name for port in session.get_outputs()]
    found = dict(zip(outputs, session.run(None, onnx_columns(encoder, columns)), strict=True))

    answers = bundle.predictor.predict(columns)
    np.testing.assert_allclose(found["prediction"], answers, atol=1e-5)
    called = [bundle.classes[i] for i in answers.argmax(axis=1)]
    assert found["class"].tolist() == called
    parts = make_explainer(bundle.predictor).explain(columns)
    np.testing.assert_allclose(found["attribution"], parts.effects, atol=1e-5)
    about = session.get_modelmeta().custom_metadata_map
    assert about["bundle"] == bundle.version
    assert json.loads(about["columns"]) == [form.name for form in encoder.inputs]
    assert json.loads(about["classes"]) == list(bundle.classes)


def test_a_bundle_that_ranks_is_exported_too(tmp_path, capsys):
    spec = derive_spec(
        Schema(items={"host": "key"}, interactions=("join",)),
        parse_config('[label]\ninteraction = "join"'),
    )
    width = len(spec.names)
    forest = Forest(
        n_features=width,
        starts=np.array([0, 3], np.int32),
        feature=np.array([1, -1, -1], np.int32),
        threshold=np.array([0.5, 0, 0], np.float32),
        left=np.array([1, 0, 0], np.int32),
        nan_left=np.array([True, False, False]),
        value=np.array([0.0, -1.0, 2.0]),
    )
    golden = np.random.default_rng(0).normal(size=(5, width)).astype(np.float32)
    model = Predictor(
        (Term(forest, 0, 1.0),), Calibrator(np.array([0.5]), np.zeros(1)), "sigmoid", ("no", "yes")
    )
    packed = pack_bundle(
        spec=spec,
        heads={"join": model},
        report=msgspec.defstruct("Report", [])(),
        golden=golden,
        created_ms=0,
    )
    write_bundle(tmp_path / "b", packed)
    code, _, _ = export(capsys, tmp_path / "b", "--out", tmp_path / "m.onnx")
    assert code == 0
    session = session_of(tmp_path / "m.onnx")
    _, chance, called = session.run(None, {"rows": golden})
    np.testing.assert_allclose(chance, model.answers(golden))
    assert set(called) <= {"no", "yes"}
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["features"]) == list(spec.names)
    code, told, _ = export(capsys, tmp_path / "b", "--out", tmp_path / "n.onnx", "--attributions")
    assert code == 1
    assert "no `cover`" in told["error"]
    assert not (tmp_path / "n.onnx").exists()


def test_what_cannot_be_written_is_told_in_a_line(bundle_of, tmp_path, capsys, monkeypatch):
    for words, said in (
        ((bundle_of, "--out", tmp_path / "m.bin"), "ends in .onnx"),
        ((tmp_path / "none", "--out", tmp_path / "m.onnx"), "cannot be read"),
        ((bundle_of, "--out", tmp_path / "no" / "m.onnx"), "cannot be written: No such file"),
    ):
        code, told, err = export(capsys, *words)
        assert code == 1
        assert said in told["error"]
        assert len(err.splitlines()) == 1
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    code, told, err = export(capsys, bundle_of, "--out", tmp_path / "m.onnx")
    assert (code, told["difference"]) == (0, None)
    assert "not checked" in err
