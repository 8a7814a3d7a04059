"""The hidden truth about past lists, row by row: what a backtest could reach at best.

Invariant: it scores the rows that a model is given, in their order.
"""

import numpy as np
from numpy.typing import NDArray

from liverank.dataset.lists import Lists
from liverank.errors import SimulatorError
from liverank.features.hashing import hash_ids
from liverank.simulator.chronicle import Chronicle
from liverank.simulator.people import Floats, Ints
from liverank.simulator.taste import appeal, chance_of_join
from liverank.simulator.world import World


def true_scores(world: World, lists: Lists, chronicle: Chronicle | None = None) -> Floats:
    r"""The true chance of a join for each row of these lists, if seen at the top: float64[k].

    The chronicle is that of the log that the lists are from; without one it is as the world began.
    Raises SimulatorError when a list is of a person, or holds an item, that this world has not.

    >>> from liverank.config import parse_config
    >>> from liverank.dataset.lists import collect_lists
    >>> from liverank.events.event import Ranking
    >>> from liverank.events.frame import frame_of
    >>> from liverank.events.profile import profile_events
    >>> from liverank.events.schema import resolve_schema
    >>> from liverank.features.derived_layout import layout_of
    >>> from liverank.simulator.world import build_world
    >>> world = build_world(7, people=100, days=1)
    >>> config = parse_config('[label]\ninteraction = "join"')
    >>> frame = frame_of(
    ...     [Ranking(time=world.start_ms, id="a", user="u3", items=["room1"])], seqs=[1]
    ... )
    >>> layout = layout_of(resolve_schema(config, profile_events([frame])), config)
    >>> true_scores(world, collect_lists([frame], layout, config)).shape
    (1,)
    """
    reads = lists.reads
    people = _places(world.people.ids, reads.user, "person")
    rooms = _places(world.rooms.ids, reads.items, "item")
    chances = np.empty(len(rooms))
    chronicle = chronicle or Chronicle(world)
    for row, person in enumerate(people.tolist()):
        start, stop = reads.offsets[row : row + 2]
        appeals = appeal(world, person, rooms[start:stop], int(reads.at[row]), chronicle)
        chances[start:stop] = chance_of_join(appeals)
    return chances


def captured_lift(model: float, heuristic: float, oracle: float) -> float | None:
    """The share of the oracle's lift over a heuristic that a model has, by any metric to raise.

    It is below zero for a model that is worse than the heuristic, and None when the oracle is no
    better than it, so that there is nothing to capture.

    >>> round(captured_lift(0.7, 0.6, 0.8), 3)
    0.5
    """
    return (model - heuristic) / (oracle - heuristic) if oracle > heuristic else None


def _places(ids: tuple[str, ...], hashes: NDArray[np.uint64], noun: str) -> Ints:
    """Where the ids with these hashes stand among ``ids``."""
    known = hash_ids(ids)
    order = np.argsort(known)
    places = order[np.searchsorted(known, hashes, sorter=order) % len(known)]
    strange = known[places] != hashes
    if strange.any():
        raise SimulatorError(
            f"{int(strange.sum())} of {len(hashes)} rows are about a {noun} that is not of this "
            "world; give the lists of a log that this world made"
        )
    return places.astype(np.int64)
