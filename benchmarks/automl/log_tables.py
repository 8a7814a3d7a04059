"""Training rows that our own replay makes of public logs, as tables: what ``liverank train`` sees.

Features are those that the configs of ``examples/`` derive by default; rankings are groups.
"""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from automl.tables import Ask, Table
from liverank.autopilot.gather import lists_to_train, look_at
from liverank.config import load_config
from liverank.dataset.replay import training_rows
from liverank.dataset.rows import Rows
from liverank.events.frame import in_import_order
from liverank.events.sources.read_events import read_all
from liverank.features.spec import derive_spec
from liverank.quantities import duration_ms

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
FOLDERS = {"mind": "mind_sample", "globo": "globo_news"}
MOST_ROWS = 60_000
FRAME_EVENTS = 262_144


def log_tables(data: Path, folder: Path) -> list[Table]:
    """A table in the folder for each log that is under ``data``; not written yet."""
    ask = Ask(target="label", time="at", group="ranking")
    return [
        Table(f"{name}_rows", folder / f"{name}_rows.parquet", ask)
        for name, place in FOLDERS.items()
        if (data / place).is_dir()
    ]


def write_log_table(table: Table, data: Path) -> None:
    """Replay the log of one of these tables, where that was not done before."""
    if table.path.is_file():
        return
    name = table.name.removesuffix("_rows")
    print(f"replaying {data / FOLDERS[name]} into {table.path}", flush=True)
    table.path.parent.mkdir(parents=True, exist_ok=True)
    rows = newest(replayed(name, data / FOLDERS[name]))
    draft = table.path.with_suffix(".draft")
    table_of(rows).write_parquet(draft)
    draft.replace(table.path)


def replayed(name: str, place: Path) -> Rows:
    """All rows of a log."""
    config = load_config(EXAMPLES / name / "liverank.toml")
    if config.candidates is not None:
        # lists are drawn evenly over the log, so no more of them than are kept
        few = MOST_ROWS // config.candidates.per_ranking
        config = msgspec.structs.replace(
            config, candidates=msgspec.structs.replace(config.candidates, max_rankings=few)
        )
    frame = in_import_order(read_all([place], config.sources)[0])
    frame = frame.with_columns(seq=pl.int_range(1, frame.height + 1, dtype=pl.Int64))
    spec = derive_spec(look_at(lambda: frame.iter_slices(FRAME_EVENTS), config), config)
    lists = lists_to_train(lambda: frame.iter_slices(FRAME_EVENTS), spec.layout, config)
    return training_rows(
        frame.iter_slices(FRAME_EVENTS),
        spec,
        lists,
        max_future_ms=duration_ms(config.features.max_future),
    )


def newest(rows: Rows) -> Rows:
    """So many newest rows at most, rankings whole."""
    first = max(len(rows) - MOST_ROWS, 0)
    while 0 < first < len(rows) and rows.rankings[first] == rows.rankings[first - 1]:
        first += 1
    return rows.take(slice(first, None))


def table_of(rows: Rows) -> pl.DataFrame:
    """Rows as a table: features, ``ranking``, ``at`` and ``label``."""
    features = np.asfortranarray(rows.features)
    columns = {
        name: pl.Series(features[:, place]).fill_nan(None) for place, name in enumerate(rows.names)
    }
    at = pl.Series(rows.at_ms).cast(pl.Datetime("ms"))
    return pl.DataFrame(columns | {"ranking": rows.rankings, "at": at, "label": rows.labels})
