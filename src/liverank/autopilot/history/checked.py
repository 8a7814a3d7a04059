"""The result of a check of features, as the detail of ``checked``."""

import msgspec

from liverank.autopilot.alarms.alarm import Alarm


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """Served features compared with replayed ones."""

    alarms: tuple[Alarm, ...] = ()
    """What goes on until the next check; empty where they agree."""
