"""The JSON documents of a bundle, as bytes and as arrays of bytes among the arrays of a model.

Invariant: a document has one form in bytes, and decodes to an equal value.
"""

import json
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.errors import BundleError

_T = TypeVar("_T")


def encode_json(document: object, *, indent: int | None = None) -> bytes:
    """A Struct, or the values that it may hold, as JSON in UTF-8.

    Raises ValueError for NaN and infinity, which JSON cannot express.

    >>> encode_json({"a": (1, None), "b": 1e-5})
    b'{"a":[1,null],"b":1e-05}'
    """
    # The standard library writes 1e-05 where msgspec writes 1e-5, and a bundle's bytes are hashed.
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(
        msgspec.to_builtins(document),
        ensure_ascii=False,
        allow_nan=False,
        indent=indent,
        separators=separators,
    )
    return text.encode()


def decode_json(content: bytes, kind: type[_T], *, where: str) -> _T:
    """The opposite of ``encode_json``. Raises BundleError, whose message begins with ``where``.

    >>> decode_json(b'[1, "2"]', tuple[int, ...], where="spec.json")
    Traceback (most recent call last):
    liverank.errors.BundleError: spec.json: Expected `int`, got `str` - at `$[1]`
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{where}: {error}") from None


def json_array(document: object) -> NDArray[np.uint8]:
    """The JSON of a document, uint8[bytes].

    >>> json_array({"a": 1}).tobytes()
    b'{"a":1}'
    """
    return np.frombuffer(encode_json(document), np.uint8)


def read_json_array(array: NDArray[Any] | None, kind: type[_T], *, where: str, name: str) -> _T:
    """The opposite of ``json_array``.

    Raises BundleError, which names the array and what it belongs to (``where``).

    >>> read_json_array(json_array({"a": 1}), dict, where="encoder", name="spec")
    {'a': 1}
    """
    if array is None or array.dtype != np.uint8:
        raise BundleError(f"{where}: `{name}` is missing, or is not JSON as bytes")
    return decode_json(array.tobytes(), kind, where=f"{where}: `{name}` cannot be read")
