"""The ordered, durable, deduplicated sequence of events; docs/log.md describes how it is kept."""

from liverank.events.log.append import AppendResult
from liverank.events.log.append_served import RankingAppendResult
from liverank.events.log.bulk_import import ImportResult
from liverank.events.log.erase import EraseResult
from liverank.events.log.log import Log
from liverank.events.log.stats import Stats
from liverank.events.log.storage.tail import TailEvent, TailSlice

__all__ = [
    "AppendResult",
    "EraseResult",
    "ImportResult",
    "Log",
    "RankingAppendResult",
    "Stats",
    "TailEvent",
    "TailSlice",
]
