"""A bundle of a table comes back whole, or says what is wrong with it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from liverank.bundle.bundle import load_bundle
from liverank.bundle.files import encode_arrays, write_bundle
from liverank.bundle.manifest import MANIFEST, encode_manifest, make_manifest
from liverank.bundle.table_bundle import load_table_bundle, pack_table_bundle
from liverank.errors import BundleError, ServingError
from liverank.models.calibrator import Calibrator
from liverank.models.encoder.columns import Input, read_values
from liverank.models.encoder.encoder import Encoder, EncoderSpec
from liverank.models.encoder.steps import Bag, Calendar, Levels, Value
from liverank.models.forest.forest import Forest
from liverank.models.predictor import Predictor, Term

INPUTS = (
    Input(name="age", type="number"),
    Input(name="city", type="category"),
    Input(name="seen", type="time"),
    Input(name="tags", type="list", separator="|"),
    Input(name="won", type="boolean"),
)
ROWS = {
    "age": [41, None, "7.5", 1e300],
    "city": ["Ulm", "Köln", None, ""],
    "seen": ["2026-01-02T03:04:05Z", None, "2026-11-23", "never"],
    "tags": ["ai|art", None, "", "go"],
    "won": ["yes", "no", None, 1],
}


def a_predictor(classes=("no", "yes")):
    generator = np.random.default_rng(0)
    encoder = Encoder(
        EncoderSpec(
            inputs=INPUTS,
            steps=(
                Value(names=("age",), column="age"),
                Levels(names=("mean(city)",), columns=("city",), levels=("Ulm", "Bonn")),
                Calendar(names=("hour",), column="seen", parts=("hour",)),
                Bag(
                    names=("ai",),
                    column="tags",
                    is_text=False,
                    tokens=("ai",),
                    sized=False,
                    shown=(0,),
                ),
                Value(names=("won",), column="won"),
            ),
        ),
        {"table.1": np.array([[0.5], [0.25], [0.375], [0.125]])},
    )
    forests = [
        Forest(
            n_features=5,
            starts=np.array([0, 3], np.int32),
            feature=np.array([place % 5, -1, -1], np.int32),
            threshold=np.array([0.3, 0, 0], np.float32),
            left=np.array([1, 0, 0], np.int32),
            nan_left=np.array([True, False, False]),
            value=np.append(0.0, generator.normal(size=2)),
        )
        for place in range(5)
    ]
    k = len(classes) if len(classes) > 2 else 1
    terms = tuple(Term(forest, place % k, 0.2 + place / 7) for place, forest in enumerate(forests))
    link = {0: "identity", 2: "sigmoid"}.get(len(classes), "softmax")
    return Predictor(terms, Calibrator(np.full(k, 0.9), np.full(k, 0.05)), link, classes, encoder)


def golden_columns():
    return {form.name: read_values(form, ROWS[form.name]) for form in INPUTS}


def pack(**changes):
    arguments = {
        "predictor": a_predictor(),
        "target": "bought",
        "golden": golden_columns(),
        "report": b"{}",
        "documents": {"report.html": b"<p>"},
        "created_ms": 1000,
    }
    return pack_table_bundle(**{**arguments, **changes})


@pytest.mark.parametrize("classes", [(), ("no", "yes"), ("a", "b", "c")])
def test_a_model_comes_back_and_answers_the_same_bits(tmp_path, classes):
    predictor = a_predictor(classes)
    write_bundle(tmp_path / "b", pack(predictor=predictor))
    bundle = load_table_bundle(tmp_path / "b")
    assert (bundle.target, bundle.classes) == ("bought", classes)
    assert bundle.documents == {"report.json": b"{}", "report.html": b"<p>"}
    assert bundle.predict(ROWS).tobytes() == predictor.predict(golden_columns()).tobytes()
    assert bundle.predict({**ROWS, "more": [1]}).shape[0] == 4, "other columns are passed over"


def test_the_same_model_gives_the_same_bytes():
    assert pack().files == pack().files


@pytest.mark.parametrize("name", ["model.npz", "golden.json", "report.json", "report.html"])
def test_a_file_that_was_changed_or_lost_is_named(tmp_path, name):
    write_bundle(tmp_path / "b", pack())
    file = tmp_path / "b" / name
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(BundleError, match=f"{name}: changed since it was written"):
        load_table_bundle(tmp_path / "b")
    file.unlink()
    with pytest.raises(BundleError, match=f"{name}: cannot be read"):
        load_table_bundle(tmp_path / "b")


def rewritten(tmp_path, **files):
    """A bundle whose manifest is right about files that are not."""
    packed = pack()
    changed = {**packed.files, **{name.replace("__", "."): data for name, data in files.items()}}
    manifest = make_manifest(
        changed, features=packed.manifest.features, label="bought", created_ms=1000
    )
    (tmp_path / "b").mkdir()
    for name, content in changed.items():
        (tmp_path / "b" / name).write_bytes(content)
    (tmp_path / "b" / MANIFEST).write_bytes(encode_manifest(manifest))
    return tmp_path / "b"


def changed_golden(change):
    golden = json.loads(pack().files["golden.json"])
    change(golden)
    return json.dumps(golden).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda golden: golden["margins"][0].__setitem__(0, golden["margins"][0][0] + 1e-12),
        lambda golden: golden["margins"].pop(),
        lambda golden: golden["columns"].pop("age"),
        lambda golden: golden["columns"]["age"].pop(),
        lambda golden: golden["columns"]["age"].__setitem__(0, "x"),
        lambda golden: golden.__setitem__("margins", "x"),
        lambda golden: golden["columns"].__setitem__("age", {}),
    ],
)
def test_a_model_that_does_not_reproduce_its_golden_rows_is_refused(tmp_path, change):
    directory = rewritten(tmp_path, golden__json=changed_golden(change))
    with pytest.raises(BundleError, match="train again"):
        load_table_bundle(directory)


def test_a_model_of_other_columns_or_of_none_is_refused(tmp_path):
    forest = a_predictor().terms[0].part
    bare = Predictor((Term(forest, 0, 1.0),), Calibrator.none(1), "sigmoid", ("no", "yes"))
    directory = rewritten(tmp_path, model__npz=encode_arrays(bare.to_arrays()))
    with pytest.raises(BundleError, match="no encoder"):
        load_table_bundle(directory)


def test_the_two_kinds_of_bundle_are_told_apart(tmp_path):
    write_bundle(tmp_path / "b", pack())
    with pytest.raises(BundleError, match="a bundle has"):
        load_bundle(tmp_path / "b")


def test_missing_columns_are_named(tmp_path):
    write_bundle(tmp_path / "b", pack())
    with pytest.raises(ServingError, match="`age`, `won` of the 5 columns"):
        load_table_bundle(tmp_path / "b").predict(
            {name: values for name, values in ROWS.items() if name not in ("age", "won")}
        )


def test_a_bundle_without_golden_rows_is_not_made():
    none = {form.name: read_values(form, []) for form in INPUTS}
    with pytest.raises(BundleError, match="golden rows"):
        pack(golden=none)


BARE = """
import sys
from pathlib import Path

KNOWN = {*sys.stdlib_module_names, "numpy", "numba", "llvmlite", "msgspec", "liverank"}


class Barred:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in KNOWN and not name.startswith("_"):
            raise ModuleNotFoundError(name, name=name)


sys.meta_path.insert(0, Barred())
from liverank import automl

bundle = automl.load(Path(sys.argv[1]))
rows = eval(sys.argv[2])
print(bundle.predict(rows).tolist())
print(sorted({name.split(".")[0] for name in sys.modules} - KNOWN - set(sys.builtin_module_names)))
"""


@pytest.mark.parametrize("classes", [(), ("no", "yes"), ("a", "b", "c")])
def test_reading_and_predicting_need_numpy_numba_and_msgspec_only(tmp_path, classes):
    predictor = a_predictor(classes)
    write_bundle(tmp_path / "b", pack(predictor=predictor))
    words = [sys.executable, "-c", BARE, str(tmp_path / "b"), repr(ROWS)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers, others = done.stdout.splitlines()
    assert json.loads(answers) == predictor.predict(golden_columns()).tolist()
    assert not {"scipy", "polars", "lightgbm"} & set(eval(others))
