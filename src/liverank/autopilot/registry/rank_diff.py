"""How two bundles rank the same lists, the newest of the log.

Invariant: both score all items of a list with the features that serving would have read then.
"""

from collections.abc import Callable

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from liverank.autopilot.frames import Frames
from liverank.autopilot.replayed_policy import bundle_policy, policy_scores
from liverank.bundle.bundle import Bundle
from liverank.config import Config
from liverank.dataset.lists.collected import Collector
from liverank.dataset.lists.lists import lists_of
from liverank.events.clock import right_times
from liverank.features.hashing import hash_column, hash_id
from liverank.quantities import duration_ms

TOP = 10
MOST_SHOWN = 5
"""Lists that are shown, those that differ most."""
_SHOWN_ITEMS = 3


class ListDiff(msgspec.Struct, frozen=True, kw_only=True):
    """One ranking, as both bundles would have ranked it."""

    ranking: str
    user: str
    at_ms: int
    items: int
    """Number of items of the list."""
    tau: float
    a: tuple[str, ...]
    """The first items by ``a``."""
    b: tuple[str, ...]


class RankDiff(msgspec.Struct, frozen=True, kw_only=True):
    """How alike two bundles rank; means over the lists of two items or more."""

    lists: int
    """Lists of two items or more."""
    same_first: float
    """Share of the lists with the same first item."""
    overlap: float
    """Share of the first ten items (or of all, of shorter lists) that both have there."""
    tau: float
    """Kendall's tau-b of the two scores: 1 for the same order, -1 for the opposite one."""
    most_different: tuple[ListDiff, ...]
    """The lists with the lowest tau, if below 1."""


def rank_diff(
    a: Bundle,
    b: Bundle,
    frames: Frames,
    config: Config,
    *,
    lists: int,
    on_progress: Callable[[str, float], None] | None = None,
) -> RankDiff | None:
    """Rank the ``lists`` newest rankings of the log by both; None where none has two items."""
    newest = _newest(frames, config, lists)
    if newest.is_empty():
        return None
    collector = Collector(config, from_ms=float(newest["at"].min()))  # type: ignore[arg-type]
    for frame in frames():
        collector.add(frame, wanted=_are_among(frame, newest))
    rankings = collector.rankings()
    scores = []
    for number, bundle in enumerate((a, b)):
        same_lists = lists_of(collector, bundle.spec.layout, config)

        def report(share: float, number: int = number) -> None:
            if on_progress is not None:
                on_progress("replaying", (number + share) / 2)

        scores.append(policy_scores(frames, bundle_policy(bundle), same_lists, config, report))
    names = _Names(newest, rankings.id)
    return compare_ranks(scores[0], scores[1], rankings.offsets, rankings.items, names)


class _Names:
    """The names of rankings, users and items, of which lists hold hashes alone."""

    def __init__(self, newest: pl.DataFrame, ids: NDArray[np.uint64]) -> None:
        rows = newest.iter_rows(named=True)
        self._rankings = {hash_id(row["id"]): row for row in rows}
        self._ids = ids
        named = newest.select(pl.col("items").list.concat(pl.col("candidates").fill_null([])))
        self._items: dict[int, str] = {
            hash_id(item): item for item in named.to_series().explode().unique()
        }

    def ranking(self, number: int) -> dict[str, object]:
        """The columns id, user and time of the ranking with this number."""
        return self._rankings[int(self._ids[number])]

    def item(self, hashed: int) -> str:
        """The id of an item."""
        return self._items[hashed]


def compare_ranks(
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    offsets: NDArray[np.int64],
    items: NDArray[np.uint64],
    names: _Names,
) -> RankDiff | None:
    """Compare two scores of all items of the lists, float64[k], where lists begin at ``offsets``.

    Items with equal scores keep the order of the list. None where no list has two items.
    """
    numbers = np.flatnonzero(np.diff(offsets) >= 2)
    if not len(numbers):
        return None
    same, overlaps, taus = (np.empty(len(numbers)) for _ in range(3))
    orders = []
    for row, number in enumerate(numbers.tolist()):
        own = slice(offsets[number], offsets[number + 1])
        first, second = (np.argsort(-score[own], kind="stable") for score in (a, b))
        top = min(TOP, len(first))
        same[row] = first[0] == second[0]
        overlaps[row] = len(np.intersect1d(first[:top], second[:top])) / top
        taus[row] = kendall_tau(a[own], b[own])
        orders.append((items[own][first], items[own][second]))
    worst = [row for row in np.argsort(taus, kind="stable")[:MOST_SHOWN].tolist() if taus[row] < 1]
    return RankDiff(
        lists=len(numbers),
        same_first=float(same.mean()),
        overlap=float(overlaps.mean()),
        tau=float(taus.mean()),
        most_different=tuple(
            _list_diff(names, int(numbers[row]), float(taus[row]), orders[row]) for row in worst
        ),
    )


def kendall_tau(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Kendall's tau-b of two scores of the same items, float64[n]: from -1 to 1.

    Where a score is the same for all items, it is 1 if the other is too, else 0.
    Source: Kendall (1945), The treatment of ties in ranking problems.

    >>> kendall_tau(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]))
    0.3333333333333333
    """
    above = np.triu_indices(len(a), 1)
    x, y = (np.sign(score[:, None] - score[None, :])[above] for score in (a, b))
    pairs = np.abs(x).sum() * np.abs(y).sum()
    if pairs == 0:
        return 1.0 if not np.abs(x).any() and not np.abs(y).any() else 0.0
    return float((x * y).sum() / np.sqrt(pairs))


def _list_diff(
    names: _Names,
    number: int,
    tau: float,
    orders: tuple[NDArray[np.uint64], NDArray[np.uint64]],
) -> ListDiff:
    ranking = names.ranking(number)
    first, second = (
        tuple(names.item(int(item)) for item in order[:_SHOWN_ITEMS]) for order in orders
    )
    return ListDiff(
        ranking=str(ranking["id"]),
        user=str(ranking["user"]),
        at_ms=int(str(ranking["time"])),
        items=len(orders[0]),
        tau=tau,
        a=first,
        b=second,
    )


def _newest(frames: Frames, config: Config, lists: int) -> pl.DataFrame:
    """The newest rankings: id, user, time, effective time ``at``, items, candidates."""
    newest = pl.DataFrame()
    for frame in frames():
        at, _ = right_times(frame, duration_ms(config.features.max_future))
        rankings = (
            frame.with_columns(at=pl.Series(at))
            .filter((pl.col("event") == "ranking") & (pl.col("items").list.len() > 0))
            .select("id", "user", "time", "at", "items", "candidates")
        )
        newest = pl.concat([newest, rankings]) if newest.width else rankings
        newest = newest.sort("at", "id", descending=True).head(lists)
    return newest


def _are_among(frame: pl.DataFrame, newest: pl.DataFrame) -> NDArray[np.bool_]:
    """Whether each event is one of these rankings, bool[n]."""
    hashes = hash_column(frame["id"])
    is_ranking: NDArray[np.bool_] = (frame["event"] == "ranking").to_numpy()
    return is_ranking & np.isin(hashes, hash_column(newest["id"]))
