"""A bundle comes back whole, or says what is wrong with it."""

import io
import json
import os
import shutil
import subprocess
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.bundle import files as files_module
from liverank.bundle.bundle import load_bundle, pack_bundle
from liverank.bundle.files import decode_arrays, write_bundle
from liverank.bundle.manifest import FILES, MANIFEST, encode_manifest, make_manifest
from liverank.config import parse_config
from liverank.errors import BundleError
from liverank.events.schema.schema import Schema
from liverank.features.spec import derive_spec
from liverank.models.calibrator import Calibrator
from liverank.models.forest.forest import Forest
from liverank.models.json_array import json_array
from liverank.models.linear.model import Linear
from liverank.models.predictor import Predictor, Term

SPEC = derive_spec(
    Schema(items={"host": "key"}, interactions=("join",)),
    parse_config('[label]\ninteraction = "join"'),
)
WIDTH = len(SPEC.names)


class Report(msgspec.Struct):
    rows: int
    notes: tuple[str, ...] = ()


def a_model(width=WIDTH, seed=0):
    generator = np.random.default_rng(seed)
    forest = Forest(
        n_features=width,
        starts=np.array([0, 3], np.int32),
        feature=np.array([1, -1, -1], np.int32),
        threshold=np.array([0.5, 0, 0], np.float32),
        left=np.array([1, 0, 0], np.int32),
        nan_left=np.array([True, False, False]),
        value=np.array([0.0, -1.0, 2.0]),
    )
    linear = Linear(
        low=np.full(width, -3.0),
        high=np.full(width, 3.0),
        logarithmic=generator.random(width) < 0.5,
        mean=np.zeros(width),
        weight=generator.normal(size=width),
        missing_weight=generator.normal(size=width),
        intercept=np.array([0.1]),
    )
    return Predictor(
        (Term(forest, 0, 1.0), Term(linear, 0, 1.0)),
        Calibrator(np.array([0.9]), np.array([0.05])),
        "sigmoid",
        ("no", "yes"),
    )


def two_heads(width=WIDTH, seed=0):
    return {"join": a_model(width, seed), "stay": a_model(width, seed + 1)}


def golden_rows(n=5):
    rows = np.random.default_rng(1).normal(size=(n, WIDTH)).astype(np.float32)
    rows[0, :2] = [np.nan, np.inf]
    return rows


def pack(**changes):
    arguments = {
        "spec": SPEC,
        "heads": two_heads(),
        "report": Report(rows=7, notes=("fine",)),
        "golden": golden_rows(),
        "created_ms": 1000,
    }
    return pack_bundle(**{**arguments, **changes})


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bundle") / "b"
    write_bundle(directory, pack())
    return directory


def test_a_bundle_comes_back_as_it_was_saved(tmp_path):
    packed = pack(report=Report(rows=7))
    write_bundle(tmp_path / "b", packed)
    bundle = load_bundle(tmp_path / "b")
    assert bundle.version == packed.manifest.version
    assert bundle.spec == SPEC
    assert bundle.report == {"rows": 7, "notes": []}
    assert bundle.manifest.created_ms == 1000
    rows = golden_rows(50)
    assert list(bundle.heads) == ["join", "stay"]
    for name, model in two_heads().items():
        np.testing.assert_array_equal(bundle.heads[name].margins(rows), model.margins(rows))
    assert bundle.model is bundle.heads["join"]
    assert bundle.manifest.label == "join"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]  # no draft is left


def test_the_same_content_has_the_same_version_and_other_content_another():
    assert pack().manifest == pack().manifest
    assert pack().files == pack().files
    others = [pack(created_ms=1001), pack(heads={"stay": a_model()}), pack(report=Report(rows=8))]
    assert len({packed.manifest.version for packed in [pack(), *others]}) == 4


@settings(max_examples=150)
@given(
    name=st.sampled_from([MANIFEST, *FILES]),
    where=st.floats(0, 1, exclude_max=True),
    flip=st.integers(1, 255),
)
def test_any_flipped_byte_of_any_file_is_found(saved, name, where, flip):
    path = saved / name
    content = path.read_bytes()
    broken = bytearray(content)
    broken[int(where * len(broken))] ^= flip
    try:
        path.write_bytes(broken)
        with pytest.raises(BundleError, match="b/"):
            load_bundle(saved)
    finally:
        path.write_bytes(content)
    load_bundle(saved)


@pytest.mark.parametrize("name", [MANIFEST, *FILES])
def test_a_missing_or_shortened_file_is_named(saved, tmp_path, name):
    copy = tmp_path / "b"
    shutil.copytree(saved, copy)
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(BundleError, match=name):
        load_bundle(copy)
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name}: cannot be read.*train again"):
        load_bundle(copy)


def write_forged(directory, files, **manifest):
    """A bundle whose hashes fit its files, whatever those are."""
    directory.mkdir()
    for name, content in files.items():
        (directory / name).write_bytes(content)
    forged = make_manifest(
        files, **{"features": SPEC.names, "label": "join", "created_ms": 0, **manifest}
    )
    (directory / MANIFEST).write_bytes(encode_manifest(forged))
    return directory


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def golden_npz(**changes):
    rows = golden_rows()
    return npz(**{"rows": rows, "margins": margins_of(two_heads(), rows), **changes})


def margins_of(heads, rows):
    return np.hstack([model.margins(rows) for model in heads.values()])


def a_value():
    """A model of values rather than of probabilities."""
    ours = a_model()
    return Predictor(ours.terms, ours.calibrator, "identity")


def heads_npz(model):
    arrays = {f"head0.{name}": array for name, array in model.to_arrays().items()}
    return npz(labels=json_array(("join",)), **arrays)


FORGED = {
    "npz_cut_short": ({"model.npz": pack().files["model.npz"][:-30]}, "model.npz: not a set"),
    "no_npz": ({"model.npz": b"hello"}, "model.npz: not a set"),
    "empty": ({"golden.npz": b""}, "golden.npz: not a set"),
    "pickled": ({"model.npz": npz(x=np.array([{}], object))}, "model.npz: not a set"),
    "single_array": (
        {"golden.npz": pack().files["golden.npz"][:0] + b"\x93NUMPY\x01\x00"},
        "golden.npz: not a set",
    ),
    "extra_array": ({"golden.npz": golden_npz(more=np.zeros(1))}, "golden.npz: it must hold"),
    "wrong_type": (
        {"golden.npz": golden_npz(rows=golden_rows().astype(np.float64))},
        "golden.npz: it must hold",
    ),
    "other_margin": (
        {"golden.npz": golden_npz(margins=np.nextafter(margins_of(two_heads(), golden_rows()), 9))},
        "does not reproduce",
    ),
    "other_model": (
        {"model.npz": pack(heads=two_heads(seed=5)).files["model.npz"]},
        "does not reproduce",
    ),
    "fewer_heads": (
        {"model.npz": pack(heads={"join": a_model()}).files["model.npz"]},
        "golden.npz",
    ),
    "no_names": ({"model.npz": npz(**a_model().to_arrays())}, "`labels` is missing"),
    "more_than_heads": (
        {"model.npz": npz(more=np.zeros(1), **decode_arrays(pack().files["model.npz"], "m"))},
        "one model for each label",
    ),
    "a_value": ({"model.npz": heads_npz(a_value())}, "must give a probability"),
    "broken_spec": ({"spec.json": b'{"layout": 3}'}, "layout"),
    "report_not_utf8": ({"report.json": b'"\xff"'}, "train again"),
}


@pytest.mark.parametrize("case", FORGED)
def test_content_that_does_not_fit_is_refused_even_with_true_hashes(tmp_path, case):
    changes, message = FORGED[case]
    directory = write_forged(tmp_path / "b", {**pack().files, **changes})
    with pytest.raises(BundleError, match=message):
        load_bundle(directory)


def test_a_manifest_may_not_reach_outside_its_directory(tmp_path):
    files = dict(pack().files)
    (tmp_path / "secret").write_bytes(b"{}")
    forged = make_manifest(
        {**files, "../secret": b"{}"}, features=SPEC.names, label="join", created_ms=0
    )
    directory = write_forged(tmp_path / "b", files)
    (directory / MANIFEST).write_bytes(encode_manifest(forged))
    with pytest.raises(BundleError, match="it lists"):
        load_bundle(directory)


def test_a_manifest_with_more_keys_or_another_format_is_refused(saved, tmp_path):
    copy = tmp_path / "b"
    shutil.copytree(saved, copy)
    manifest = json.loads((copy / MANIFEST).read_text())
    (copy / MANIFEST).write_text(json.dumps({**manifest, "more": 1}))
    with pytest.raises(BundleError, match="not a manifest"):
        load_bundle(copy)
    (copy / MANIFEST).write_text(json.dumps({**manifest, "format": 1}))
    with pytest.raises(BundleError, match="format 1, and this liverank reads formats 3 to 5"):
        load_bundle(copy)


def test_features_that_differ_from_the_manifest_are_refused(tmp_path):
    directory = write_forged(tmp_path / "b", pack().files, features=("one",))
    with pytest.raises(BundleError, match="names 1 features"):
        load_bundle(directory)


@pytest.mark.parametrize(
    "changes",
    [
        {"heads": two_heads(WIDTH + 1)},
        {"heads": {"join": a_model(), "stay": a_model(WIDTH + 1)}},
        {"golden": golden_rows()[:, :-1].copy()},
        {"golden": golden_rows()[:0]},
    ],
)
def test_parts_that_do_not_fit_make_no_bundle(changes):
    with pytest.raises(BundleError, match="golden rows are"):
        pack(**changes)


def test_a_bundle_is_never_written_over(saved):
    with pytest.raises(BundleError, match="exists already"):
        write_bundle(saved, pack(created_ms=7))


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files_module, "write_durably", full)
    with pytest.raises(BundleError, match="No space left"):
        write_bundle(tmp_path / "b", pack())
    assert list(tmp_path.iterdir()) == []


def test_scoring_needs_no_training_library(saved):
    script = (
        "import sys\n"
        "for name in ('lightgbm', 'scipy', 'sklearn', 'pandas'): sys.modules[name] = None\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from liverank.bundle.bundle import load_bundle\n"
        "bundle = load_bundle(Path(sys.argv[1]))\n"
        "print(bundle.model.answers(np.zeros((1, len(bundle.spec.names)), np.float32))[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(saved)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == a_model().answers(np.zeros((1, WIDTH), np.float32))[0]
