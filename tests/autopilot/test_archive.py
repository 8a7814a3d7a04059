"""A bundle as a tar file: the same bytes each time, and no file brings in anything else."""

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.autopilot.registry import archive
from liverank.autopilot.registry.archive import export_bundle, import_bundle
from liverank.bundle import store
from liverank.bundle.bundle import load_bundle, pack_bundle
from liverank.errors import BundleError

OLD = load_bundle(Path(__file__).parent.parent / "bundle" / "old_bundles" / "ranking")


@pytest.fixture
def exported(tmp_path):
    """A store with one bundle, its version, and the tar file of it."""
    root = tmp_path / "here"
    packed = pack_bundle(
        spec=OLD.spec, heads=OLD.heads, report=OLD.report, golden=OLD.golden, created_ms=1
    )
    version = store.add(root, packed)
    file = tmp_path / "bundle.tar"
    export_bundle(root, version, file)
    return root, version, file


def tar_of(members, mode="w"):
    """A tar file of members given as (TarInfo or name, content)."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as made:
        for member, data in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            if info.isreg():
                info.size = len(data)
            made.addfile(info, io.BytesIO(data))
    return content.getvalue()


def members_of(file):
    with tarfile.open(file) as read:
        return [(one.name, read.extractfile(one).read()) for one in read]


def everything(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_bundle_comes_back_from_its_file(exported, tmp_path):
    root, version, file = exported
    assert import_bundle(tmp_path / "there", file) == version
    again = load_bundle(store.directory_of(tmp_path / "there", version))
    assert again.manifest == store.load(root, version).manifest
    assert everything(tmp_path / "there/bundles") == everything(root / "bundles"), "no drafts"
    assert store.current(tmp_path / "there") is None, "it is not promoted"
    assert import_bundle(tmp_path / "there", file) == version, "twice is no mistake"


def test_the_same_bundle_gives_the_same_bytes(exported, tmp_path):
    root, version, file = exported
    size = export_bundle(root, version, tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == file.read_bytes()
    assert size == file.stat().st_size
    import_bundle(tmp_path / "there", file)
    export_bundle(tmp_path / "there", version, tmp_path / "third.tar")
    assert (tmp_path / "third.tar").read_bytes() == file.read_bytes()
    with tarfile.open(file) as read:
        owners = {(one.mtime, one.uid, one.uname, one.mode) for one in read}
    assert owners == {(0, 0, "", 0o644)}


def test_a_broken_or_unknown_bundle_is_not_exported(exported, tmp_path):
    root, version, _ = exported
    with pytest.raises(BundleError, match="no bundle"):
        export_bundle(root, "0" * 16, tmp_path / "none.tar")
    model = store.directory_of(root, version) / "model.npz"
    model.write_bytes(model.read_bytes()[:-1])
    with pytest.raises(BundleError, match="changed since it was written"):
        export_bundle(root, version, tmp_path / "none.tar")
    assert not (tmp_path / "none.tar").exists()


def of_kind(kind, name, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


ATTACKS = {
    "parent": ("../evil", b"x"),
    "parent below": ("{v}/../../evil", b"x"),
    "absolute": ("/tmp/evil", b"x"),
    "deeper": ("{v}/sub/evil", b"x"),
    "dots": ("{v}/..", b"x"),
    "hidden": ("{v}/.evil", b"x"),
    "backslash": ("{v}/..\\evil", b"x"),
    "no folder": ("evil", b"x"),
    "no version": ("current.json/evil", b"x"),
    "twice": ("{v}/report.json", b"{}"),
    "symbolic link": (of_kind(tarfile.SYMTYPE, "{v}/link", "/etc/passwd"), b""),
    "hard link": (of_kind(tarfile.LNKTYPE, "{v}/link", "{v}/bundle.json"), b""),
    "folder": (of_kind(tarfile.DIRTYPE, "{v}/folder"), b""),
    "device": (of_kind(tarfile.CHRTYPE, "{v}/null"), b""),
    "pipe": (of_kind(tarfile.FIFOTYPE, "{v}/pipe"), b""),
    "unlisted": ("{v}/evil.json", b"{}"),
    "another version": ("ffffffffffffffff/evil.json", b"{}"),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_file_with_anything_else_brings_in_nothing(exported, tmp_path, attack, is_first):
    _, version, file = exported
    member, data = ATTACKS[attack]
    if isinstance(member, str):
        member = member.format(v=version)
    else:
        member = of_kind(
            member.type, *(t.format(v=version) for t in (member.name, member.linkname))
        )
    good = members_of(file)
    file.write_bytes(tar_of([(member, data), *good] if is_first else [*good, (member, data)]))
    before = everything(tmp_path)
    with pytest.raises(BundleError, match=r"bundle\.tar"):
        import_bundle(tmp_path / "there", file)
    assert [name for name in everything(tmp_path) if name not in before] == []


@pytest.mark.parametrize("missing", ["bundle.json", "model.npz", "golden.npz"])
def test_a_file_that_lacks_a_part_brings_in_nothing(exported, tmp_path, missing):
    _, _, file = exported
    kept = [(name, data) for name, data in members_of(file) if not name.endswith(missing)]
    file.write_bytes(tar_of(kept))
    with pytest.raises(BundleError, match=r"bundle\.tar"):
        import_bundle(tmp_path / "there", file)


def test_compressed_files_are_not_unpacked(exported, tmp_path):
    _, _, file = exported
    file.write_bytes(tar_of(members_of(file), mode="w:gz"))
    with pytest.raises(BundleError, match="not a whole tar file"):
        import_bundle(tmp_path / "there", file)
    with pytest.raises(BundleError, match="cannot be read"):
        import_bundle(tmp_path / "there", tmp_path / "none.tar")


def test_a_file_that_is_too_large_is_not_read(exported, tmp_path, monkeypatch):
    _, _, file = exported
    monkeypatch.setattr(archive, "MOST_BYTES", 1000)
    with pytest.raises(BundleError, match="a bundle has at most 1,000"):
        import_bundle(tmp_path / "there", file)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_flipped_or_lost_byte_brings_in_the_same_bundle_or_nothing(tmp_path_factory, data):
    """Bytes of padding and of a member's metadata may change; content may not."""
    folder = tmp_path_factory.mktemp("flipped")
    packed = pack_bundle(
        spec=OLD.spec, heads=OLD.heads, report=OLD.report, golden=OLD.golden, created_ms=1
    )
    version = store.add(folder / "here", packed)
    file = folder / "bundle.tar"
    export_bundle(folder / "here", version, file)
    content = bytearray(file.read_bytes())
    where = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[where] ^= data.draw(st.integers(1, 255))
    else:
        del content[where:]
    file.write_bytes(content)
    try:
        assert import_bundle(folder / "there", file) == version
        assert store.load(folder / "there", version).manifest == packed.manifest
    except BundleError:
        assert not store.directory_of(folder / "there", version).exists()
