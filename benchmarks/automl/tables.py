"""Which tables there are, and what each asks: files of a folder, and what is written beside them.

A file needs no more than a column ``target``. Whatever else there is to say of it is said in
``tables.toml`` (or ``tables.json``) beside the files, one table of keys a file:

    [bike_hourly]
    target = "cnt"
    time = "dteday"
    drop = ["instant"]
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import polars as pl
import polars.selectors as selectors
from numpy.typing import NDArray

from liverank.automl.data.columns import distinct_codes, read_column
from liverank.automl.data.matrix import Task
from liverank.automl.data.read_table import read_table
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.profile.task import read_target
from liverank.errors import SourceError, TrainingError

SUFFIXES = (".csv", ".tsv", ".parquet", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst")
TARGET = "target"
KNOWN = Path(__file__).with_name("known_tables.toml")
"""What is to say of public tables that come without a word."""


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to say of a table."""

    file: str | None = None
    """Where its name is not that of the file."""
    target: str = TARGET
    time: str | None = None
    """When rows happened; with it the newest are held back."""
    group: str | None = None
    """Rows that stay together."""
    task: Task | None = None
    drop: tuple[str, ...] = ()
    """Columns that no system is shown."""


class Table(NamedTuple):
    """A file, and what it asks."""

    name: str
    path: Path
    ask: Ask

    @property
    def fingerprint(self) -> str:
        """Sixteen digits that change with the file's bytes and with what is asked."""
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        digest.update(msgspec.json.encode(self.ask))
        return digest.hexdigest()[:16]


class Loaded(NamedTuple):
    """A table as every system will get it.

    frame    rows with a known target; classes as text, values as numbers, the time as datetimes;
             other dates as datetimes too, levels as text, decimals as numbers
    classes  names of the classes, none for values; of two the second is the positive one
    target   float64[n], the class by number, or the value
    at_ms    float64[n], Unix milliseconds, or None for a table without a time
    groups   int64[n], or None
    """

    frame: pl.DataFrame
    task: Task
    classes: tuple[str, ...]
    target: NDArray[np.float64]
    at_ms: NDArray[np.float64] | None
    groups: NDArray[np.int64] | None


def find_tables(folder: Path) -> list[Table]:
    """All tables of a folder, by name.

    Raises SourceError when there are none, or when ``tables.toml`` names one that is not there.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder; name one that holds tables with --tables")
    files = {_name(path): path for path in sorted(folder.iterdir()) if path.name.endswith(SUFFIXES)}
    asked = _asked(folder)
    for name, ask in asked.items():
        path = folder / ask.file if ask.file else files.get(name)
        if path is None or not path.is_file():
            raise SourceError(
                f"{folder}: `{name}` is described, but no file has that name; "
                'say file = "..." or take it out'
            )
        files[name] = path
    named = {folder / ask.file for name, ask in asked.items() if ask.file}
    known = _read_asks(KNOWN) | asked
    tables = [
        Table(name, path, known.get(name, Ask()))
        for name, path in sorted(files.items())
        if path not in named or name in asked
    ]
    if not tables:
        raise SourceError(f"{folder}: holds no table; expected files in {', '.join(SUFFIXES)}")
    return tables


def load_table(table: Table) -> Loaded:
    """Read a table and look at its target.

    Raises SourceError when it has no such column, or nothing can be learned from it.
    """
    ask = table.ask
    frame = read_table(table.path)
    lacks = [name for name in (ask.target, ask.time, ask.group, *ask.drop) if name is not None]
    lacks = [name for name in lacks if name not in frame.columns]
    if lacks:
        raise SourceError(
            f"{table.path}: has no column `{lacks[0]}`, but "
            f"{', '.join(f'`{name}`' for name in frame.columns[:12])}; "
            f"say which one is meant in {table.path.parent / 'tables.toml'}, such as "
            f'[{table.name}] target = "..."'
        )
    frame = _plain(frame.drop(ask.drop))
    try:
        roles = TableRoles(target=ask.target, time=ask.time, group=ask.group, task=ask.task)
        profile = profile_table(frame, roles)
    except TrainingError as error:
        raise SourceError(f"{table.path}: {error}") from None
    target = read_target(frame[ask.target], profile.target)
    known = ~np.isnan(target)
    at_ms = None
    if ask.time is not None:
        at_ms = read_column(frame[ask.time], profile[ask.time].form)
        known &= ~np.isnan(at_ms)
        moments = pl.Series(ask.time, at_ms).fill_nan(None).cast(pl.Int64)
        frame = frame.with_columns(moments.cast(pl.Datetime("ms")))
    classes = profile.target.classes
    frame = frame.with_columns(_target(ask.target, target, classes)).filter(pl.Series(known))
    return Loaded(
        frame=frame,
        task=profile.target.task,
        classes=classes,
        target=target[known],
        at_ms=None if at_ms is None else at_ms[known],
        groups=None if ask.group is None else distinct_codes(frame[ask.group])[0],
    )


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Columns of the types that data frames of all sorts have."""
    return frame.with_columns(
        selectors.date().cast(pl.Datetime("ms")),
        (selectors.categorical() | selectors.enum()).cast(pl.String),
        selectors.decimal().cast(pl.Float64),
    )


def _target(name: str, target: NDArray[np.float64], classes: tuple[str, ...]) -> pl.Series:
    """The target as every system gets it."""
    if not classes:
        return pl.Series(name, target)
    codes = np.nan_to_num(target, nan=len(classes)).astype(np.int64)
    return pl.Series(name, [*classes, None], dtype=pl.String).gather(codes)


def _asked(folder: Path) -> dict[str, Ask]:
    for path in (folder / "tables.toml", folder / "tables.json"):
        if path.is_file():
            return _read_asks(path)
    return {}


def _read_asks(path: Path) -> dict[str, Ask]:
    decode = msgspec.toml.decode if path.suffix == ".toml" else msgspec.json.decode
    try:
        return decode(path.read_bytes(), type=dict[str, Ask])
    except msgspec.MsgspecError as error:
        raise SourceError(
            f"{path}: {error}; a table has the keys {', '.join(Ask.__struct_fields__)}"
        ) from None


def _name(path: Path) -> str:
    """The name of a file without its endings.

    >>> _name(Path("537_houses.tsv.gz"))
    '537_houses'
    """
    suffix = max((each for each in SUFFIXES if path.name.endswith(each)), key=len)
    return path.name.removesuffix(suffix)
