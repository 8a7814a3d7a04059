"""One look at the alarms: what changed goes to the log, and then to the people."""

from collections.abc import Sequence

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.alarms.dedupe import Changes, changes
from liverank.autopilot.alarms.delivery import Delivery
from liverank.autopilot.alarms.message import messages_of
from liverank.autopilot.history.state import AutopilotState
from liverank.config_autopilot import Alarms
from liverank.errors import LogFullError
from liverank.events.log import Log
from liverank.quantities import duration_ms


def look(
    log: Log,
    state: AutopilotState,
    now: Sequence[Alarm],
    config: Alarms,
    *,
    at_ms: int,
    delivery: Delivery | None,
) -> Changes:
    """Log and send what changed since the last look; ``now`` are the alarms that are seen.

    ``state`` is that of the whole log; without ``delivery``, changes are only logged.

    The log comes first: a kill between the two loses a message, and ``liverank autopilot status``
    shows the alarm all the same; the other way round, each kill would repeat one. Raises LogError
    and its kinds; then nothing is sent, and the next look tries again. Only where the disk is full
    (LogFullError) are messages of critical alarms sent all the same, as nobody would hear of it
    otherwise: once in ``config.repeat`` by each process.
    """
    repeat_ms = duration_ms(config.repeat)
    found = changes(state, now, at_ms=at_ms, repeat_ms=repeat_ms)
    messages = () if delivery is None else messages_of(found, at_ms=at_ms)
    if found.steps:
        try:
            log.append(list(found.steps), arrived_ms=at_ms)
        except LogFullError:
            if delivery is not None:
                for message in messages:
                    if message.severity == "critical":
                        delivery.send_unlogged(message, repeat_ms=repeat_ms)
            raise
    if delivery is not None:
        for message in messages:
            delivery.send(message)
    return found
