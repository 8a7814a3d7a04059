"""What holds for the repository as a whole: documented commands, small files, a short README."""

import argparse
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from liverank.cli import COMMANDS, build_parser

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def subparsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of every command, and of every subcommand as ``experiment start``."""
    commands = _choices(build_parser())
    assert commands, "the parser has no commands"
    nested = {
        f"{name} {of}": subparser
        for name, parser in commands.items()
        for of, subparser in _choices(parser).items()
    }
    return {**commands, **nested}


def _choices(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def section(text: str, title: str) -> str:
    """The part of a Markdown text under ``## title``, up to the next heading of that level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert found is not None, f"docs/cli.md has no section `## {title}`"
    return found[1]


def test_every_command_is_a_module_of_the_command_line() -> None:
    for name in COMMANDS:
        assert importlib.util.find_spec(f"liverank.cli.commands.{name}") is not None, name


@pytest.mark.parametrize("name", list(subparsers()))
def test_every_command_and_each_of_its_options_is_documented(name: str) -> None:
    text = section(read("docs/cli.md"), f"liverank {name}")

    for action in subparsers()[name]._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        words = action.option_strings or [str(action.metavar or action.dest)]
        for word in words:
            assert re.search(rf"`[^`\n]*{re.escape(word)}\b[^`\n]*`", text), (
                f"docs/cli.md says nothing of `{word}` under `## liverank {name}`"
            )


def test_the_docs_name_no_option_that_does_not_exist() -> None:
    for name, parser in subparsers().items():
        known = {word for action in parser._actions for word in action.option_strings}
        rows = re.findall(
            r"^\| `(--[a-z-]+)", section(read("docs/cli.md"), f"liverank {name}"), re.M
        )
        assert set(rows) <= known, name


def test_every_command_takes_json_and_says_what_it_is_for() -> None:
    for name, parser in subparsers().items():
        assert parser.description, name
        assert any("--json" in action.option_strings for action in parser._actions), name


def test_the_package_runs_as_a_module() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "liverank", "--help"], capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stderr
    for name in COMMANDS:
        assert name in result.stdout


def test_bad_usage_exits_with_two_and_one_readable_line() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "liverank", "rank-everything"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "rank-everything" in result.stderr


def test_the_first_30_lines_of_the_readme_say_what_it_is_how_to_install_it_and_run() -> None:
    top = read("README.md").splitlines()[:30]
    code = re.findall(r"^```\w+\n(.*?)^```", "\n".join(top), re.M | re.S)
    lines = [line for block in code for line in block.splitlines() if line.strip()]

    assert top[0] == "# liverank"
    assert any(line and not line.startswith("#") for line in top[1:4]), "one sentence on what it is"
    assert any("install" in line.lower() for line in top)
    assert 8 <= len(lines) <= 14, "about ten lines that run"


def test_the_changelog_keeps_a_section_for_what_is_not_released() -> None:
    text = read("CHANGELOG.md")

    assert "keepachangelog.com" in text
    assert re.search(r"^## \[Unreleased\]$", text, re.M)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_a_source_file_holds_one_idea_in_at_most_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_every_relative_link_in_the_docs_leads_somewhere() -> None:
    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "benchmarks").glob("*.md"),
    ]

    for page in pages:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_texts_and_docs_name_no_command_that_does_not_exist() -> None:
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    for file in files:
        named = re.findall(r"`liverank ([a-z]+)", file.read_text(encoding="utf-8"))
        assert set(named) <= set(COMMANDS), file
