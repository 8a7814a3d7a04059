"""Compiles the kernels of a server, or loads them from the cache, before its processes are forked.

It uses no data frames: their library starts threads, which do not survive a fork.
"""

import numpy as np

from liverank.config import Config
from liverank.events.event import Interaction, Item
from liverank.events.log import TailEvent
from liverank.events.schema.schema import Schema
from liverank.features.layout.derived_layout import layout_of
from liverank.features.layout.layout import Layout
from liverank.features.state.state import State
from liverank.features.stream.single_events import EventStreams
from liverank.serving.experiments.warming import warm_up_experiments
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.fallback import FallbackLevel
from liverank.serving.ranking.ranker import View, make_ranker, rank
from liverank.serving.state.live_items import LiveItems
from liverank.serving.state.live_table import LivePublisher


def warm_up(level: FallbackLevel, config: Config) -> None:
    """Fold and rank once with a fallback level, in a discarded state."""
    layout = layout_of(Schema(), config) if level.bundle is None else level.bundle.spec.layout
    view = _small_view(level, layout)
    for items in (["-"], None):
        request = RankRequest(user="-", items=items)
        rank(view, Hashes(), request, request_id="-", at_ms=1, limit=1)
    if config.experiments:
        warm_up_experiments(view.state)
    if level.bundle is not None:
        width = level.bundle.model.n_features
        level.bundle.model.answers(np.zeros((200, width), np.float32))  # long and short lists


def _small_view(level: FallbackLevel, layout: Layout) -> View:
    """A view with one item and one interaction."""
    events = [
        TailEvent(1, 1, Item(time=1, item="-", state="started")),
        TailEvent(2, 1, Interaction(time=1, type="-", user="-", item="-")),
    ]
    stream = EventStreams(layout, max_future_ms=0.0).of(events)
    state = State(layout)
    state.fold(stream)
    live = LiveItems(expire_after_ms=1000.0, impression="-")
    live.fold_events([one.event for one in events], stream.at.tolist())
    return View(state, LivePublisher(live).table, make_ranker(level, layout), 1)
