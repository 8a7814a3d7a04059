"""Heuristics to compare a model with, as policies in this process.

A personal rule is compared too: a few lines of code without a model.
Items with equal scores are ordered from the newest, as in the server's own popularity list.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from liverank.events.event import Edge, Event, Item, User
from liverank.simulator.policies.contract import Policy, Visits
from liverank.simulator.policies.popular import HOUR_MS, MostPopular, SuccessRate
from liverank.simulator.world.world import World

MINUTE_MS = 60_000


class NewestFirst:
    """Wraps a policy so that items with equal scores are ordered from the newest to the oldest."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def rank(self, visits: Visits) -> Sequence[Sequence[str]]:
        """The policy's lists."""
        return self._policy.rank(replace(visits, live=visits.live[::-1]))

    def observe(self, events: Sequence[Event]) -> None:
        """Pass events to the policy."""
        self._policy.observe(events)


def heuristics(world: World) -> dict[str, Policy]:
    """Popularity over three windows, and the success rate over two, by name."""
    found: dict[str, Policy] = {
        "popular 5m": MostPopular(world, half_life_ms=5 * MINUTE_MS),
        "popular 1h": MostPopular(world, half_life_ms=HOUR_MS),
        "popular 1d": MostPopular(world, half_life_ms=24 * HOUR_MS),
        "success rate 1h": SuccessRate(world, half_life_ms=HOUR_MS),
        "success rate 1d": SuccessRate(world, half_life_ms=24 * HOUR_MS),
    }
    return {name: NewestFirst(policy) for name, policy in found.items()}


class PersonalRule:
    """Daily success rate, times 3 if in the person's language, times 3 if the host is followed.

    A room of a followed host in the language counts nine times. It uses only events; the factor
    of three is not tuned.
    """

    def __init__(self, world: World, *, times: float = 3.0) -> None:
        self._ids = world.rooms.ids
        self._rate = SuccessRate(world, half_life_ms=24 * HOUR_MS)
        self._times = times
        self._rooms: dict[str, tuple[object, object]] = {}  # language and host
        self._language: dict[str, object] = {}
        self._follows: dict[str, set[object]] = defaultdict(set)

    def rank(self, visits: Visits) -> list[list[str]]:
        """The live rooms for each person; rooms with equal scores from the newest."""
        newest_first = replace(visits, live=visits.live[::-1])
        rates = self._rate.rates(newest_first).tolist()
        items = [self._ids[room] for room in newest_first.live.tolist()]
        return [self._list_of(user, items, rates) for user in visits.users]

    def observe(self, events: Sequence[Event]) -> None:
        """Update the rates, languages, hosts and follows."""
        self._rate.observe(events)
        for event in events:
            if isinstance(event, Item) and "host" in event.fields:
                self._rooms[event.item] = event.fields["language"], event.fields["host"]
            elif isinstance(event, User):
                self._language[event.user] = event.fields["language"]
            elif isinstance(event, Edge):
                follows = self._follows[event.user]
                (follows.add if event.active else follows.discard)(event.target)

    def _list_of(self, user: str, items: Sequence[str], rates: Sequence[float]) -> list[str]:
        known, follows = self._language.get(user), self._follows[user]
        scores = []
        for item, rate in zip(items, rates, strict=True):
            language, host = self._rooms[item]
            scores.append(rate * self._times ** ((language == known) + (host in follows)))
        order = sorted(range(len(items)), key=lambda index: -scores[index])
        return [items[index] for index in order]
