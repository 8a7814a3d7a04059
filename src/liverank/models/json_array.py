"""A JSON document kept as an array of bytes, among the arrays of a model."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from liverank.errors import BundleError
from liverank.plain_json import FormError, decode, encode

_T = TypeVar("_T")


def json_array(document: object) -> NDArray[np.uint8]:
    """The JSON of a dataclass, uint8[bytes].

    >>> json_array({"a": 1}).tobytes()
    b'{"a":1}'
    """
    return np.frombuffer(encode(document), np.uint8)


def read_json_array(array: NDArray[Any] | None, kind: type[_T], *, where: str, name: str) -> _T:
    """The opposite of ``json_array``. Raises BundleError, naming the array and what it is of.

    >>> read_json_array(json_array({"a": 1}), dict, where="encoder", name="spec")
    {'a': 1}
    """
    if array is None or array.dtype != np.uint8:
        raise BundleError(f"{where}: `{name}` is missing, or not the bytes of a JSON text")
    try:
        return decode(array.tobytes(), kind)
    except FormError as error:
        raise BundleError(f"{where}: `{name}` cannot be read: {error}") from None
