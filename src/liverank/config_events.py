"""The table ``[events]`` of liverank.toml: what is done with events that come in."""

import msgspec


class EventsTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events that come in, by HTTP or from files."""

    strict: bool = False
    """Whether interaction types and surfaces that the file does not declare are refused."""
