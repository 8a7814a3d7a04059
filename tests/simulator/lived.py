"""Lives to test with, and a plain account of a world that is kept by reading its events."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable

from liverank.events.event import Edge, Event, Interaction, Item, Ranking
from liverank.simulator.life.kernel_inputs import REMEMBERED
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy

Lists = list[list[str]]


class Account:
    """Who follows whom, who is where and what was shown, by the events alone."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.follows: defaultdict[str, set[str]] = defaultdict(set)
        self.inside: dict[str, str] = {}
        self.speaks: dict[str, str] = {}
        self.shown: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._speakers: dict[str, list[str]] = {}
        for event in events:
            self.read(event)

    def read(self, event: Event) -> None:
        if isinstance(event, Edge):
            change = (
                self.follows[event.user].add if event.active else self.follows[event.user].discard
            )
            change(event.target)
        elif isinstance(event, Interaction):
            if event.type == "join":
                self.inside[event.user] = event.item
            elif event.type == "leave":
                del self.inside[event.user]
        elif isinstance(event, Item) and event.state != "scheduled":
            before = self._speakers.pop(event.item, [])
            now = [] if event.state == "ended" else [str(one) for one in event.fields["speakers"]]
            for user in before:
                if user not in now and self.speaks.get(user) == event.item:
                    del self.speaks[user]
            for user in now:
                self.speaks.setdefault(user, event.item)
            if now:
                self._speakers[event.item] = now

    def listeners(self, item: str) -> int:
        return Counter(self.inside.values())[item]

    def company(self, user: str, item: str, host: str) -> int:
        """People whom the user follows who listen, or else speak, in a room; not its host."""
        places = {other: self.speaks.get(other) for other in self.follows[user]}
        places |= {other: self.inside[other] for other in self.follows[user] & set(self.inside)}
        return sum(item == where and other != host for other, where in places.items())


def shown_without_click(events: Iterable[Event]) -> dict[str, list[str]]:
    """By person the rooms shown and not clicked, list by list: what fatigue is made of."""
    clicked = {
        (event.ranking, event.item)
        for event in events
        if isinstance(event, Interaction) and event.type == "click"
    }
    shown: defaultdict[str, list[str]] = defaultdict(list)
    for event in events:
        is_shown = isinstance(event, Interaction) and event.type == "impression"
        if is_shown and (event.ranking, event.item) not in clicked:
            shown[event.user].append(event.item)
    return shown


def lived(
    life: Life, policy: Policy, look: Callable[[list[Event]], None] | None = None
) -> list[Event]:
    """All events of a life; ``look`` sees those so far before the lists of each step."""
    events = life.introduction()
    policy.observe(events)
    while not life.is_over:
        step = life.step()
        policy.observe(step.events)
        events += step.events
        if look is not None:
            look(events)
        life.react(step.visits, policy.rank(step.visits) if len(step.visits) else [])
    return events


def rankings_of(events: Iterable[Event]) -> dict[str, Ranking]:
    return {event.id: event for event in events if isinstance(event, Ranking)}
