"""``liverank doctor``: look at a running system, and say what is wrong and what to do."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from liverank.cli.commands.doctor.checks import project, server, server_log
from liverank.cli.commands.doctor.checks.finding import Finding, parted, urgent_first
from liverank.cli.project.clock import now_ms
from liverank.cli.project.paths import add_config_argument, data_path, log_path
from liverank.config import Config, load_config
from liverank.errors import ConfigError, ServingError

HELP = "look at a running system, and say what is wrong and what to do"

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a server may listen on
_COLOURS = {"error": "red", "warning": "yellow"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "url",
        nargs="?",
        metavar="URL",
        help="the server, e.g. http://localhost:8080; default: where the config has it listen",
    )
    add_config_argument(parser)
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="the server's own log, of `liverank serve --log-format json`: say what happened, too",
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Make every check that can be made, and fail if one of them found an error."""
    findings: list[Finding] = []
    config, url = None, arguments.url
    try:
        config = load_config(arguments.config)
    except ConfigError as error:
        if url is None or arguments.config.exists():
            findings.append(parted("error", str(error), "mend the config"))
    if config is not None:
        findings += _of_project(arguments, config)
        url = url or _url(config)
    if url is not None:
        findings += _of_server(url)
    happened: list[str] = []
    if arguments.log is not None:
        happened, found = _of_log(arguments.log)
        findings += found
        for line in happened:
            console.print(Text(line), soft_wrap=True)
    findings = urgent_first(findings)
    for finding in findings:
        console.print(Text(finding.severity, _COLOURS[finding.severity]), finding.what)
        console.print(Text(f"    {finding.do}"), soft_wrap=True)
    if not findings:
        console.print("All is well" + ("" if url is None else f" with the server at {url}"))
    return {
        "ok": all(finding.severity != "error" for finding in findings),
        "url": url,
        "findings": msgspec.to_builtins(findings),
        "happened": happened,
    }


def _of_project(arguments: argparse.Namespace, config: Config) -> Iterator[Finding]:
    """All checks of what lies on disk."""
    folder, root = log_path(arguments.config, config), data_path(arguments.config, config)
    at_ms = now_ms()
    yield from project.check_disk(folder)
    yield from project.check_log(folder, at_ms=at_ms)
    yield from project.check_bundles(root, config, at_ms=at_ms)
    yield from project.check_previous(root)
    yield from project.check_cache()


def _of_server(url: str) -> Iterator[Finding]:
    """All checks of a running server."""
    try:
        answers = server.ask(url)
    except ServingError as error:
        do = "start it with `liverank serve`, or name its address: `liverank doctor URL`"
        yield Finding("error", str(error), do)
        return
    for check in server.SERVER_CHECKS:
        yield from check(answers)


def _of_log(file: Path) -> tuple[list[str], list[Finding]]:
    """What a server's own log says that happened, and what of it went wrong."""
    try:
        summary = server_log.read_summary(file)
    except ServingError as error:
        return [], [parted("error", str(error), "name the file that stderr of the server goes to")]
    return server_log.what_happened(summary), list(server_log.check_summary(summary))


def _url(config: Config) -> str:
    host = _ANY_ADDRESS.get(config.serving.host, config.serving.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{config.serving.port}"
