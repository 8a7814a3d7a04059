"""A letter as Markdown, for e-mail and for people who read text."""

import re

from liverank.autopilot.letter.letter import Letter
from liverank.autopilot.letter.sections import (
    Row,
    experiments_in_words,
    figures_of,
    how_measured,
    released_rows,
    released_summary,
    trouble_rows,
    troubles_left_out,
    volume_rows,
)
from liverank.autopilot.letter.words import change_words, dates_words, day_words, interval_words

_SPECIAL = re.compile(r"([\\*_\[\]<>#|])")


def render_markdown(letter: Letter) -> str:
    """The letter as Markdown; names from the log are escaped, so that they are only text."""
    parts = [
        f"# {_text(letter.headline)}",
        f"{letter.title}, {dates_words(letter.from_ms, letter.to_ms)} (UTC)",
        *_value(letter),
        "## What changed against the week before",
        _changed(letter),
        "## What was released, and what was not",
        _text(released_summary(letter)),
        *_list(released_rows(letter)),
        "## What went wrong",
        *(_list(trouble_rows(letter)) or ["Nothing."]),
        *filter(None, [_text(troubles_left_out(letter))]),
        "## What to look at",
        *_look_at(letter),
    ]
    return "\n\n".join(parts) + "\n"


def _value(letter: Letter) -> list[str]:
    parts = []
    figures = figures_of(letter)
    if figures:
        parts.append(
            "\n".join(
                f"- **{one.value}** {_text(one.name)}: {_text('; '.join(one.notes))}"
                for one in figures
            )
        )
    parts += [_text(text) for text in (*how_measured(letter), *experiments_in_words(letter))]
    course = [
        f"| {day_words(one.from_ms)} | {change_words(lift.lift)} | "
        f"{interval_words(lift.low, lift.high)} |"
        for one in letter.value.course
        if one is not None and one.lifts
        for lift in one.lifts[:1]
        if lift.lift is not None and lift.low is not None and lift.high is not None
    ]
    if len(course) > 1:
        parts.append(
            "\n".join(["| week from | change | 95 % interval |", "| --- | --- | --- |", *course])
        )
    return parts


def _changed(letter: Letter) -> str:
    rows = [f"| {_text(name)} | {now} | {change} |" for name, now, change in volume_rows(letter)]
    if not rows:
        return "Unknown, because the log has no events of it."
    return "\n".join(["| | this week | change |", "| --- | --- | --- |", *rows])


def _list(rows: list[Row]) -> list[str]:
    if not rows:
        return []
    return ["\n".join(f"- {row.when}: **{_text(row.what)}**, {_text(row.why)}" for row in rows)]


def _look_at(letter: Letter) -> list[str]:
    if not letter.advice:
        return ["Nothing."]
    return [
        "\n".join(
            f"{number}. **{_text(one.what)}**: {_text(one.next_step)}"
            for number, one in enumerate(letter.advice, 1)
        )
    ]


def _text(text: str) -> str:
    r"""One line in which only names between backticks are markup.

    >>> _text("a_b is *not* `a_b`\n<i>")
    'a\\_b is \\*not\\* `a_b` \\<i\\>'
    """
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(
        part if index % 2 else _SPECIAL.sub(r"\\\1", part) for index, part in enumerate(parts)
    )
