"""From a segment of the log to feature state and live items: each text of item fields once."""

from collections import Counter

import pytest

from liverank.config import parse_config
from liverank.events.event import Interaction, Item, User
from liverank.events.frame import frame_of, in_import_order
from liverank.events.log import Log
from liverank.events.schema.profile import profile_events
from liverank.events.schema.schema import resolve_schema
from liverank.events.wire import decode_fields
from liverank.features.layout.derived_layout import layout_of
from liverank.features.stream import event_arrays
from liverank.serving.state import live_items, log_fold
from liverank.serving.state.log_fold import FoldedLog

CONFIG = parse_config('[label]\ninteraction = "join"\n[items.fields]\nhost = "key"\n')
EVENTS = [
    Item(time=1, item="a", state="started", fields={"host": "h1", "topics": ["ai"]}),
    Item(time=2, item="b", state="started", fields={"host": "h1", "topics": ["ai"]}),
    Item(time=3, item="a", fields={"host": "h2"}),
    User(time=4, user="u1", fields={"language": "en"}),
    Item(time=5, item="c", state="started"),
    Interaction(time=6, type="join", user="u1", item="a"),
]


@pytest.fixture
def decoded(monkeypatch):
    """Counts the texts that are decoded on this way."""
    counts = Counter()

    def counting(text):
        counts[text] += 1
        return decode_fields(text)

    for module in (event_arrays, live_items, log_fold):
        monkeypatch.setattr(module, "decode_fields", counting)
    return counts


def test_the_fields_of_an_item_in_a_segment_are_decoded_once_for_both_states(tmp_path, decoded):
    with Log.open(tmp_path / "log") as log:
        frame = in_import_order(frame_of(EVENTS))
        log.import_frame(frame, arrived_ms=10)
        layout = layout_of(resolve_schema(CONFIG, profile_events([frame])), CONFIG)
        folded = FoldedLog(layout, CONFIG)
        log_slice = folded.read_slice(log, max_rows=100)
        folded.fold(log_slice)

    assert decoded == Counter(
        ['{"host":"h1","topics":["ai"]}', '{"host":"h2"}', '{"language":"en"}']
    )
    assert {name: item.fields for name, item in folded.live.known.items()} == {
        "a": {"host": "h2", "topics": ["ai"]},
        "b": {"host": "h1", "topics": ["ai"]},
        "c": {},
    }
