"""Encodes many served rankings as one compact byte string.

Texts are stored in columns; items are stored as indices of the distinct names; arrays of numbers
are split into byte planes (all first bytes, all second bytes, ...), since similar bytes compress
well together. Each part is compressed separately with zstd: one code would suit neither the scores,
which are nearly random, nor the ids. Scores are float32, stored as differences of successive bit
patterns: scores fall from item to item, so these are small.
Invariant: decoding gives back the encoded rankings, with scores rounded to float32.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate, chain, islice, pairwise
from typing import Any, TypeAlias

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from liverank.events.event import Ranking, ServedRanking
from liverank.events.wire import decode_fields

Planes: TypeAlias = list[bytes]
"""The byte planes of an array of numbers: all first bytes, all second bytes, ...; compressed."""

_PIECE = 8_192
"""Number of names numbered at once; other threads can run between two pieces."""
LEVEL = 1
"""Compression level of zstd. Level 3 differs by less than one percent."""


class _Columns(msgspec.Struct, array_like=True):
    """The part stored as msgpack; one element for each ranking, except in ``names``."""

    ids: list[str]
    times: list[int]
    users: list[str]
    surfaces: list[str]
    variants: list[str | None]
    models: list[str | None]
    cuts: list[int | None]
    generations: list[int | None]
    fields: list[str]
    """JSON objects; empty for none."""
    vectors: list[bytes | None]
    item_counts: list[int]
    candidate_counts: list[int | None]
    """None for a ranking without candidates."""
    compared_counts: list[int | None]
    """``candidate_count`` of each ranking."""
    has_scores: list[bool]
    has_propensities: list[bool]
    names: list[str]
    """The distinct items and candidates."""
    positions: list[int] | None
    """Each ranking's seq minus the first one's; None where they are consecutive."""


class _Piece(msgspec.Struct, array_like=True):
    columns: bytes
    items: Planes
    candidates: Planes
    scores: Planes
    propensities: Planes


_ATTRIBUTES = {
    "id": "ids",
    "time": "times",
    "user": "users",
    "surface": "surfaces",
    "variant": "variants",
    "model": "models",
    "cut": "cuts",
    "generation": "generations",
    "candidate_count": "compared_counts",
    "vectors": "vectors",
}
"""The attribute of ``_Columns`` that holds each field of ``Ranking`` with one value a ranking."""
_OF_RANKING = Ranking.__struct_fields__

_encoder = msgspec.msgpack.Encoder()
_columns_decoder = msgspec.msgpack.Decoder(_Columns)
_piece_decoder = msgspec.msgpack.Decoder(_Piece)


def encode_rankings(
    rankings: Sequence[ServedRanking | Ranking],
    compressor: zstandard.ZstdCompressor,
    *,
    positions: Sequence[int] | None = None,
) -> bytes:
    """Encode rankings; ``positions`` are their seqs minus the first one's, if not 0, 1, 2, ...

    Raises UnicodeEncodeError and OverflowError for what cannot be stored.
    """
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__  # a new name gets the next number
    items = _numbered([one.items for one in rankings], numbers)
    candidates = _numbered([one.candidates for one in rankings if one.candidates], numbers)
    width = np.min_scalar_type(len(numbers))
    columns = _Columns(
        ids=[one.id for one in rankings],
        times=[one.at_ms for one in rankings],
        users=[one.user for one in rankings],
        surfaces=[one.surface for one in rankings],
        variants=[one.variant for one in rankings],
        models=[one.model for one in rankings],
        cuts=[one.cut for one in rankings],
        generations=[one.generation for one in rankings],
        fields=[_encode_fields(one) for one in rankings],
        vectors=[one.vectors for one in rankings],
        item_counts=[len(one.items) for one in rankings],
        candidate_counts=[
            None if one.candidates is None else len(one.candidates) for one in rankings
        ],
        compared_counts=[one.candidate_count for one in rankings],
        has_scores=[one.scores is not None for one in rankings],
        has_propensities=[one.propensities is not None for one in rankings],
        names=list(numbers),
        positions=None if positions is None else list(positions),
    )

    scores = _joined([one.scores for one in rankings if one.scores is not None], np.float32)
    steps = np.diff(scores.view(np.uint32), prepend=np.uint32(0))
    propensities = _joined(
        [one.propensities for one in rankings if one.propensities is not None], np.float64
    )
    return _encoder.encode(
        _Piece(
            columns=compressor.compress(_encoder.encode(columns)),
            items=_planes(items.astype(width), compressor),
            candidates=_planes(candidates.astype(width), compressor),
            scores=_planes(steps, compressor),
            propensities=_planes(propensities, compressor),
        )
    )


def decode_rankings(
    body: bytes, first: int = 0, last: int | None = None
) -> list[tuple[int, Ranking]]:
    """Rankings with their positions, from position ``first`` to ``last`` (None: all)."""
    positions, columns = decode_columns(body, _OF_RANKING, first, last)
    columns["fields"] = [decode_fields(text) if text else {} for text in columns["fields"]]
    return [
        (position, Ranking(**dict(zip(_OF_RANKING, values, strict=True))))
        for position, *values in zip(
            positions, *(columns[name] for name in _OF_RANKING), strict=True
        )
    ]


def decode_columns(
    body: bytes, wanted: Collection[str], first: int = 0, last: int | None = None
) -> tuple[list[int], dict[str, list[Any]]]:
    """Positions of rankings, and a list of values for each ``wanted`` field of ``Ranking``.

    ``fields`` are JSON texts, None where there are none. From the ``first`` position to the
    ``last`` (None: all).
    """
    decompressor = zstandard.ZstdDecompressor()
    piece = _piece_decoder.decode(body)
    kept = _columns_decoder.decode(decompressor.decompress(piece.columns))
    positions = range(len(kept.ids)) if kept.positions is None else kept.positions
    end = positions[-1] if last is None else last
    rows = slice(bisect_left(positions, first), bisect_right(positions, end))
    columns: dict[str, list[Any]] = {
        name: getattr(kept, attribute)[rows]
        for name, attribute in _ATTRIBUTES.items()
        if name in wanted
    }
    if "fields" in wanted:
        columns["fields"] = [text or None for text in kept.fields[rows]]
    for name, counts in _list_lengths(kept).items():
        if name in wanted:
            values = _list_values(getattr(piece, name), name, kept.names, decompressor)
            cuts = _ranges(count or 0 for count in counts)
            columns[name] = [
                None if count is None else values[cut]
                for count, cut in zip(counts[rows], cuts[rows], strict=True)
            ]
    return list(positions[rows]), columns


def _list_lengths(kept: _Columns) -> dict[str, list[int | None]]:
    """Lengths of each ranking's lists; None where it has no such list."""
    counts = kept.item_counts
    scores, propensities = (
        [count if has else None for count, has in zip(counts, flags, strict=True)]
        for flags in (kept.has_scores, kept.has_propensities)
    )
    return {
        "items": list(counts),
        "candidates": kept.candidate_counts,
        "scores": scores,
        "propensities": propensities,
    }


def _list_values(
    planes: Planes, name: str, names: list[str], decompressor: zstandard.ZstdDecompressor
) -> list[Any]:
    """The values of one kind of list, concatenated over all rankings."""
    numbers = _numbers(planes, decompressor)
    if name == "scores":
        steps = numbers.astype(np.uint32)
        scores: list[float] = np.cumsum(steps, dtype=np.uint32).view(np.float32).tolist()
        return scores
    if name == "propensities":
        propensities: list[float] = numbers.view(np.float64).tolist()
        return propensities
    return [names[number] for number in numbers.tolist()]


def decode_ids(body: bytes) -> list[tuple[int, str]]:
    """The ids of the rankings, with their positions."""
    columns = _columns_decoder.decode(_decode_columns(body))
    positions = range(len(columns.ids)) if columns.positions is None else columns.positions
    return list(zip(positions, columns.ids, strict=True))


def may_name(body: bytes, user: str) -> bool:
    """Whether the texts contain a user's name, possibly within a longer text."""
    texts = _decode_columns(body)
    in_json = msgspec.json.encode(user)[1:-1]
    return user.encode() in texts or in_json in texts


def _decode_columns(body: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(_piece_decoder.decode(body).columns)


def _encode_fields(ranking: ServedRanking | Ranking) -> str:
    return msgspec.json.encode(ranking.fields).decode() if ranking.fields else ""


def _numbered(lists: list[Sequence[str]], numbers: Mapping[str, int]) -> NDArray[np.uint32]:
    """The numbers of the names, concatenated over all lists."""
    found = map(numbers.__getitem__, chain.from_iterable(lists))
    left, pieces = sum(map(len, lists)), [np.empty(0, np.uint32)]
    while left > 0:
        pieces.append(np.fromiter(islice(found, _PIECE), np.uint32, min(left, _PIECE)))
        left -= _PIECE
    return np.concatenate(pieces)


def _joined(lists: list[Any], dtype: type[np.floating]) -> NDArray[Any]:
    """Lists of numbers as one array; arrays take a tenth of the time that lists take."""
    if not lists:
        return np.empty(0, dtype)
    return np.concatenate(lists, dtype=dtype, casting="same_kind")


def _planes(numbers: NDArray[Any], compressor: zstandard.ZstdCompressor) -> Planes:
    if not len(numbers):
        return []
    ordered = numbers.astype(numbers.dtype.newbyteorder("<"), copy=False)
    of_bytes = ordered.view(np.uint8).reshape(len(numbers), numbers.itemsize).T
    return [compressor.compress(plane.tobytes()) for plane in of_bytes]


def _numbers(planes: Planes, decompressor: zstandard.ZstdDecompressor) -> NDArray[Any]:
    """The unsigned numbers of byte planes: uint64[n] from eight planes, uint8[n] from one, ..."""
    if not planes:
        return np.empty(0, np.uint64)
    of_bytes = [np.frombuffer(decompressor.decompress(plane), np.uint8) for plane in planes]
    return np.ascontiguousarray(np.stack(of_bytes, axis=1)).view(f"<u{len(planes)}").ravel()


def _ranges(counts: Iterable[int]) -> list[slice]:
    """Slices of the lists of these lengths within their concatenation."""
    return [slice(start, stop) for start, stop in pairwise(accumulate(counts, initial=0))]
