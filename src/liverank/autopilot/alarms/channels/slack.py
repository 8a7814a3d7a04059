"""A Slack-shaped webhook: ``{"text": ..., "blocks": ...}``, within Slack's limits.

Source: https://api.slack.com/reference/block-kit/blocks
"""

import msgspec

from liverank.autopilot.alarms.channels.channel import TIMEOUT_S
from liverank.autopilot.alarms.channels.http_post import host_of, post_json
from liverank.autopilot.alarms.message import Message

MOST_TITLE, MOST_SECTION, MOST_TEXT, MOST_BLOCKS = 150, 3_000, 4_000, 50
"""Characters of a header, of a section and of the text of a message; blocks of a message."""
_MARKS = {"critical": "🔴 ", "warning": "🟠 "}


class Slack(msgspec.Struct, frozen=True):
    """POSTs messages in Slack's form."""

    url: str
    timeout_s: float = TIMEOUT_S

    @property
    def name(self) -> str:
        """The kind and the host."""
        return f"slack ({host_of(self.url)})"

    def send(self, message: Message) -> None:
        """POST the message. Raises NotificationError."""
        body = msgspec.json.encode(slack_body(message))
        post_json(self.url, body, timeout_s=self.timeout_s)


def slack_body(message: Message) -> dict[str, object]:
    """A message in Slack's form; longer texts are cut at their limits, with an ellipsis."""
    title = f"{_MARKS.get(message.severity, '')}{message.subject}"
    header = {
        "type": "header",
        "text": {"type": "plain_text", "text": _cut(title, MOST_TITLE), "emoji": True},
    }
    sections = [
        {"type": "section", "text": {"type": "mrkdwn", "text": _escaped(text, MOST_SECTION)}}
        for text in message.paragraphs
        if text.strip()
    ]
    text = _escaped("\n".join((title, *message.paragraphs)), MOST_TEXT)
    return {"text": text, "blocks": [header, *sections][:MOST_BLOCKS]}


def _escaped(text: str, most: int) -> str:
    """Text with Slack's three control characters escaped, of at most so many characters."""
    pieces: list[str] = []
    left = most
    for character in text:
        piece = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(character, character)
        left -= len(piece)
        pieces.append(piece)
        if left < 0:
            break
    if left >= 0:
        return "".join(pieces)
    while sum(map(len, pieces)) > most - 1:
        pieces.pop()
    return f"{''.join(pieces)}…"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
