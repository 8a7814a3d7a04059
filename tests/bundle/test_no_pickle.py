"""What is read of a bundle is data: no file of it can run anything."""

import io
from pathlib import Path

import numpy as np
import pytest

from liverank.bundle.files import decode_arrays, encode_arrays
from liverank.errors import BundleError


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def test_an_array_of_pickled_objects_is_refused_and_never_unpickled(tmp_path):
    trapped = np.array([Trap(tmp_path / "sprung")], object)
    content = io.BytesIO()
    np.savez(content, allow_pickle=True, rows=trapped)

    with pytest.raises(BundleError, match=r"model\.npz: not a set of arrays: .*allow_pickle"):
        decode_arrays(content.getvalue(), "model.npz")
    assert not (tmp_path / "sprung").exists()
    with np.load(io.BytesIO(content.getvalue()), allow_pickle=True) as arrays:
        assert arrays["rows"].shape == (1,)
    assert (tmp_path / "sprung").exists(), "the trap would have sprung"


def test_objects_are_not_written_either(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        encode_arrays({"rows": np.array([Trap(tmp_path / "sprung")], object)})
