"""Writes a letter to its files, and says what to log and to send."""

from pathlib import Path
from typing import NamedTuple

import msgspec

from liverank.autopilot.alarms.message import Message
from liverank.autopilot.letter.compose import letter_of
from liverank.autopilot.letter.html import render_html
from liverank.autopilot.letter.letter import Letter
from liverank.autopilot.letter.markdown import render_markdown
from liverank.autopilot.letter.period import Period
from liverank.autopilot.letter.sections import figures_of, how_measured
from liverank.config import Config
from liverank.durable import write_durably
from liverank.events.autopilot_steps import step_of
from liverank.events.event import AutopilotStep
from liverank.events.log import Log

FOLDER = "letters"
"""Folder of the letters in the data directory."""


class LetterWritten(msgspec.Struct, frozen=True, kw_only=True):
    """The detail of ``letter_written``."""

    name: str
    from_ms: int
    to_ms: int


class WrittenLetter(NamedTuple):
    """A letter, its files, the event to append to the log, and the message to send then."""

    letter: Letter
    html: Path
    markdown: Path
    step: AutopilotStep
    message: Message


def write_letter(
    log: Log, config: Config, folder: Path, period: Period, *, at_ms: int
) -> WrittenLetter:
    """Compose the letter of a period and write ``NAME.html`` and ``NAME.md`` into ``folder``.

    Both files are on disk before it returns; the same log gives the same bytes. Raises OSError,
    LogError and its kinds.
    """
    letter = letter_of(log, config, period)
    page, text = render_html(letter), render_markdown(letter)
    folder.mkdir(parents=True, exist_ok=True)
    html, markdown = folder / f"{letter.name}.html", folder / f"{letter.name}.md"
    write_durably(html, page.encode())
    write_durably(markdown, text.encode())
    step = step_of(
        "letter_written",
        at_ms=at_ms,
        reason=letter.headline,
        detail=LetterWritten(name=letter.name, from_ms=letter.from_ms, to_ms=letter.to_ms),
    )
    message = message_of_letter(letter, page, text, at_ms=at_ms)
    return WrittenLetter(letter, html, markdown, step, message)


def message_of_letter(letter: Letter, html: str, markdown: str, *, at_ms: int) -> Message:
    """The message with a letter: in short for chats, whole for e-mail."""
    figures = tuple(
        f"{one.value} {one.name}: {'; '.join(one.notes)}." for one in figures_of(letter)
    )
    look_at = tuple(f"Look at: {one.what}. {one.next_step}" for one in letter.advice)
    return Message(
        kind="letter",
        id=f"letter:{letter.name}",
        at_ms=at_ms,
        title=f"liverank, {letter.title}",
        paragraphs=(
            letter.headline,
            *figures,
            *how_measured(letter),
            *(look_at or ("Nothing to look at.",)),
        ),
        markdown=markdown,
        html=html,
    )
