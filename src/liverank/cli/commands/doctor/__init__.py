"""``liverank doctor``: check a running system, and report what is wrong and what to do."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from liverank.cli.commands.doctor.checks import project, server, server_log
from liverank.cli.commands.doctor.checks.finding import Finding, split_message, urgent_first
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, data_path, log_path
from liverank.config import Config, load_config
from liverank.errors import ConfigError, ServingError

HELP = "check a running system, and report what is wrong and what to do"

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a server may listen on
_COLOURS = {"error": "red", "warning": "yellow"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "url",
        nargs="?",
        metavar="URL",
        help="the server, e.g. http://localhost:8080; default: the address in the config",
    )
    add_config_argument(parser)
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="own log of the server (`liverank serve --log-format json`): report what happened",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Run every possible check, and fail if one of them found an error."""
    findings: list[Finding] = []
    config, url = None, arguments.url
    try:
        config = load_config(arguments.config)
    except ConfigError as error:
        if url is None or arguments.config.exists():
            findings.append(split_message("error", str(error), "correct the config"))
    if config is not None:
        findings += _check_project(arguments, config)
        url = url or _url(config)
    if url is not None:
        findings += _check_server(url)
    happened: list[str] = []
    if arguments.log is not None:
        happened, found = _check_server_log(arguments.log)
        findings += found
        for line in happened:
            console.print(Text(line), soft_wrap=True)
    findings = urgent_first(findings)
    for finding in findings:
        console.print(Text(finding.severity, _COLOURS[finding.severity]), finding.what)
        console.print(Text(f"    {finding.do}"), soft_wrap=True)
    if not findings:
        console.print("No problems found" + ("" if url is None else f" with the server at {url}"))
    return {
        "ok": all(finding.severity != "error" for finding in findings),
        "url": url,
        "findings": msgspec.to_builtins(findings),
        "happened": happened,
    }


def _check_project(arguments: argparse.Namespace, config: Config) -> Iterator[Finding]:
    """All checks of files on disk."""
    folder, root = log_path(arguments.config, config), data_path(arguments.config, config)
    at_ms = now_ms()
    yield from project.check_disk(folder)
    yield from project.check_log(folder, at_ms=at_ms)
    yield from project.check_bundles(root, config, at_ms=at_ms)
    yield from project.check_previous(root)
    yield from project.check_cache()


def _check_server(url: str) -> Iterator[Finding]:
    """All checks of a running server."""
    try:
        answers = server.ask(url)
    except ServingError as error:
        do = "start it with `liverank serve`, or name its address: `liverank doctor URL`"
        yield Finding("error", str(error), do)
        return
    for check in server.SERVER_CHECKS:
        yield from check(answers)


def _check_server_log(file: Path) -> tuple[list[str], list[Finding]]:
    """Lines about the newest events, and findings, from a server's own log."""
    try:
        summary = server_log.read_summary(file)
    except ServingError as error:
        return [], [
            split_message(
                "error", str(error), "name the file to which the server's stderr is redirected"
            )
        ]
    return server_log.what_happened(summary), list(server_log.check_summary(summary))


def _url(config: Config) -> str:
    host = _ANY_ADDRESS.get(config.serving.host, config.serving.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{config.serving.port}"
