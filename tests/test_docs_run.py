"""Every example in README.md and docs/ runs, parses or decodes, whatever its kind."""

import contextlib
import doctest
import io
import re
import shlex
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from liverank.cli import build_parser
from liverank.config import parse_config
from liverank.events.wire import decode_event

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


class Block(NamedTuple):
    """A fenced block: where it stands, its language and its text."""

    where: str
    language: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    return [
        Block(f"{page.name}:{text[: found.start()].count(chr(10)) + 1}", found[1], found[2])
        for found in re.finditer(r"^ *```(\w+)[^\n]*\n(.*?)^ *```", text, re.M | re.S)
    ]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages]


def named(block: Block) -> str:
    return block.where


def complaint_about(words: list[str]) -> str:
    """What the parser says against a command line; empty when it takes it."""
    complaint = io.StringIO()
    with contextlib.redirect_stderr(complaint), contextlib.redirect_stdout(io.StringIO()):
        try:
            build_parser().parse_args(words)
        except SystemExit as stopped:
            return complaint.getvalue() if stopped.code else ""
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__page__"}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)

    for block in blocks_of(page):
        if block.language != "python":
            continue
        if ">>>" in block.text:
            test = doctest.DocTestParser().get_doctest(block.text, names, block.where, str(page), 0)
            report = io.StringIO()
            runner.run(test, out=report.write, clear_globs=False)
            assert runner.summarize(verbose=False).failed == 0, report.getvalue()
            names.update(test.globs)
        else:
            exec(compile(block.text, block.where, "exec"), names)


@pytest.mark.parametrize("block", of("sh", "bash", "console"), ids=named)
def test_every_command_line_in_the_docs_is_one_that_liverank_takes(block: Block) -> None:
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        while words and ("=" in words[0] or words[0].endswith("python") or words[0] == "-m"):
            words = words[1:]
        if not words or Path(words[0]).name != "liverank" or words[1:] == ["--help"]:
            continue
        words = words[: words.index("&")] if "&" in words else words
        words = words[: words.index("|")] if "|" in words else words
        assert complaint_about(words[1:]) == "", f"{block.where}: {line}"


@pytest.mark.parametrize("block", of("toml"), ids=named)
def test_every_config_in_the_docs_is_valid(block: Block) -> None:
    named = "[label]" in block.text or "[labels." in block.text
    text = block.text if named else f'{block.text}\n[label]\ninteraction = "join"'

    assert parse_config(text, where=block.where).label.interaction


@pytest.mark.parametrize("block", of("json", "jsonl"), ids=named)
def test_every_event_in_the_docs_decodes(block: Block) -> None:
    try:
        pieces = [msgspec.json.decode(block.text)]
    except msgspec.DecodeError:
        pieces = [msgspec.json.decode(line) for line in block.text.splitlines() if line.strip()]

    for piece in pieces:
        if isinstance(piece, dict) and "event" in piece:
            assert decode_event(msgspec.json.encode(piece)).at_ms >= 0
