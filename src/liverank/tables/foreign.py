"""Recognises files that are no delimited text, so that the error names what they are."""

import re
from pathlib import Path

from liverank.errors import SourceError

_MARKS = {
    b"PK\x03\x04": "is a zip file or a workbook (xlsx); save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "is an old workbook (xls); save the sheet as CSV",
    b"\x1f\x8b": "is compressed by gzip; name it .csv.gz",
    b"\x28\xb5\x2f\xfd": "is compressed by zstd; name it .csv.zst",
    b"BZh": "is compressed by bzip2; unpack it, or compress it by gzip",
    b"\xfd7zXZ": "is compressed by xz; unpack it, or compress it by gzip",
    b"ARROW1": "is an Arrow file; save it as Parquet",
    b"SQLite format 3": "is an SQLite database; save the table as CSV or Parquet",
    b"%PDF": "is a PDF; save the table as CSV",
}
_HTML = re.compile(rb"\s*<(?:!doctype|html|\?xml|table)", re.IGNORECASE)
_JSON = re.compile(rb'\s*(?:\[\s*\[|(?:\[\s*)?\{\s*"(?:[^"\\]|\\.)*"\s*:)')


def check_is_delimited(path: Path, head: bytes) -> None:
    """Raise SourceError where the first bytes are those of another format."""
    for mark, what in _MARKS.items():
        if head.startswith(mark):
            raise SourceError(f"{path}: {what}")
    if _HTML.match(head):
        raise SourceError(f"{path}: is HTML or XML, not CSV; save the table as CSV")
    if b"\0" in head:
        raise SourceError(f"{path}: is not text in UTF-8; save it as CSV in UTF-8, or as Parquet")
    if _JSON.match(head):
        raise SourceError(
            f"{path}: is JSON, not CSV; save the table as CSV or Parquet, for instance by "
            f"polars.read_{'json' if head.lstrip()[:1] == b'[' else 'ndjson'}({path.name!r})"
            ".write_parquet(...)"
        )
