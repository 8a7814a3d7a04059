"""Parts of nested columns by name: ``address.city`` of a struct, ``embedding_3`` of a vector.

Invariant: a column that is there by its full name is never looked for inside of another.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

_NUMBERED = re.compile(r"(.+)_(0|[1-9]\d*)", re.DOTALL)


def part_of(values: Mapping[str, Sequence[object]], name: str) -> Sequence[object] | None:
    """A column of a mapping, or the part of a nested one that has this name; None without one.

    >>> part_of({"address": [{"city": "Ulm"}, None]}, "address.city")
    ['Ulm', None]
    >>> part_of({"embedding": [[0.5, 0.25], None]}, "embedding_1")
    [0.25, None]
    """
    if name in values:
        return values[name]
    for begin in (index for index, character in enumerate(name) if character == "."):
        rows = values.get(name[:begin])
        if rows is not None and all(row is None or isinstance(row, Mapping) for row in rows):
            keys = {key for row in rows if isinstance(row, Mapping) for key in row}
            fields = {
                str(key): [row.get(key) if isinstance(row, Mapping) else None for row in rows]
                for key in keys
            }
            found = part_of(fields, name[begin + 1 :])
            if found is not None:
                return found
    match = _NUMBERED.fullmatch(name)
    rows = part_of(values, match[1]) if match and match[1] != name else None
    if match is None or rows is None:
        return None
    index = int(match[2])
    known = [row for row in rows if row is not None]
    if not all(
        isinstance(row, Sequence | np.ndarray) and not isinstance(row, str) for row in known
    ):
        return None
    return [
        row[index] if isinstance(row, Sequence | np.ndarray) and index < len(row) else None
        for row in rows
    ]
