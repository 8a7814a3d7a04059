"""A manifest has one form in bytes: the same content written otherwise is another file."""

import json

import pytest

from liverank.bundle.manifest import FILES, decode_manifest, encode_manifest, make_manifest
from liverank.errors import BundleError

CONTENT = encode_manifest(
    make_manifest(dict.fromkeys(FILES, b"{}"), features=("a",), label="join", created_ms=5)
)


def test_a_manifest_written_in_another_form_is_refused():
    assert encode_manifest(decode_manifest(CONTENT, where="here")) == CONTENT
    content = json.loads(CONTENT)
    for other in (
        CONTENT + b"\n",
        json.dumps(content).encode(),
        json.dumps(dict(reversed(content.items())), indent=2).encode() + b"\n",
    ):
        with pytest.raises(BundleError, match="here: changed since it was written"):
            decode_manifest(other, where="here")
