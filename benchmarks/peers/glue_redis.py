"""What a team would glue together: FastAPI, features from Redis by one MGET, LightGBM's predict.

Runs in an environment that has fastapi, uvicorn, redis, lightgbm and numpy, and nothing of ours.
``python glue_redis.py FOLDER`` fills Redis and serves; FOLDER is what ``serve.glue`` wrote there:
``vectors.npz``, ``columns.json``, ``model.txt``. It answers as our server does.
"""

import json
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import redis
import redis.asyncio
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

AT_ONCE = 1_000


class RankRequest(BaseModel):
    """The part of our request that it knows."""

    user: str
    items: list[str]
    limit: int = 50


def main() -> None:
    """Fill Redis and serve."""
    folder, address, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    items = fill(folder, redis.Redis.from_url(address))
    app = make_app(folder, redis.asyncio.Redis.from_url(address), items)
    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )


def fill(folder: Path, store: redis.Redis) -> list[str]:
    """A packed float32 vector for each person and item; the items' ids."""
    with np.load(folder / "vectors.npz", allow_pickle=False) as arrays:
        for letter, ids, rows in (
            ("u", arrays["users"], arrays["user_rows"]),
            ("i", arrays["items"], arrays["item_rows"]),
        ):
            names = ids.tolist()
            for begin in range(0, len(names), AT_ONCE):
                some = zip(names[begin : begin + AT_ONCE], rows[begin:], strict=False)
                store.mset({f"{letter}:{name}": row.tobytes() for name, row in some})
        items: list[str] = arrays["items"].tolist()
        return items


def make_app(folder: Path, store: redis.asyncio.Redis, items: list[str]) -> FastAPI:
    """The application."""
    columns = {
        name: np.array(places, np.int64) if isinstance(places, list) else places
        for name, places in json.loads((folder / "columns.json").read_text()).items()
    }
    booster = lightgbm.Booster(model_file=str(folder / "model.txt"))
    app = FastAPI()

    @app.post("/v1/rank")
    async def rank(request: RankRequest) -> dict[str, Any]:
        keys = [f"u:{request.user}", *(f"i:{item}" for item in request.items)]
        person, *vectors = await store.mget(keys)
        rows = feature_rows(person, vectors, columns)
        scores = booster.predict(rows, num_threads=1)
        order = np.argsort(-scores)[: request.limit]
        return {
            "id": "-",
            "fallback": None,
            "dropped": {},
            "items": [
                {"item": request.items[place], "score": float(scores[place]), "position": position}
                for position, place in enumerate(order)
            ],
        }

    @app.get("/v1/items")
    async def live() -> dict[str, Any]:
        listed = [{"item": item, "since": 0, "fields": {}} for item in items]
        return {"live": len(items), "items": listed}

    return app


def feature_rows(
    person: bytes | None, vectors: list[bytes | None], columns: dict[str, Any]
) -> np.ndarray:
    """What the model reads, float32[items, features]: stored numbers, then comparisons of them."""
    nothing = np.full(len(columns["of_items"]), np.nan, np.float32).tobytes()
    packed = b"".join(nothing if vector is None else vector for vector in vectors)
    base = np.full((len(vectors), columns["base"]), np.nan, np.float32)
    base[:, columns["of_items"]] = np.frombuffer(packed, np.float32).reshape(len(vectors), -1)
    if person is not None:
        base[:, columns["of_people"]] = np.frombuffer(person, np.float32)
    rows = np.empty((len(vectors), columns["features"]), np.float32)
    rows[:, columns["plain"]] = base[:, columns["plain_of"]]
    compared = base[:, columns["above_of"]]
    rows[:, columns["above"]] = compared - np.nansum(compared, axis=0) / np.maximum(
        (~np.isnan(compared)).sum(axis=0), 1
    )
    ranks = base[:, columns["rank_of"]].argsort(axis=0).argsort(axis=0)
    rows[:, columns["rank"]] = ranks / max(len(vectors) - 1, 1)
    return rows


if __name__ == "__main__":
    main()
