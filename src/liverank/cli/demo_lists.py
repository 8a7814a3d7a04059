"""What the demo shows: the lists of some people side by side, with what only the simulator knows.

Invariant: a number is labelled by who knows it, the model or the simulator.
"""

from dataclasses import dataclass

import numpy as np
from msgspec import UNSET
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from liverank.serving.http.messages import RankResponse, Reason
from liverank.simulator.life.life import Life
from liverank.simulator.portrait import Portrait
from liverank.simulator.world.names import LANGUAGES
from liverank.simulator.world.world import person_row, room_row

_REASONS = 2


@dataclass(frozen=True)
class ShownRoom:
    """A room of someone's list: what people see of it, the model's score, and the truth."""

    item: str
    title: str
    host: str
    topics: tuple[str, ...]
    language: str
    score: float
    by: str
    """What gave the score: ``"model"``, or the rung of the ladder below it."""
    true_join_probability: float
    reasons: tuple[Reason, ...]
    """Strongest first."""


def shown_rooms(life: Life, user: str, response: RankResponse) -> list[ShownRoom]:
    """The rooms of a ranking, in its order; the truth is as of the life's own time."""
    world, rooms = life.world, life.world.rooms
    rows = np.array([room_row(world, ranked.item) for ranked in response.items], np.int64)
    chances = life.true_chances(np.array([person_row(world, user)]), rows)[0].tolist()
    shown = []
    for ranked, chance in zip(response.items, chances, strict=True):
        place = world.room_of[ranked.item]
        shown.append(
            ShownRoom(
                item=ranked.item,
                title=rooms.titles[place],
                host=world.host_ids[rooms.host[place]],
                topics=rooms.topic_names(place),
                language=LANGUAGES[world.hosts.language[rooms.host[place]]],
                score=ranked.score,
                by=response.fallback or "model",
                true_join_probability=chance,
                reasons=() if ranked.reasons is UNSET else tuple(ranked.reasons),
            )
        )
    return shown


def lists_table(people: list[Portrait], lists: list[list[ShownRoom]]) -> Table:
    """One column a person, one row a place in the lists; it fits 100 columns for three people."""
    table = Table(
        title="What is live now, ranked for each",
        caption="join: its chance as the model scores it, and as it truly is. Tastes and truth\n"
        "are known to the simulator alone. + and -: what a feature does to the score, in log-odds",
        box=SIMPLE_HEAD,
        padding=(0, 1, 1, 0),
        pad_edge=False,
        expand=True,
    )
    for person in people:
        table.add_column(_heading(person), ratio=1, overflow="fold")
    for place in range(max(map(len, lists))):
        table.add_row(*(_cell(place, rooms) for rooms in lists))
    return table


def _heading(person: Portrait) -> str:
    return (
        f"{escape(person.user)}\n[not bold]understands {', '.join(person.languages)}[/]\n"
        f"[not bold]likes {', '.join(person.topics)}[/]"
    )


def _cell(place: int, rooms: list[ShownRoom]) -> str:
    if place >= len(rooms):
        return ""
    room = rooms[place]
    reasons = (
        f"[dim]{reason.effect:+.2f} {escape(reason.feature)}[/]"
        for reason in room.reasons[:_REASONS]
    )
    score = f"{room.score:.0%}" if room.by == "model" else f"{room.score:.2f}"
    return "\n".join(
        (
            f"[bold]{place + 1} {escape(room.title)}[/]",
            f"{', '.join(room.topics)}; {room.language}; by {escape(room.host)}",
            f"[green]join: {room.by} {score}, truth {room.true_join_probability:.0%}[/]",
            *reasons,
        )
    )
