"""The table ``[events]`` of liverank.toml: how incoming events are checked."""

import msgspec


class EventsTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options for incoming events, by HTTP or from files."""

    strict: bool = False
    """Whether interaction types and surfaces that the file does not declare are refused."""
