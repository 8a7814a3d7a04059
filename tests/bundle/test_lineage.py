"""The lineage of a bundle comes back as it was stored, and a change of it is found."""

from pathlib import Path

import msgspec
import pytest

from liverank.bundle.bundle import load_bundle, pack_bundle
from liverank.bundle.files import PackedBundle, write_bundle
from liverank.bundle.lineage import Lineage
from liverank.bundle.manifest import LINEAGE, MANIFEST, encode_manifest, make_manifest, sha256
from liverank.errors import BundleError

OLD = Path(__file__).parent / "old_bundles" / "ranking"
LINE = Lineage(
    log="5f0c",
    generation=2,
    first_seq=1,
    last_seq=900,
    trained_until_ms=1_795_392_000_001,
    lists_from_ms=1_795_300_000_000,
    lists_to_ms=1_795_391_000_000,
    lists=40,
    rows=400,
    config='{"label":{"interaction":"join"}}',
    config_sha256="ab",
    code="0123456789abcdef",
    versions={"python": "3.11.9", "numpy": "2.1"},
    seeds={"training": 7},
    parent="89abcdef01234567",
    variants=("e:a",),
    excluded_users=("00000000000000ff",),
    excluded_stretches_ms=((5, 9), (20, 30)),
)


def packed(lineage):
    old = load_bundle(OLD)
    return pack_bundle(
        spec=old.spec,
        heads=old.heads,
        report=old.report,
        golden=old.golden,
        created_ms=5,
        lineage=lineage,
    )


def test_a_lineage_comes_back_as_it_was_stored(tmp_path):
    write_bundle(tmp_path / "b", packed(LINE))
    bundle = load_bundle(tmp_path / "b")
    assert bundle.lineage == LINE
    assert bundle.lineage.config_fields == {"label": {"interaction": "join"}}


def test_bundles_without_a_lineage_load():
    assert load_bundle(OLD).lineage is None
    assert LINEAGE not in packed(None).files


def test_the_lineage_is_part_of_the_version():
    versions = {packed(line).manifest.version for line in (None, LINE, LINE)}
    assert len(versions) == 2
    assert packed(LINE) == packed(LINE)


@pytest.mark.parametrize("change", ["flipped", "missing"])
def test_a_lineage_that_was_changed_is_refused(tmp_path, change):
    write_bundle(tmp_path / "b", packed(LINE))
    path = tmp_path / "b" / LINEAGE
    if change == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b'"rows": 400', b'"rows": 401'))
    with pytest.raises(BundleError, match=r"lineage\.json"):
        load_bundle(tmp_path / "b")


def test_a_lineage_of_another_shape_is_refused_by_name(tmp_path):
    """Its manifest is right, so only the content shows it."""
    files = {**packed(LINE).files, LINEAGE: b'{"rows": -1}\n'}
    old = load_bundle(OLD)
    manifest = make_manifest(files, features=old.spec.names, label="join", created_ms=5)
    directory = tmp_path / "b"
    directory.mkdir()
    for name, content in files.items():
        (directory / name).write_bytes(content)
    (directory / MANIFEST).write_bytes(encode_manifest(manifest))
    with pytest.raises(BundleError, match=r"b: lineage\.json: Expected `int` >= 0"):
        load_bundle(directory)


def test_a_bundle_of_the_format_before_there_were_lineages_loads(tmp_path):
    """Its manifest as format 4 wrote it, with the version that follows from its bytes."""
    new = packed(None)
    unnamed = msgspec.structs.replace(new.manifest, format=4, version="")
    version = sha256(encode_manifest(unnamed))[:16]
    older = msgspec.structs.replace(unnamed, version=version)
    write_bundle(tmp_path / "b", PackedBundle(older, new.files))
    bundle = load_bundle(tmp_path / "b")
    assert (bundle.manifest.format, bundle.version, bundle.lineage) == (4, version, None)
