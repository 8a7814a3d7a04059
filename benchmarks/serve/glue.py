"""Beside ours in one run: what a team would glue together, and Feast's feature server.

The glue (``peers/glue_redis.py``) is FastAPI on uvicorn with uvloop and httptools, features from
Redis by one MGET, and LightGBM's predict with the trees of our own bundle. Both rank the same
candidates for the same people. It leans the glue's way: nothing keeps its Redis up to date and
nothing is logged, while ours folds and logs; its features of a person and an item together are
those of one person, held with the item; and parts of a blend that are no forest are left out.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from liverank.features.hashing import hash_id, hash_ids
from liverank.features.kinds.listwise import AboveMean, Rank
from liverank.features.spec import FeatureSpec, SpecFeature
from liverank.models.forest.forest import Forest
from serve.forest_text import lightgbm_text
from serve.served_world import Served

PACKAGES = ("feast[redis]==0.67.0", "lightgbm==4.7.0")
"""What the peers need; feast brings fastapi, uvicorn, uvloop, httptools, redis and hiredis."""
INSTALL_S = 480
PEERS = Path(__file__).resolve().parent.parent / "peers"
REDIS_PORT = 8767
REDIS = f"redis://127.0.0.1:{REDIS_PORT}"
PEOPLE_READ = 16
"""People whose features are compared to tell which depend on whom."""

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Vectors:
    """Stored numbers, and where the model finds them.

    ``columns`` gives places: of the base columns that come with items and with people, and of the
    features that are base columns, differences to the list's mean, or ranks in it.
    """

    user_rows: Rows
    item_rows: Rows
    columns: dict[str, Any]
    of_pairs: int
    """Base columns that depend on a person and an item, which are held with items."""


def make_vectors(served: Served, users: list[str], items: list[str], *, at_ms: int) -> Vectors:
    """Read the base columns of all people and items from our state."""
    base, places = base_spec(served.bundle.spec)
    program, words = served.program(base), served.request_words()
    hashes = hash_ids(items)

    def read(user: str, chosen: NDArray[np.uint64]) -> Rows:
        return served.state.read(
            program,
            user=hash_id(user),
            at_ms=float(at_ms),
            items=chosen,
            request=words,
            positions=np.array([0.0]),
        )

    some = np.stack([read(user, hashes) for user in users[:PEOPLE_READ]])
    of_people = _is_constant(some, 1) & ~_is_constant(some, 0)
    of_pairs = ~_is_constant(some, 1) & ~_is_constant(some, 0)
    people = np.concatenate([read(user, hashes[:1]) for user in users])
    columns = {
        "base": len(base.features),
        "features": len(served.bundle.spec.features),
        "of_items": np.flatnonzero(~of_people).tolist(),
        "of_people": np.flatnonzero(of_people).tolist(),
        **places,
    }
    return Vectors(people[:, of_people], some[0][:, ~of_people], columns, int(of_pairs.sum()))


def base_spec(spec: FeatureSpec) -> tuple[FeatureSpec, dict[str, list[int]]]:
    """The features that are no comparison, or are compared; and who is made of which of them."""
    base: dict[Any, SpecFeature] = {}
    places: dict[str, list[int]] = {
        name: [] for name in ("plain", "plain_of", "above", "above_of", "rank", "rank_of")
    }
    numbers: dict[Any, int] = {}
    for column, feature in enumerate(spec.features):
        expression, how = feature.expression, "plain"
        if isinstance(expression, AboveMean | Rank):
            how = "above" if isinstance(expression, AboveMean) else "rank"
            expression = expression.of
        number = numbers.setdefault(expression, len(numbers))
        base.setdefault(expression, SpecFeature(f"b{number}", feature.kind, expression))
        places[how].append(column)
        places[f"{how}_of"].append(number)
    return FeatureSpec(spec.layout, tuple(base.values())), places


def write_peer_files(
    folder: Path, served: Served, vectors: Vectors, users: list[str], items: list[str]
) -> dict[str, Any]:
    """Write what the peers read; what was left out of it. Raises RuntimeError without trees."""
    forests = [term for term in served.bundle.model.terms if isinstance(term.part, Forest)]
    if not forests:
        raise RuntimeError("the served model has no trees; train with a larger --budget")
    weight = sum(term.weight for term in forests)
    whole = joined([term.part.rescaled(term.weight / weight, 0.0) for term in forests])
    text, golden = lightgbm_text(whole), served.bundle.golden
    theirs = lightgbm.Booster(model_str=text).predict(golden, raw_score=True)
    np.testing.assert_allclose(theirs, whole.margin(golden), rtol=1e-9, atol=1e-9)
    (folder / "model.txt").write_text(text)
    (folder / "columns.json").write_text(json.dumps(vectors.columns))
    np.savez(
        folder / "vectors.npz",
        users=np.array(users),
        items=np.array(items),
        user_rows=vectors.user_rows,
        item_rows=vectors.item_rows,
    )
    return {
        "trees": whole.n_trees,
        "nodes": len(whole.feature),
        "parts_left_out": len(served.bundle.model.terms) - len(forests),
        "columns_of_pairs": vectors.of_pairs,
    }


def peer_python(cache: Path) -> Path | None:
    """An interpreter with the peers' packages, kept in the cache; None where none installs."""
    place = cache / "peers"
    python, done = place / "bin" / "python", place / ".ready"
    if done.exists() and done.read_text() == " ".join(PACKAGES):
        return python
    shutil.rmtree(place, ignore_errors=True)
    began = time.monotonic()
    for step in (
        [sys.executable, "-m", "venv", str(place)],
        [str(python), "-m", "pip", "install", "--quiet", *PACKAGES],
    ):
        left = INSTALL_S - (time.monotonic() - began)
        try:
            subprocess.run(step, check=True, timeout=left, stdout=subprocess.DEVNULL)
        except (subprocess.SubprocessError, OSError) as error:
            print(f"the peers could not be installed: {error}", file=sys.stderr)
            return None
    done.write_text(" ".join(PACKAGES))
    return python


@contextmanager
def redis_server() -> Iterator[subprocess.Popen[bytes] | None]:
    """A Redis of its own, in memory; None where there is no redis-server."""
    command = shutil.which("redis-server")
    if command is None:
        print("no redis-server (apt-get install redis-server)", file=sys.stderr)
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        settings = ["--port", str(REDIS_PORT), "--save", "", "--dir", folder]
        process = subprocess.Popen([command, *settings], stdout=subprocess.DEVNULL)
        time.sleep(0.5)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def _is_constant(values: Rows, axis: int) -> NDArray[np.bool_]:
    """Columns of float32[people, items, columns] that are the same along an axis, NaN too."""
    first = np.take(values, [0], axis=axis)
    same = (values == first) | (np.isnan(values) & np.isnan(first))
    return same.all(axis=(0, 1))


def joined(forests: list[Forest]) -> Forest:
    """One forest of all their trees."""
    arrays = [forest.to_arrays() for forest in forests]
    sizes = np.cumsum([0, *(len(each["feature"]) for each in arrays)])
    starts = [each["starts"][:-1] + size for each, size in zip(arrays, sizes, strict=False)]
    names = ("feature", "threshold", "left", "nan_left", "value")
    return Forest(
        n_features=forests[0].n_features,
        starts=np.concatenate([*starts, sizes[-1:]]).astype(np.int32),
        **{name: np.concatenate([each[name] for each in arrays]) for name in names},
    )
