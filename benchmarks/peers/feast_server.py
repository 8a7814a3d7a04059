"""Feast's feature server on Redis, filled with the numbers that our model reads.

Runs in an environment that has feast[redis], and nothing of ours. ``python feast_server.py FOLDER
REDIS PEOPLE`` fills the online store, with so many of the people, and leaves ``FOLDER/repo`` for
``feast serve``.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource
from feast.types import Float32
from feast.value_type import ValueType

REPO = """\
project: bench
provider: local
registry: registry.db
entity_key_serialization_version: 3
online_store:
  type: redis
  connection_string: "{address}"
"""


def main() -> None:
    """Define two views and write them to the online store."""
    folder, address, most = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    repo = folder / "repo"
    repo.mkdir(exist_ok=True)
    (repo / "feature_store.yaml").write_text(REPO.format(address=address))
    store = FeatureStore(repo_path=str(repo))
    with np.load(folder / "vectors.npz", allow_pickle=False) as arrays:
        write(store, folder, "user", arrays["users"][:most], arrays["user_rows"][:most])
        write(store, folder, "item", arrays["items"], arrays["item_rows"])


def write(store: FeatureStore, folder: Path, name: str, ids: np.ndarray, rows: np.ndarray) -> None:
    """A view of an entity with one number a column."""
    features = [f"f{column}" for column in range(rows.shape[1])]
    frame = pd.DataFrame(rows, columns=features)
    frame[name] = ids
    frame["happened"] = frame["created"] = datetime.now(UTC)
    path = folder / f"{name}.parquet"
    frame.to_parquet(path)
    entity = Entity(name=name, join_keys=[name], value_type=ValueType.STRING)
    view = FeatureView(
        name=f"{name}_features",
        entities=[entity],
        ttl=timedelta(days=365),
        schema=[Field(name=feature, dtype=Float32) for feature in features],
        source=FileSource(
            path=str(path), timestamp_field="happened", created_timestamp_column="created"
        ),
    )
    store.apply([entity, view])
    store.write_to_online_store(f"{name}_features", df=frame)


if __name__ == "__main__":
    main()
