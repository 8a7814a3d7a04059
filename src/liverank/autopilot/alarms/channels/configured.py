"""The channels that the config asks for."""

from collections.abc import Mapping

from liverank.autopilot.alarms.channels.channel import Channel
from liverank.autopilot.alarms.channels.command import Command
from liverank.autopilot.alarms.channels.email import Mailbox
from liverank.autopilot.alarms.channels.server_log import ServerLog
from liverank.autopilot.alarms.channels.slack import Slack
from liverank.autopilot.alarms.channels.webhook import Webhook
from liverank.config_autopilot import Alarms


def channels_of(alarms: Alarms, environment: Mapping[str, str]) -> tuple[Channel, ...]:
    """The server's log, and what ``[autopilot.alarms]`` names; ``environment`` holds passwords.

    >>> [channel.name for channel in channels_of(Alarms(command=("/opt/bin/page", "key")), {})]
    ["the server's log", 'command (page)']
    """
    channels: list[Channel] = [ServerLog()]
    if alarms.webhook is not None:
        channels.append(Webhook(alarms.webhook))
    if alarms.slack is not None:
        channels.append(Slack(alarms.slack))
    if alarms.email is not None:
        channels += [Mailbox(alarms.email, to, environment) for to in alarms.email.to]
    if alarms.command:
        channels.append(Command(alarms.command))
    return tuple(channels)
