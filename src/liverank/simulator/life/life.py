"""Simulates a world step by step, with any policy ranking the lists.

All visits within a step request their lists at its end. People's reactions have exact times after
that, and are returned by the steps in which they happen. Invariant: the same world, seed, step and
lists give the same events; random numbers do not depend on lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liverank.errors import SimulatorError
from liverank.events.event import Event
from liverank.simulator.life.agenda import STARTED
from liverank.simulator.life.appeal_kernel import chances_of, seconds_of
from liverank.simulator.life.chances import Chances
from liverank.simulator.life.events import introductions, list_id, reaction_events, room_event
from liverank.simulator.life.kernel_inputs import (
    NEVER_MS,
    RECORD,
    State,
    first_state,
    fixed_of,
    most_records,
)
from liverank.simulator.life.live_rooms import LiveRooms
from liverank.simulator.life.return_kernel import (
    Presence,
    first_visits,
    hand_out,
    miss_visits,
    pull,
    react_all,
)
from liverank.simulator.life.tally import Tally, empty_tally
from liverank.simulator.life.visit_kernel import JOINED
from liverank.simulator.policies.contract import Visits
from liverank.simulator.world.arrays import Floats, Ints, Rows
from liverank.simulator.world.world import DAY_MS, World, room_row


@dataclass(frozen=True, eq=False)
class Step:
    """The events and visits of a step of time."""

    events: Sequence[Event]  # in time order, all before ``visits.at_ms`` and after the last step's
    visits: Visits


class Life:
    """People in a world: ``step`` advances time, ``react`` simulates reactions to lists.

    >>> from liverank.simulator.world.world import build_world
    >>> life = Life(build_world(7, people=100, days=1), seed=1, step_ms=600_000)
    >>> while not life.is_over:
    ...     visits = life.step().visits
    ...     rooms = [life.world.rooms.ids[room] for room in visits.live.tolist()]
    ...     life.react(visits, [rooms] * len(visits))
    >>> bool(life.tally.joins.sum() > 0)
    True
    """

    def __init__(
        self,
        world: World,
        *,
        seed: int,
        step_ms: int = 60_000,
        shown: int = 20,
        days: int | None = None,
        record_chances: bool = False,
    ) -> None:
        """Begin a life of the world's first ``days`` (all of them by default).

        With ``record_chances``, ``chances`` records all live rooms at each visit. Raises
        SimulatorError for an invalid step, list length or number of days.
        """
        days = world.days if days is None else days
        if not 1 <= days <= world.days:
            raise SimulatorError(f"`days` is {days}; this world was built for 1 to {world.days}")
        if shown < 1:
            raise SimulatorError(f"`shown` is {shown}; a list holds at least 1 item")
        if not 1 <= step_ms <= DAY_MS:
            raise SimulatorError(f"`step_ms` is {step_ms}; a step is 1 ms to a day, {DAY_MS}")
        if not 0 <= seed < 2**62:
            raise SimulatorError(f"`seed` is {seed}; give 0 to 2**62 - 1")
        self.world = world
        self.at_ms = world.start_ms
        self.until_ms = world.start_ms + days * DAY_MS
        self.step_ms = step_ms
        self.chances = Chances() if record_chances else None
        self._seed, self._shown = seed, shown
        self._fixed, self._state = fixed_of(world), first_state(world)
        self._live = LiveRooms(world, self._state)
        self._pending = np.empty(0, RECORD)
        self._followers = _followers(self._state)
        self._tally = empty_tally(len(world.people.ids), world.days)
        self._lists = 0
        self._asked: Visits | None = None
        first_visits(self._fixed, self._state, world.constants.returns, seed)

    @property
    def is_over(self) -> bool:
        """Whether the life has reached its end."""
        return self.at_ms >= self.until_ms

    @property
    def tally(self) -> Tally:
        """True counts of all visits and reactions so far."""
        return self._tally

    def introduction(self) -> list[Event]:
        """Profiles and follows at the start of the world."""
        return list(introductions(self.world))

    def step(self) -> Step:
        """Advance time by a step. Raises SimulatorError at the end, or before ``react``."""
        if self.is_over:
            raise SimulatorError("this life is over; build a world of more days")
        if self._asked is not None and len(self._asked) > 0:
            raise SimulatorError("people wait for their lists; call `react` before the next step")
        self.at_ms = min(self.at_ms + self.step_ms, self.until_ms)
        events = self._hand_out()
        self._asked = self._visits()
        return Step(events, self._asked)

    def react(self, visits: Visits, lists: Sequence[Sequence[str]]) -> None:
        """Simulate reactions to lists, one for each visit of the last step, best item first.

        Raises SimulatorError for other visits, and for a list with an unknown or a repeated item.
        """
        if visits is not self._asked:
            raise SimulatorError("these are not the visits of the last step; give those, once")
        if len(lists) != len(visits):
            raise SimulatorError(f"{len(lists)} lists for {len(visits)} visits; give one for each")
        self._asked = None
        if len(visits) == 0:
            return
        if self.chances is not None:
            chances = self.true_chances(visits.people, visits.live)
            self.chances.write(visits.at_ms, visits.people, visits.live, chances)
        rooms, offsets = self._rows_of(lists)
        choices, returns = self.world.constants.choices, self.world.constants.returns
        longest = int(np.diff(offsets).max())
        out = np.zeros(len(visits) * most_records(longest), RECORD)
        first = self._lists - len(visits)
        asked = (self._seed, visits.at_ms, first, visits.people, offsets)
        count = react_all(self._fixed, self._state, choices, returns, asked, rooms, out)
        self._pending = np.concatenate([self._pending, out[:count]])

    def remaining(self) -> list[Event]:
        """Return the remaining events before the end; the life is over afterwards."""
        self.at_ms, self._asked = self.until_ms, None
        return self._hand_out()

    def fork(self) -> "Life":
        """An independent copy that continues from the same time, for counterfactuals."""
        twin = object.__new__(Life)
        twin.__dict__.update(self.__dict__)
        twin.chances = None
        twin._state = self._state.copied()
        twin._live = self._live.copied()
        twin._tally = self._tally.copied()
        return twin

    def imagined_joins(
        self, visits: Visits, lists: Sequence[Sequence[str]], *, seed: int
    ) -> list[str | None]:
        """The joins at each visit of the last step with other lists and other random numbers.

        The state does not change. Raises SimulatorError as ``react`` does.
        """
        twin = self.fork()
        twin._seed = (self._seed + 7_919 * (seed + 1)) % 2**62
        first, known = twin._lists - len(visits), len(twin._pending)
        twin.react(visits, lists)
        made = twin._pending[known:]
        joins = made[made["kind"] == JOINED]
        found: list[str | None] = [None] * len(visits)
        for number, room in zip(joins["list"].tolist(), joins["room"].tolist(), strict=True):
            found[number - first] = self.world.rooms.ids[room]
        return found

    def true_chances(self, people: Ints, rooms: Ints) -> Floats:
        """The probability that each room, examined now, is clicked and joined: float64[n, n_rooms].

        For reports and the oracle; no model may use it. The arguments are rows of people and rooms.
        """
        choices = self.world.constants.choices
        chances: Floats = chances_of(self._fixed, self._state, choices, people, rooms, self.at_ms)
        return chances

    def true_seconds(self, people: Ints, rooms: Ints) -> Floats:
        """The mean seconds for which each room, examined now, is listened to, joined or not.

        Arguments and shape are as for ``true_chances``: float64[n, n_rooms].
        """
        choices = self.world.constants.choices
        seconds: Floats = seconds_of(self._fixed, self._state, choices, people, rooms, self.at_ms)
        return seconds

    def listeners(self, room: int) -> int:
        """The number of people in a room (row) now."""
        return int(self._state.listeners[room])

    def _hand_out(self) -> list[Event]:
        """Apply all changes before ``at_ms`` to the state; return their events in time order."""
        world, state, returns = self.world, self._state, self.world.constants.returns
        changes = self._live.advance(self.at_ms, state)
        is_due = self._pending["at_ms"] < self.at_ms
        due = self._pending[is_due]
        due = due[np.argsort(due["at_ms"], kind="stable")]
        self._pending = self._pending[~is_due]
        if (self.at_ms - self.step_ms) // DAY_MS != self.at_ms // DAY_MS:
            self._followers = _followers(state)
        for at_ms, kind, room in changes:
            if kind == STARTED:
                host = int(world.hosts.person[world.rooms.host[room]])
                share = returns.host_pull
                presence = Presence(host, room, at_ms)
                pull(state, returns, self._seed, presence, share, self._followers)
        t = self._tally
        counts = (DAY_MS, t.impressions, t.clicks, t.joins, t.seconds)
        hand_out(self._fixed, state, returns, self._seed, due, self._followers, counts)
        events: list[Event] = [
            room_event(world, kind, room, at_ms) for at_ms, kind, room in changes
        ]
        return sorted(events + reaction_events(world, due), key=_time_of)

    def _visits(self) -> Visits:
        """The visits of the step that ends now, and the live rooms."""
        live, state = self._live.rows(), self._state
        people = np.flatnonzero(state.next_ms < self.at_ms)
        if self.is_over:
            people = people[:0]
        elif len(live) == 0:
            returns = self.world.constants.returns
            miss_visits(self._fixed, state, returns, self._seed, people, self.at_ms)
            people = people[:0]
        state.next_ms[people] = NEVER_MS
        if len(people):
            self._tally.visits[people, (self.at_ms - self.world.start_ms) // DAY_MS] += 1
        ids = self.world.people.ids
        first, self._lists = self._lists, self._lists + len(people)
        return Visits(
            at_ms=self.at_ms,
            people=people,
            users=tuple(ids[person] for person in people.tolist()),
            rankings=tuple(list_id(number) for number in range(first, self._lists)),
            live=live,
        )

    def _rows_of(self, lists: Sequence[Sequence[str]]) -> tuple[Ints, Ints]:
        """Rooms of the shown part of all lists, int64[k], and the start of each list."""
        rooms: list[int] = []
        offsets = [0]
        room_of = self.world.room_of
        for items in lists:
            shown = items[: self._shown]
            if len(set(shown)) < len(shown):
                raise SimulatorError(f"a list repeats an item: {list(shown)}")
            try:
                rooms += [room_of[item] for item in shown]
            except KeyError as error:
                room_row(self.world, error.args[0])
            offsets.append(len(rooms))
        return np.array(rooms, np.int64), np.array(offsets, np.int64)


def _time_of(event: Event) -> int:
    return event.at_ms


def _followers(state: State) -> tuple[Ints, Rows]:
    """The followers of each person: (start int64[n_people + 1], rows int32[...])."""
    number, count = len(state.follow_count), state.follow_count
    by = np.repeat(np.arange(number, dtype=np.int32), count)
    within = np.arange(len(by)) - np.repeat(np.cumsum(count) - count, count)
    target = state.follow[np.repeat(state.follow_start[:-1], count) + within]
    start = np.zeros(number + 1, np.int64)
    np.cumsum(np.bincount(target, minlength=number), out=start[1:])
    return start, by[np.argsort(target, kind="stable")]
