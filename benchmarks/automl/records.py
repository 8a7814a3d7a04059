"""What is kept of a run: one line of JSON, appended as soon as it ends, so that nothing runs twice.

Invariant: of lines about the same run the last one counts.
"""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec


class Key(NamedTuple):
    """What makes two runs the same run."""

    table: str
    fingerprint: str
    system: str
    budget_s: float
    seed: int
    cores: int


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run of one system on one table."""

    table: str
    fingerprint: str
    system: str
    budget_s: float
    seed: int
    cores: int
    split: Literal["chronological", "shuffled"]
    task: str
    rows: int
    test_rows: int
    columns: int
    commit: str
    """Of this project, with ``+`` where files differ from it."""
    at: str
    """When it ended, UTC."""
    failed: str | None = None
    """Why there are no figures."""
    load: float | None = None
    """Processes that wanted a core in the minute before, the machine over."""
    version: str = ""
    scores: dict[str, float | None] = {}
    """On the rows held back, by ``scores.score``."""
    constant: float | None = None
    """The loss of always answering with the share, or mean, of the rows learned from."""
    claimed: float | None = None
    """The loss that the system said it would have."""
    seconds: float | None = None
    """From its start to a fitted model."""
    size_mb: float | None = None
    batch_us: float | None = None
    batch_p99_us: float | None = None
    encoded_us: float | None = None
    encoded_p99_us: float | None = None
    details: dict[str, Any] = {}

    @property
    def key(self) -> Key:
        """Which run it is."""
        return Key(*(getattr(self, name) for name in Key._fields))

    @property
    def loss(self) -> float | None:
        """Log-loss, or the root of the mean squared error."""
        return self.scores.get("log_loss", self.scores.get("rmse"))


class Journal:
    """The file of records. Several threads may add to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def read(self) -> dict[Key, Record]:
        """All runs, the last line of each. Raises msgspec.ValidationError for a line of others."""
        if not self.path.is_file():
            return {}
        lines = self.path.read_bytes().splitlines()
        records = (msgspec.json.decode(line, type=Record) for line in lines if line.strip())
        return last_of_each(records)

    def add(self, record: Record) -> None:
        """Append a record."""
        with self._lock, self.path.open("ab") as file:
            file.write(msgspec.json.encode(record) + b"\n")


def last_of_each(records: Iterable[Record]) -> dict[Key, Record]:
    """The last record of each run, in the order of their first."""
    return {record.key: record for record in records}
