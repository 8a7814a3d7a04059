"""Feast's online read: forty numbers of each candidate from its SQLite store, by its Python SDK.

Runs in an environment that has feast, and nothing of ours: ``bench_online_read.py`` makes one.
Arguments: folder, items in the store, candidates a read, reads. Prints one JSON object last.
"""

import json
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.infra.online_stores.sqlite import SqliteOnlineStoreConfig
from feast.types import Float32
from feast.value_type import ValueType

FEATURES = tuple(f"f{place}" for place in range(40))


def main() -> None:
    """Fill the store, then time reads of random candidates."""
    folder = Path(sys.argv[1])
    items, candidates, turns = map(int, sys.argv[2:])
    folder.mkdir(parents=True)
    store = filled_store(folder, items)
    names = [f"item_features:{name}" for name in FEATURES]
    generator = np.random.default_rng(0)
    times = []
    for turn in range(turns + 1):
        chosen = generator.choice(items, candidates, replace=False)
        rows = [{"item": f"r{place}"} for place in chosen]
        began = time.perf_counter()
        found = store.get_online_features(features=names, entity_rows=rows).to_dict()
        if turn > 0:  # the first one opens the file
            times.append((time.perf_counter() - began) * 1e6)
        assert None not in found["f0"]
    times.sort()
    figures = {"p50_us": statistics.median(times), "p90_us": times[int(0.9 * len(times))]}
    print(json.dumps(figures))


def filled_store(folder: Path, items: int) -> FeatureStore:
    """A local store with forty numbers of each item in its online part."""
    now = datetime.now(UTC)
    values = np.random.default_rng(1).normal(size=(items, len(FEATURES))).astype(np.float32)
    frame = pd.DataFrame(values, columns=list(FEATURES))
    frame["item"] = [f"r{place}" for place in range(items)]
    frame["happened"] = frame["created"] = now
    frame.to_parquet(folder / "items.parquet")
    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=str(folder / "registry.db"),
            online_store=SqliteOnlineStoreConfig(path=str(folder / "online.db")),
            entity_key_serialization_version=3,
        )
    )
    item = Entity(name="item", join_keys=["item"], value_type=ValueType.STRING)
    view = FeatureView(
        name="item_features",
        entities=[item],
        ttl=timedelta(days=365),
        schema=[Field(name=name, dtype=Float32) for name in FEATURES],
        source=FileSource(
            path=str(folder / "items.parquet"),
            timestamp_field="happened",
            created_timestamp_column="created",
        ),
    )
    store.apply([item, view])
    store.write_to_online_store("item_features", df=frame)
    return store


if __name__ == "__main__":
    main()
