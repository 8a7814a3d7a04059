"""The ordered, durable, deduplicated sequence of events; docs/log.md tells how it is kept."""

from liverank.events.log.append import Appended
from liverank.events.log.append_served import AppendedRankings
from liverank.events.log.bulk_import import Imported
from liverank.events.log.erase import Erased
from liverank.events.log.log import Log
from liverank.events.log.stats import Stats
from liverank.events.log.storage.tail import TailEvent, TailSlice

__all__ = [
    "Appended",
    "AppendedRankings",
    "Erased",
    "Imported",
    "Log",
    "Stats",
    "TailEvent",
    "TailSlice",
]
