"""``LiveItems`` and feature state fold item events on their own; both must agree on what has ended.

The kernels of state are compiled and read words of shared memory, and ``LiveItem`` is a Python
object, so they share no code. This test holds them together.
"""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ranker import SPEC, folded_of

from liverank.events.event import Item
from liverank.features.compiler import Compiler
from liverank.features.hashing import hash_ids
from liverank.features.kinds.lifecycle import LifeState
from liverank.features.stream.event_arrays import request_words

ITEMS = ["a", "b", "c"]
ANNOUNCED, LIVE, OVER = 0.0, 1.0, 2.0
PROGRAM = Compiler(SPEC.layout).program([LifeState()])

item_events = st.builds(
    Item,
    time=st.integers(1, 20),  # few, so that starts, ends and announcements often coincide
    item=st.sampled_from(ITEMS),
    state=st.sampled_from(["scheduled", "started", "updated", "ended"]),
)


@settings(max_examples=300, deadline=None)
@given(events=st.lists(item_events, min_size=1, max_size=10))
def test_live_items_and_state_agree_on_what_was_announced_and_what_has_ended(events):
    folded = folded_of(*events)
    names = sorted(folded.live.known)
    rows, _ = folded.state.read_cut(
        PROGRAM,
        user=0,
        at_ms=100.0,
        items=hash_ids(names),
        request=request_words({}, "default", SPEC.layout),
        positions=np.zeros(1),
        patience_s=1.0,
    )
    for name, state in zip(names, rows[:, 0].tolist(), strict=True):
        item = folded.live.known[name]
        assert item.has_ended == (state == OVER), events
        assert item.is_scheduled == (state == ANNOUNCED), events
        was_started = not math.isnan(item.started) and not item.ended >= item.started
        assert was_started == (state == LIVE), events
