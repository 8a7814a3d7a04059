"""Serves the project of the demo until Ctrl-C, and suggests commands to try."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from liverank.proof.page.facts import PersonLists
from liverank.simulator.server.own_server import own_server
from liverank.simulator.simulate import SURFACE

_POLL_S = 0.2
"""Longest delay before Ctrl-C is noticed, whichever thread gets the signal."""


def commands_to_try(config: Path, lists: Sequence[PersonLists]) -> tuple[str, ...]:
    """Commands to try on the kept project.

    >>> commands_to_try(Path("world/liverank.toml"), [])[0]
    'liverank serve --config world/liverank.toml --port 8080'
    """
    return (
        f"liverank serve --config {config} --port 8080",
        _rank_command("localhost:8080", lists),
        f"liverank experiment report tab --config {config} --html tab.html",
    )


def stay_up(config: Path, lists: Sequence[PersonLists], console: Console) -> None:
    """Serve until Ctrl-C. Raises ServingError if the server does not start."""
    with own_server(config) as address:
        console.print(f"\nServing at {address} until Ctrl-C. Try:", soft_wrap=True)
        for command in (
            _rank_command(address, lists),
            f"curl {address}/v1/items",
            f"curl {address}/healthz",
        ):
            console.print(f"  {command}", markup=False, soft_wrap=True)
        try:
            while True:
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            console.print("Stopped")


def _rank_command(address: str, lists: Sequence[PersonLists]) -> str:
    user = lists[0].user if lists else "u1"
    body = f'{{"user":"{user}","surface":"{SURFACE}","limit":5,"explain":true}}'
    return f"curl {address}/v1/rank --json '{body}'"
